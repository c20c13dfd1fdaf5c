import FaultTraffic
import Foundation
import Harness

/// Finds what ships beside the program: suites and traces.
enum ProjectFiles {
    /// The folder that holds `Benchmarks/suites`: above the program itself (a build in a checkout),
    /// else above the current folder.
    static let root: String? = {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let current = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        for start in [program.deletingLastPathComponent(), current] {
            var folder = start
            while true {
                if isFolder(folder.appendingPathComponent("Benchmarks/suites").path) {
                    return folder.path
                }
                let above = folder.deletingLastPathComponent()
                if above.path == folder.path { break }
                folder = above
            }
        }
        return nil
    }()

    static func isFolder(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            && isDirectory.boolValue
    }

    /// Names of the suites that ship, sorted.
    static var suiteNames: [String] { names(in: "Benchmarks/suites", ending: ".json") }
    /// Names of the traces that ship, sorted.
    static var traceNames: [String] {
        names(in: "traces", ending: "." + TraceFile.fileExtension)
    }

    private static func names(in folder: String, ending: String) -> [String] {
        guard let root else { return [] }
        let files =
            (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
        return files.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
            .sorted()
    }

    /// A suite by its name, or by the path of its file.
    static func suite(_ name: String) throws -> Suite {
        if name.contains("/") || name.hasSuffix(".json") { return try Suite.read(name) }
        guard let root, suiteNames.contains(name) else {
            let nearest = NamePattern.nearest(to: name, in: suiteNames)
            let hint = nearest.map { "did you mean \"\($0)\"?" } ?? "no suites were found"
            throw SuiteError("no suite \"\(name)\"; \(hint)")
        }
        return try Suite.read("\(root)/Benchmarks/suites/\(name).json")
    }

    /// A trace by its name, or by the path of its file.
    static func trace(_ name: String, options: ImportOptions = ImportOptions()) throws -> Trace {
        if let root, traceNames.contains(name) {
            return try TraceFile.read(
                path: "\(root)/traces/\(name).\(TraceFile.fileExtension)")
        }
        if !name.contains("/") && !name.contains(".") && name != "-"
            && !FileManager.default.fileExists(atPath: name)
        {
            let nearest = NamePattern.nearest(to: name, in: traceNames)
            let hint = nearest.map { "did you mean \"\($0)\"?" } ?? "no traces were found"
            throw SuiteError("no trace or file \"\(name)\"; \(hint)")
        }
        return try TraceReader.read(path: name, options: options)
    }

    /// Where results go when no path is given.
    static var runsFolder: String { (root ?? ".") + "/results/runs" }
}
