import Glibc

/// Runs another program and takes what it prints.
enum CommandOutput {
    /// The standard output of `arguments`, found through PATH, run with no input and no error
    /// output. Nil where it cannot be started, fails, prints more than 8 MiB, or is not done after
    /// `timeoutMs`; then it is killed.
    ///
    /// The environment is PATH and HOME and nothing else, so that a caller's own settings (GIT_DIR
    /// in a hook) do not redirect it.
    static func of(_ arguments: [String], timeoutMs: Int = 5000) -> String? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child = spawn(arguments, output: ends[1])
        close(ends[1])
        guard let child else { return nil }
        let endMs = nowMs() + timeoutMs
        let output = drain(ends[0], untilMs: endMs)
        let succeeded = reap(child, untilMs: output == nil ? 0 : endMs)
        return succeeded ? output.map { String(decoding: $0, as: UTF8.self) } : nil
    }

    /// Waits for the child, kills it where it is not done in time, and says whether it ended with
    /// 0.
    private static func reap(_ child: pid_t, untilMs end: Int) -> Bool {
        var status: Int32 = 0
        var isKilled = false
        while true {
            if !isKilled, nowMs() >= end {
                kill(child, SIGKILL)
                isKilled = true
            }
            // A program may close its output and go on, so this waits with an eye on the clock.
            let reaped = waitpid(child, &status, isKilled ? 0 : WNOHANG)
            if reaped == child { return status == 0 }
            if reaped < 0, errno != EINTR { return false }
            if reaped == 0 { usleep(500) }
        }
    }

    private static func spawn(_ arguments: [String], output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var environment = ["LC_ALL=C"]
        for name in ["PATH", "HOME"] {
            if let value = getenv(name) { environment.append("\(name)=\(String(cString: value))") }
        }
        var argumentPointers = arguments.map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup($0) } + [nil]
        defer {
            for pointer in argumentPointers + environmentPointers { free(pointer) }
        }
        var child = pid_t()
        let error = posix_spawnp(
            &child, arguments[0], &actions, nil, &argumentPointers, &environmentPointers)
        return error == 0 ? child : nil
    }

    /// Everything until the other end is closed; nil where that is not in time.
    private static func drain(_ file: Int32, untilMs end: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while bytes.count <= 8 << 20 {
            let left = end - nowMs()
            guard left > 0 else { return nil }
            var request = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
            let ready = poll(&request, 1, Int32(clamping: left))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            let length = read(file, &chunk, chunk.count)
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { return nil }
            if length == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<length])
        }
        return nil
    }

    private static func nowMs() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
