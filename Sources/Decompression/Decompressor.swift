import Foundation
import Glibc

/// A running tool that decompresses a file into a pipe. One thread; call `stop` in the end.
public final class Decompressor {
    /// The end of the pipe that what the tool writes is read from; the caller closes it.
    public let output: Int32
    private let compression: Compression
    private var child: pid_t?

    /// Between the making of a pipe and the tool's start, no other tool of ours may inherit it:
    /// it would hold the pipe open past the end of the data.
    private static let spawning = NSLock()

    /// Starts the tool.
    ///
    /// - Parameters:
    ///   - input: At the file's first byte; read by the tool alone.
    ///   - toolDirectories: Where to look for the tool; nil: the directories of `PATH`.
    public init(
        _ compression: Compression, input: Int32, toolDirectories: [String]? = nil
    ) throws(DecompressionError) {
        self.compression = compression
        let tool = compression.rawValue
        let searchPath = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let folders = toolDirectories ?? searchPath.split(separator: ":").map { String($0) }
        let candidates: [String] = folders.map { folder in "\(folder)/\(tool)" }
        let path = candidates.first { candidate in access(candidate, X_OK) == 0 }
        guard let path else {
            throw DecompressionError("is compressed and needs the tool \(tool): install it")
        }
        let (child, reading, code) = Self.spawn(path, tool, input)
        guard code == 0 else {
            throw DecompressionError("cannot start \(path): \(String(cString: strerror(code)))")
        }
        self.child = child
        output = reading
    }

    private static func spawn(
        _ path: String, _ tool: String, _ input: Int32
    ) -> (child: pid_t, reading: Int32, code: Int32) {
        spawning.lock()
        defer { spawning.unlock() }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return (0, -1, errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        // A fixed environment, so that no XZ_OPT or GZIP of the user's changes the output.
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup(tool), strdup("-dcq"), nil]
        let environment: [UnsafeMutablePointer<CChar>?] = [strdup("LC_ALL=C"), nil]
        defer { for text in arguments + environment { free(text) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, path, &actions, nil, arguments, environment)
        if code != 0 { close(ends[0]) }
        return (child, ends[0], code)
    }

    /// After the end of the output: whether the tool found its input whole.
    public func finish() throws(DecompressionError) {
        guard let child else { return }
        self.child = nil
        let status = Self.wait(for: child)
        guard status == 0 else {
            throw DecompressionError(
                "\(compression.rawValue) cannot decompress it: expected a whole "
                    + "\(compression.suffix) file, found a truncated or damaged one")
        }
    }

    /// Ends the tool where it still runs. Safe to call at any time.
    public func stop() {
        guard let child else { return }
        self.child = nil
        kill(child, SIGKILL)
        _ = Self.wait(for: child)
    }

    /// The wait status; -1 where the system keeps none.
    private static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            if errno != EINTR { return -1 }
        }
        return status
    }
}
