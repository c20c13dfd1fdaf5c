import Foundation
import Testing

/// The built program, run as a user runs it.
enum Program {
    /// Beside the test bundle, whichever build that is of.
    static let path: String = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let folders = [
            bundle.deletingLastPathComponent(),
            URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
            checkout.appendingPathComponent(".build/debug"),
        ]
        let candidates = folders.map { $0.appendingPathComponent("fqbench").path }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
            ?? candidates[0]
    }()

    /// The root of the checkout that holds this file.
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    struct Outcome {
        /// Exit status; 128 and the number of the signal that ended it.
        let status: Int32
        let output: Data
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }
        var lines: [String] { text.split(separator: "\n").map(String.init) }
        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    /// Longest time that any run may take; only a hang reaches it.
    private static let limitSeconds = 120.0

    /// Runs the program to its end.
    ///
    /// - Parameters:
    ///   - input: The file behind standard input; none by default.
    ///   - output: The file behind standard output, which then is not in the outcome.
    ///   - meanwhile: Called again and again while it runs, with its process number and what it has
    ///     written to standard error so far.
    static func run(
        _ arguments: [String], in folder: Folder, environment: [String: String] = [:],
        output: FileHandle? = nil, meanwhile: (Int32, String) throws -> Void = { _, _ in }
    ) throws -> Outcome {
        try run(
            path, arguments, in: folder, environment: environment, output: output,
            meanwhile: meanwhile)
    }

    /// The same for a command of the shell, in which `fqbench` is the program.
    static func shell(
        _ command: String, in folder: Folder, environment: [String: String] = [:],
        meanwhile: (Int32, String) throws -> Void = { _, _ in }
    ) throws -> Outcome {
        try run(
            "/bin/sh", ["-c", "fqbench() { '\(path)' \"$@\"; }\n" + command], in: folder,
            environment: environment, output: nil, meanwhile: meanwhile)
    }

    static func run(
        _ executable: String, _ arguments: [String], in folder: Folder,
        environment: [String: String], output: FileHandle?,
        meanwhile: (Int32, String) throws -> Void
    ) throws -> Outcome {
        let number = UUID().uuidString
        let outputPath = "\(folder.path)/.output-\(number)"
        let errorPath = "\(folder.path)/.errors-\(number)"
        for path in [outputPath, errorPath] {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        defer { for path in [outputPath, errorPath] { unlink(path) } }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        var all = ProcessInfo.processInfo.environment
        for name in ["NO_COLOR", "COLUMNS", "TERM"] { all[name] = nil }
        all["TMPDIR"] = folder.path
        all["SWIFT_BACKTRACE"] = "enable=no"
        process.environment = all.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try output ?? handle(outputPath)
        process.standardError = try handle(errorPath)
        try process.run()
        let deadline = Date(timeIntervalSinceNow: limitSeconds)
        while process.isRunning {
            if Date.now > deadline {
                kill(process.processIdentifier, SIGKILL)
                Issue.record("\(arguments) was still running after \(limitSeconds) s")
            }
            try meanwhile(process.processIdentifier, try read(errorPath))
            usleep(2000)
        }
        let ended = process.terminationStatus
        return Outcome(
            status: process.terminationReason == .exit ? ended : 128 + ended,
            output: try Data(contentsOf: URL(fileURLWithPath: outputPath)),
            errors: try read(errorPath))
    }

    private static func handle(_ path: String) throws -> FileHandle {
        try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    private static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }
}

/// A folder of its own, removed in the end.
final class Folder {
    let path: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/fqbench-command-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file; its path.
    @discardableResult
    func file(_ name: String, _ bytes: Data) throws -> String {
        let target = "\(path)/\(name)"
        try bytes.write(to: URL(fileURLWithPath: target))
        return target
    }

    @discardableResult
    func file(_ name: String, _ text: String) throws -> String {
        try file(name, Data(text.utf8))
    }

    func read(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// What is in it, but for what a run in progress keeps there.
    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
            .filter { !$0.hasPrefix(".output-") && !$0.hasPrefix(".errors-") }.sorted()
    }
}
