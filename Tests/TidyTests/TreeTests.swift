import Testing

/// The rules against the package's own files.
@Suite("The source tree is tidy") struct TreeTests {
    static var files: [SourceFile] { SourceTree.files }
    static var sources: [SourceFile] { files.filter { $0.isIn("Sources") } }
    /// Files with a layout of ours: code and scripts, not prose and records.
    static var code: [SourceFile] {
        files.filter {
            $0.isSwift || $0.isC || $0.isIn("scripts") || $0.isIn(".ci")
        }
    }

    @Test("the walk finds the package")
    func walk() {
        let paths = Set(Self.files.map(\.path))
        #expect(paths.contains("Package.swift"))
        #expect(paths.contains("Sources/FaultModel/PageRequest.swift"))
        #expect(paths.contains("Tests/TidyTests/TreeTests.swift"))
        #expect(paths.contains("scripts/setup"))
        #expect(paths.contains(".ci/run"))
        #expect(!paths.contains { $0.contains(".build") || $0.hasPrefix(".git/") })
    }

    @Test("no tab, no line over 100 columns, no space at a line's end")
    func layout() { #expect(Self.code.flatMap(TidyRules.layout) == []) }

    @Test("no reminder is left")
    func reminders() { #expect(Self.files.flatMap(TidyRules.noReminders) == []) }

    @Test("no path of one machine")
    func localPaths() { #expect(Self.files.flatMap(TidyRules.noLocalPaths) == []) }

    @Test("no source is over 500 lines")
    func fileLength() { #expect(Self.sources.flatMap(TidyRules.fileLength) == []) }

    @Test("a source is named after a type in it")
    func fileNames() { #expect(Self.sources.flatMap(TidyRules.fileName) == []) }

    @Test("imports only point down")
    func imports() { #expect(Self.sources.flatMap(TidyRules.importArrows) == []) }

    @Test("threads share only through the seam")
    func atomicsSeam() { #expect(Self.sources.flatMap(TidyRules.atomicsSeam) == []) }

    @Test("every memory ordering says why, and its other side does too")
    func orderings() {
        let algorithms = Self.sources.filter { $0.isIn("Sources/FaultQueues") }
        #expect(algorithms.flatMap(OrderingRules.commented) == [])
        #expect(OrderingRules.paired(algorithms) == [])
    }
}
