import Foundation
import Glibc
import Measurement

/// Runs another program to its end, for what it prints. The user's wish to stop ends it and all
/// that it has started.
struct ToolRun {
    let status: Int32
    let output: String
    /// The last line that it wrote to standard error, or to standard output.
    let complaint: String

    /// Between a wish to stop and the kill: time for the program to tidy up.
    private static let graceMs = 3000
    private static let pollMs: Int32 = 50

    /// - Parameters:
    ///   - environment: Variables beside those of this process, of which git's are left out.
    ///   - log: Where all output goes as well; nil for nowhere.
    /// - Throws: `CommandFailure` where it cannot be started, `Exit` where it was stopped.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        log: String? = nil
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = Self.inherited.merging(environment) { $1 }
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
        let bytes = Self.read(pipe.fileHandleForReading.fileDescriptor)
        guard let bytes else {
            Self.end(process)
            throw Exit(code: StopSignal.exitCode ?? 130)
        }
        process.waitUntilExit()
        status = process.terminationStatus
        output = String(decoding: bytes, as: UTF8.self)
        if log != nil { try? handle.write(contentsOf: bytes) }
        let errors = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        let lines = [errors, output].map { $0.split(whereSeparator: \.isNewline) }
        let said = lines[0].last { $0.contains("error") || $0.contains("fatal") }
        complaint = String(said ?? lines[0].last ?? lines[1].last ?? "it said nothing")
    }

    /// Without git's variables: in a hook, or under `git rebase -x`, GIT_DIR and GIT_INDEX_FILE are
    /// those of the user's checkout, and git would work on that wherever `-C` sends it.
    private static var inherited: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GIT_") }
    }

    /// Everything up to the end of the output; nil where the user wants to stop before.
    private static func read(_ descriptor: Int32) -> Data? {
        var bytes = Data()
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while !StopSignal.isRequested {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, pollMs) > 0 else { continue }
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
        return nil
    }

    /// Asks the program and all of its group to end, and then makes them.
    private static func end(_ process: Process) {
        let child = process.processIdentifier
        // A child of its own group leads it; otherwise the group is this process's too.
        let target = getpgid(child) == child ? -child : child
        kill(target, SIGTERM)
        for _ in 0..<graceMs / 10 where process.isRunning { usleep(10_000) }
        kill(target, SIGKILL)
        process.waitUntilExit()
    }
}
