import CPlatform
import FaultModel
import FaultOracle
import FaultQueues
import Glibc
import Measurement

/// How often threads stood still inside an operation, and whom that stopped.
public struct StallFigures: Codable, Sendable, Equatable {
    public var haltedIn: ReportingAction
    public var stalls: Int
    /// By operation: in how many of the stalls another thread inside it did not get on.
    public var stopped: [String: Int]
}

/// One thread after another of an exercise stands still, wherever a signal meets it, while the
/// others go on; then it goes on too. A handler that never returns and a worker that has died look
/// like this to everybody else.
///
/// What a structure promises about threads that stand still has to hold, nobody may be stopped for
/// good, and the history of the whole exercise has to be right.
struct StallCheck {
    let make: @Sendable (ReportingConfiguration) -> VerifiedReporting

    /// A stall costs about as much time as so many operations.
    private static let operationsPerStall = 12_500

    func run(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        let dog = Watchdog(clock)
        defer { dog.stop() }
        let wanted = min(max(trial.operations / Self.operationsPerStall, 8), 1000)
        let staller = Staller(seed: trial.seed)
        while staller.stalls < wanted, outcome.violations.isEmpty, !clock.isOver {
            var exercise = ReportingTrialCheck.exercise(
                trial, round: outcome.rounds, cpus: trial.cpus)
            exercise.disturbance = 0
            exercise.requests = 8000
            let result = exercise.run { configuration in
                let subject = make(configuration)
                staller.promise = subject.progress
                return subject
            } watch: { board in
                dog.watch(board, before: outcome)
                if let board { staller.start(board, wanted: wanted) } else { staller.stop() }
            }
            outcome.operations += result.operations
            outcome.rounds += 1
            // The history's first: steps name violations by their places.
            outcome.violations = result.violations + staller.violations
            if !outcome.holds {
                outcome.steps = FailureStep.steps(of: result.history, result.violations)
            }
        }
        if staller.stalls == 0, outcome.holds, trial.isOfTwin != true {
            outcome.violations = [Violation(.oracle, "no thread could be made to stand still")]
        }
        outcome.stalls = staller.figures
        return outcome
    }
}

/// Halts threads of one exercise after the other and watches the rest.
///
/// While a thread stands still, which may be in the middle of an allocation, the watching thread
/// allocates nothing.
private final class Staller: @unchecked Sendable {
    private static let actions = ReportingAction.allCases
    private static let lookIntervalUs: UInt32 = 5000
    /// Looks without a change after which a thread counts as stopped, and after which a promise is
    /// broken: a machine with other work may leave a thread without a CPU for a while.
    private static let looksToNote = 6
    private static let looksToFail = 300
    private static let haltWaitUs: UInt32 = 2000

    /// Set before each exercise's threads begin.
    var promise = ProgressPromise.blocking
    private(set) var violations: [Violation] = []
    /// Written by the watching thread, read when it has ended, but for `stalls`.
    private var random: SeededGenerator
    private var counts = [Int](repeating: 0, count: actions.count)
    /// By what the halted thread and the stopped one were in.
    private let stopped = UnsafeMutablePointer<Int>.allocate(
        capacity: actions.count * actions.count)
    /// By thread: the number of the operation that it has been in since the halt, −1 for none.
    private let stuckIn = UnsafeMutablePointer<Int>.allocate(capacity: 64)
    private let isOver = SharedAtomic<Int>(0)
    private var thread: DedicatedThread?

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed, stream: 500)
        stopped.initialize(repeating: 0, count: Self.actions.count * Self.actions.count)
        stuckIn.initialize(repeating: -1, count: 64)
    }

    deinit {
        stopped.deallocate()
        stuckIn.deallocate()
    }

    /// Halts so far; while nobody is halting.
    var stalls: Int { counts.reduce(0, +) }

    var figures: [StallFigures] {
        Self.actions.indices.filter { counts[$0] > 0 }.map { halted in
            let row = Self.actions.indices.map {
                (Self.actions[$0].rawValue, stopped[halted * Self.actions.count + $0])
            }
            return StallFigures(
                haltedIn: Self.actions[halted], stalls: counts[halted],
                stopped: Dictionary(uniqueKeysWithValues: row.filter { $0.1 > 0 }))
        }
    }

    func start(_ board: TrialBoard, wanted: Int) {
        precondition(board.names.count <= 64, "an exercise has at most 64 threads")
        isOver.store(0, ordering: .relaxed)  // the thread is started after this
        let error = fq_halt_install()
        precondition(error == 0, "sigaction failed with errno \(error)")
        thread = DedicatedThread { [self] in
            while isOver.load(ordering: .acquiring) == 0, stalls < wanted, violations.isEmpty {
                usleep(UInt32(random.next() % 1000))
                halt(board)
            }
        }
    }

    /// Returns when nobody is halted any more.
    func stop() {
        isOver.store(1, ordering: .releasing)
        thread?.join()
        thread = nil
    }

    private func halt(_ board: TrialBoard) {
        let victim = Int(random.next() % UInt64(board.names.count))
        guard board.whileRunning(victim, { fq_halt($0, Self.haltWaitUs) }) == true else { return }
        let halted = board.operation(of: victim)?.action
        var broken: ReportingAction?
        if let halted {
            counts[Self.place(halted)] += 1
            broken = watch(board, besides: victim, haltedIn: halted)
        }
        fq_halt_release()
        guard let halted, let broken else { return }
        violations.append(
            Violation(
                .progress,
                "\(broken.rawValue) did not return while another thread stood still in "
                    + "\(halted.rawValue), which the scheme promises"))
    }

    /// Looks at the other threads until all have got on or the stopped ones are noted; longer where
    /// that would break a promise. What was broken, nil for nothing.
    private func watch(
        _ board: TrialBoard, besides victim: Int, haltedIn halted: ReportingAction
    ) -> ReportingAction? {
        for thread in 0..<board.names.count {
            stuckIn[thread] = thread == victim ? -1 : board.operation(of: thread)?.number ?? -1
        }
        var broken: ReportingAction?
        for look in 1...Self.looksToFail {
            usleep(Self.lookIntervalUs)
            broken = nil
            var isAnyStuck = false
            for thread in 0..<board.names.count where stuckIn[thread] >= 0 {
                guard let now = board.operation(of: thread), now.number == stuckIn[thread] else {
                    stuckIn[thread] = -1
                    continue
                }
                isAnyStuck = true
                if look == Self.looksToNote {
                    stopped[Self.place(halted) * Self.actions.count + Self.place(now.action)] += 1
                }
                if promise.holds(for: now.action, whileHaltedIn: halted) { broken = now.action }
            }
            if !isAnyStuck || look >= Self.looksToNote && broken == nil { return nil }
        }
        return broken
    }

    private static func place(_ action: ReportingAction) -> Int {
        actions.firstIndex(of: action) ?? 0
    }
}
