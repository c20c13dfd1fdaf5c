import CPlatform
import FaultOracle
import Foundation
import Glibc

/// A trial in a process of its own, so that a crash or a deadlock ends that process and nothing
/// else.
public enum TrialProcess {
    /// Added to a trial's own limit before the process is taken for hung.
    private static let graceSeconds = 30.0

    /// Runs a trial in a child.
    ///
    /// - Parameters:
    ///   - program: Executable; with `arguments` and two paths it reads the trial from the first
    ///     and writes the outcome to the second.
    ///   - isStopped: Asked now and then; where true the child is ended.
    /// - Returns: Nil where it was stopped.
    public static func run(
        _ trial: VerifyTrial, program: String, arguments: [String], isStopped: () -> Bool
    ) throws -> TrialOutcome? {
        let folder = FileManager.default.temporaryDirectory.path
        let base = "\(folder)/fqbench-trial-\(getpid())-\(UUID().uuidString)"
        let (question, answer) = (base + ".trial", base + ".outcome")
        defer { for path in [question, answer] { unlink(path) } }
        try JSONEncoder().encode(trial).write(to: URL(fileURLWithPath: question))
        let start = ContinuousClock().now
        let child = try spawn(program, arguments + [question, answer])
        let limit = Duration.seconds(trial.seconds + graceSeconds)
        guard let ending = wait(for: child, until: start + limit, isStopped) else { return nil }
        var outcome = TrialOutcome()
        if let data = FileManager.default.contents(atPath: answer),
            let read = try? JSONDecoder().decode(TrialOutcome.self, from: data)
        {
            outcome = read
        } else {
            outcome.violations = [violation(of: ending, limit)]
        }
        outcome.seconds = (ContinuousClock().now - start) / .seconds(1)
        return outcome
    }

    /// How a child ended.
    private enum Ending {
        case status(Int32)
        /// Killed by this program.
        case late
    }

    /// Signals that a process brings upon itself.
    private static let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]

    /// What it means that a child left no outcome.
    private static func violation(of ending: Ending, _ limit: Duration) -> Violation {
        guard case .status(let status) = ending else {
            return Violation(.deadlock, "the process had not ended after \(limit)")
        }
        let signal = status & 0x7F
        if faults.contains(signal) {
            return Violation(.crash, "the process ended with signal \(signal)")
        }
        let how = signal == 0 ? "ended with status \(status >> 8)" : "was sent signal \(signal)"
        return Violation(.unfinished, "the process \(how) and left no outcome")
    }

    private static func spawn(_ program: String, _ arguments: [String]) throws -> pid_t {
        var child = pid_t()
        var pointers = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        // A crash is an outcome: no debugger, no core.
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_BACKTRACE"] = "enable=no"
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in variables { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // What a dying process says is in its outcome.
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        // Nobody who waits for this program's end shall wait for a child that outlives it.
        fq_spawn_close_from(&actions, STDERR_FILENO + 1)
        let error = posix_spawn(&child, program, &actions, nil, &pointers, &variables)
        guard error == 0 else { throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EIO) }
        return child
    }

    /// Nil where it was stopped. Past the limit the child is killed.
    private static func wait(
        for child: pid_t, until deadline: ContinuousClock.Instant, _ isStopped: () -> Bool
    ) -> Ending? {
        var status: Int32 = 0
        while true {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child {
                if [SIGINT, SIGTERM, SIGHUP].contains(status & 0x7F) {
                    // What stops this program reaches its children too, and them perhaps first.
                    usleep(100_000)
                    if isStopped() { return nil }
                }
                return .status(status)
            }
            let stops = isStopped()
            if stops || ContinuousClock().now > deadline {
                kill(child, SIGKILL)
                waitpid(child, &status, 0)
                return stops ? nil : .late
            }
            usleep(2000)
        }
    }

    /// The child's side: runs the trial, writes the outcome, and returns; or ends the process where
    /// nothing moves any more.
    public static func answer(
        from question: String, to answer: String, subjects: [VerifySubject]
    ) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: question))
        let trial = try JSONDecoder().decode(VerifyTrial.self, from: data)
        fq_end_with_parent()
        // Threads that are dealt to no CPU of their own stay on the trial's.
        let error = fq_bind_current_thread_to(trial.cpus.map { Int32($0) }, Int32(trial.cpus.count))
        guard error == 0 else { throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EINVAL) }
        guard
            let subject = subjects.first(where: {
                $0.name == trial.subject && (trial.area ?? $0.subject) == $0.subject
            })
        else {
            throw SuiteError("no scheme or twin \"\(trial.subject)\"")
        }
        let clock = TrialClock(
            seconds: trial.seconds, patience: trial.isOfTwin == true ? 25 : 100
        ) { outcome in
            try? write(outcome, to: answer)
            _exit(0)
        }
        try write(subject.outcome(of: trial, clock), to: answer)
    }

    private static func write(_ outcome: TrialOutcome, to path: String) throws {
        try JSONEncoder().encode(outcome).write(to: URL(fileURLWithPath: path))
    }
}
