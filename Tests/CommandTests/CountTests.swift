import Foundation
import Testing

@Suite("Counts of this build against thresholds") struct CountTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    static let hasValgrind: Bool = {
        let folder = try? Folder()
        return folder.flatMap { try? Program.shell("valgrind --version", in: $0).status } == 0
    }()

    /// Thresholds of schemes whose values are all 0; bytes of `spsc` are that in truth. A debug
    /// build, whose code is not specialised, may differ by a little from run to run.
    private func thresholds(architecture: String = Self.architecture) throws {
        try folder.file(
            "counts.json",
            """
            {"schemaVersion": 1, "architecture": "\(architecture)", "compiler": "none",
             "schemes": [
              {"scheme": "spsc", "counts": [
                {"count": "instructions", "value": 0, "tolerance": 20, "reason": "a debug build"},
                {"count": "bytes", "value": 0, "tolerance": 1, "reason": "a debug build"}
              ]},
              {"scheme": "sharded/futex", "counts": [
                {"count": "grouped-instructions", "value": 0, "tolerance": 20,
                 "reason": "a debug build"}
              ]},
              {"scheme": "rcu-refcount/futex+jemalloc", "counts": [
                {"count": "allocations", "value": 0, "tolerance": 0, "reason": "to be measured"},
                {"count": "bytes", "value": 0, "tolerance": 1, "reason": "a debug build"}
              ]}
             ]}

            """)
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86-64"
        #else
            "arm64"
        #endif
    }

    private func gate(_ options: String...) throws -> Program.Outcome {
        try Program.run(
            ["gate", "--counts", "--thresholds", "counts.json", "--quiet"] + options, in: folder)
    }

    @Test(
        "more than the threshold fails with a diff that accepts it, and a slowdown is seen then",
        .enabled(if: hasValgrind, "no valgrind in PATH"))
    func slowdown() throws {
        try thresholds()
        let first = try gate()
        #expect(first.status == 2, "\(first.errors)")
        #expect(first.text.hasPrefix("fail: 5 counts, 4 above"), "\(first.text)")
        try folder.file("diff", first.output)
        let patched = try Program.shell("patch -p1 < diff", in: folder)
        #expect(patched.status == 0, "\(patched.text)")
        let second = try gate("--strict")
        #expect(second.status == 0, "\(second.text)")
        #expect(second.text.hasPrefix("pass: 5 counts, 0 above"), "\(second.text)")
        #expect(!second.text.contains("+++"))
        let slower = try gate("--plant", "operation:50")
        #expect(slower.status == 2)
        #expect(
            slower.lines.contains { $0.hasPrefix("spsc  ") && $0.hasSuffix("above") },
            "\(slower.text)")
        #expect(folder.names == ["counts.json", "diff"])
    }

    @Test(
        "less than the threshold is stale: said, with a diff, and strictly 4",
        .enabled(if: hasValgrind, "no valgrind in PATH"))
    func stale() throws {
        try thresholds()
        let text = String(decoding: try folder.read("counts.json"), as: UTF8.self)
        try folder.file("counts.json", text.replacing("\"value\": 0,", with: "\"value\": 1e6,"))
        let outcome = try gate("--github")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.hasPrefix("stale: 5 counts, 0 above their thresholds, 5 below"))
        #expect(outcome.text.contains("+++ b/counts.json"))
        #expect(outcome.lines.count { $0.hasPrefix("::warning ") } == 5, "\(outcome.text)")
        #expect(try gate("--strict").status == 4)
        let json = try gate("--json")
        let object = try #require(
            try JSONSerialization.jsonObject(with: json.output) as? [String: Any])
        #expect(object["outcome"] as? String == "stale")
        #expect((object["counts"] as? [Any])?.count == 5)
    }

    @Test("without valgrind what it counts is left out, and the status says so")
    func withoutValgrind() throws {
        try thresholds()
        let text = String(decoding: try folder.read("counts.json"), as: UTF8.self)
        try folder.file("counts.json", text.replacing("jemalloc", with: "glibc"))
        try FileManager.default.createDirectory(
            atPath: folder.path + "/empty", withIntermediateDirectories: false)
        let outcome = try Program.run(
            ["gate", "--counts", "--thresholds", "counts.json"], in: folder,
            environment: ["PATH": folder.path + "/empty"])
        #expect(outcome.status == 6, "\(outcome.errors)")
        #expect(outcome.text.contains("no valgrind in PATH"), "\(outcome.text)")
        #expect(outcome.text.contains("3 not measured"), "\(outcome.text)")
    }

    @Test(
        "machine code that cannot be looked at is left out; what is found wrong is not",
        arguments: [(nil, Int32(6)), ("exit 1", 6), ("exit 6", 6), ("echo found >&2; exit 3", 3)])
    func withoutScript(script: String?, status: Int32) throws {
        let checkout = try Checkout(in: folder)
        if let script { try checkout.executable("scripts/check-hot-loops", script) }
        try folder.file(
            "counts.json",
            """
            {"schemaVersion": 1, "architecture": "\(Self.architecture)", "compiler": "none",
             "schemes": [
              {"scheme": "spsc", "counts": [
                {"count": "loop-code", "value": 0, "tolerance": 1, "reason": "no script"}
              ]}
             ]}

            """)
        let outcome = try Program.run(
            checkout.program, ["gate", "--counts", "--thresholds", "counts.json", "--quiet"],
            in: folder, environment: [:], output: nil, meanwhile: { _, _ in })
        #expect(outcome.status == status, "\(outcome.errors)")
        if status == 6 {
            #expect(outcome.text.contains("Machine code is not counted"), "\(outcome.text)")
            #expect(outcome.text.contains("1 not measured"), "\(outcome.text)")
        } else {
            #expect(outcome.errorLines.count == 1 && outcome.errors.contains("found"))
        }
    }

    @Test("thresholds that are missing, broken or for another machine are refused in one line")
    func refusals() throws {
        let counts = ["gate", "--counts", "--quiet", "--thresholds", "counts.json"]
        try Refusals.expect(counts, in: folder, saying: ["counts.json: no such file"])
        try folder.file("counts.json", "{\"schemaVersion\": 1}")
        try Refusals.expect(counts, in: folder, saying: ["counts.json: architecture is missing"])
        try thresholds(architecture: "sparc")
        try Refusals.expect(counts, in: folder, status: 6, saying: ["counts.json", "sparc"])
        try thresholds()
        let text = String(decoding: try folder.read("counts.json"), as: UTF8.self)
        try folder.file("counts.json", text.replacing("\"spsc\"", with: "\"spcs\""))
        try Refusals.expect(counts, in: folder, saying: ["spcs", "did you mean \"spsc\"?"])
        try Refusals.expect(counts + ["--base", "main"], in: folder, saying: ["--counts"])
        try Refusals.expect(
            ["gate", "--base", "main", "--thresholds", "x"], in: folder, saying: ["--thresholds"])
    }
}
