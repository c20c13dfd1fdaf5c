import Foundation
import Glibc
import Measurement
import Results

/// A child process that visits cells on request, in a process group of its own, so that whatever it
/// has started ends with it. One thread; call `stop` in the end.
final class GateProcess {
    let greeting: GateProtocol.Greeting
    private let program: String
    private let pid: pid_t
    private let input: Int32
    private let output: Int32
    private let errorFile: String
    private var buffer: [UInt8] = []
    private var isRunning = true

    /// Longest silence at the start, and in a visit: only a hang or a dead machine takes so long.
    private static let patienceMs: Int32 = 60_000
    /// The user's wish to stop interrupts a wait; one that came just before it is seen after this.
    /// Not shorter: whoever wakes up takes a CPU away from what is measured.
    private static let waitMs: Int32 = 1000
    /// From the end of its input to the kill.
    private static let graceMs = 1000

    /// Starts `program` and waits for its greeting.
    ///
    /// - Parameters:
    ///   - name: What messages call it. The program itself sees one name for both sides: the
    ///     length of an argument moves the stack.
    ///   - scratch: A folder for what it writes to standard error.
    /// - Throws: `CommandFailure` where it cannot be started, is no such program or says nothing;
    ///   `Exit` where the user wants to stop.
    init(program: String, name: String, arguments: [String], scratch: String) throws {
        self.program = name
        errorFile = "\(scratch)/errors-\(UUID().uuidString)"
        var toChild: [Int32] = [-1, -1]
        var fromChild: [Int32] = [-1, -1]
        guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
            throw CommandFailure(.unfit, "no pipe: \(String(cString: strerror(errno)))")
        }
        for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild[0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(
            &actions, STDERR_FILENO, errorFile, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        let words: [UnsafeMutablePointer<CChar>?] =
            (["fqbench", GateProtocol.command] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, program, &actions, &attributes, words, environ)
        close(toChild[0])
        close(fromChild[1])
        guard code == 0 else {
            close(toChild[1])
            close(fromChild[0])
            unlink(errorFile)
            throw CommandFailure(
                .badInput, "\(name): cannot be started: \(String(cString: strerror(code)))")
        }
        pid = child
        input = toChild[1]
        output = fromChild[0]
        do {
            let line = try Self.readLine(output, &buffer, name: name, errorFile: errorFile)
            guard let line,
                let greeting = try? JSONDecoder().decode(
                    GateProtocol.Greeting.self, from: Data(line)),
                greeting.gateProtocol == GateProtocol.version
            else {
                throw CommandFailure(
                    .badInput,
                    "\(name): expected an fqbench that speaks version \(GateProtocol.version) of "
                        + "the gate's protocol\(Self.lastLine(errorFile))")
            }
            self.greeting = greeting
        } catch {
            Self.kill(child)
            close(toChild[1])
            close(fromChild[0])
            unlink(errorFile)
            throw error
        }
    }

    /// One visit.
    ///
    /// - Throws: `CommandFailure` where the process ends or says nothing; `Exit` where the user
    ///   wants to stop.
    func visit(cell: Int, round: Int) throws -> RoundRecord {
        let request = Array(
            try GateProtocol.line(GateProtocol.Request(cell: cell, round: round)))
        guard write(input, request, request.count) == request.count,
            let line = try Self.readLine(output, &buffer, name: program, errorFile: errorFile)
        else {
            throw CommandFailure(.unfit, "\(program) ended in a visit\(Self.lastLine(errorFile))")
        }
        do {
            return try JSONDecoder().decode(RoundRecord.self, from: Data(line))
        } catch {
            throw CommandFailure(.unfit, "\(program): its answer is no round: \(error)")
        }
    }

    /// Ends the process and its group, at once where it does not end by itself or the user waits
    /// for it. Safe to call at any time.
    func stop() {
        guard isRunning else { return }
        isRunning = false
        close(input)
        var waitedMs = 0
        while waitpid(pid, nil, WNOHANG) == 0 {
            if waitedMs >= Self.graceMs || StopSignal.isRequested {
                Self.kill(pid)
                break
            }
            usleep(5000)
            waitedMs += 5
        }
        close(output)
        unlink(errorFile)
    }

    deinit { stop() }

    /// A child that leads its group, with the whole group.
    private static func kill(_ child: pid_t) {
        Glibc.kill(-child, SIGKILL)
        waitpid(child, nil, 0)
    }

    /// The next line; nil at the end.
    private static func readLine(
        _ descriptor: Int32, _ buffer: inout [UInt8], name: String, errorFile: String
    ) throws -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var searched = 0
        var silentMs: Int32 = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                return line
            }
            searched = buffer.count
            if let code = StopSignal.exitCode { throw Exit(code: code) }
            guard silentMs < patienceMs else {
                throw CommandFailure(
                    .unfit,
                    "\(name) did not answer for \(patienceMs / 1000) s\(lastLine(errorFile))")
            }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wait, 1, waitMs)
            if ready == 0 { silentMs += waitMs }
            if ready == 0 || (ready < 0 && errno == EINTR) { continue }
            guard ready > 0 else { return nil }
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0, buffer.count < 64 << 20 else { return nil }
            buffer.append(contentsOf: chunk[..<count])
            silentMs = 0
        }
    }

    /// What the child said last, as the rest of a sentence.
    private static func lastLine(_ file: String) -> String {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        guard let line = text.split(whereSeparator: \.isNewline).last else { return "" }
        return ": " + line.prefix(300)
    }
}
