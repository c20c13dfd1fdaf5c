import Foundation
import Glibc

/// Runs another program to its end, for what it prints.
struct ToolRun {
    let status: Int32
    let output: String
    /// The last line that it wrote to standard error, or to standard output.
    let complaint: String

    /// - Parameter log: Where all output goes as well; nil for nowhere.
    /// - Throws: `CommandFailure` where it cannot be started.
    init(_ program: String, _ arguments: [String], log: String? = nil) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let file = log ?? NSTemporaryDirectory() + "/fqbench-tool-\(UUID().uuidString)"
        guard FileManager.default.createFile(atPath: file, contents: nil),
            let handle = FileHandle(forWritingAtPath: file)
        else { throw CommandFailure(.unfit, "\(file): cannot be written") }
        defer {
            try? handle.close()
            if log == nil { unlink(file) }
        }
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = handle
        do {
            try process.run()
        } catch {
            throw CommandFailure(
                .unfit, "\(program): cannot be started: \(error.localizedDescription)")
        }
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        status = process.terminationStatus
        output = String(decoding: bytes, as: UTF8.self)
        if log != nil { try? handle.write(contentsOf: bytes) }
        let errors = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        let lines = [errors, output].map { $0.split(whereSeparator: \.isNewline) }
        let said = lines[0].last { $0.contains("error") || $0.contains("fatal") }
        complaint = String(said ?? lines[0].last ?? lines[1].last ?? "it said nothing")
    }
}
