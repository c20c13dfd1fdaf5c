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
    private static let looksToNote = 12
    private static let looksToFail = 300
    /// Looks that a halt lasts at least: who comes into an operation after it may be stopped too.
    private static let looksPerHalt = 24
    /// Looks at the threads for one that is in the operation wanted.
    private static let searches = 2000
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
    /// By thread: the number of the operation that it is in, −1 for none, and the look from which
    /// on it has been in that.
    private let stuckIn = UnsafeMutablePointer<Int>.allocate(capacity: 64)
    private let stuckSince = UnsafeMutablePointer<Int>.allocate(capacity: 64)
    private let isOver = SharedAtomic<Int>(0)
    private var thread: DedicatedThread?

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed, stream: 500)
        stopped.initialize(repeating: 0, count: Self.actions.count * Self.actions.count)
        stuckIn.initialize(repeating: -1, count: 64)
        stuckSince.initialize(repeating: 0, count: 64)
    }

    deinit {
        stopped.deallocate()
        stuckIn.deallocate()
        stuckSince.deallocate()
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
        let victim = victim(on: board)
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

    /// A thread that is in an operation drawn at random, so that those that are soon over have
    /// their turn too; any thread where none comes by.
    private func victim(on board: TrialBoard) -> Int {
        let wanted = Self.actions[Int(random.next() % UInt64(Self.actions.count))]
        for _ in 0..<Self.searches {
            for thread in 0..<board.names.count
            where board.operation(of: thread)?.action == wanted { return thread }
        }
        return Int(random.next() % UInt64(board.names.count))
    }

    /// Looks at the other threads and notes those that do not get on; longer where that would break
    /// a promise. What was broken, nil for nothing.
    private func watch(
        _ board: TrialBoard, besides victim: Int, haltedIn halted: ReportingAction
    ) -> ReportingAction? {
        for thread in 0..<board.names.count { stuckIn[thread] = -1 }
        // A bit for each operation that was noted.
        var noted: UInt64 = 0
        for look in 0..<Self.looksToFail + Self.looksPerHalt {
            var mayBeBroken = false
            for thread in 0..<board.names.count where thread != victim {
                let now = board.operation(of: thread)
                if now == nil || now?.number != stuckIn[thread] {
                    stuckIn[thread] = now?.number ?? -1
                    stuckSince[thread] = look
                }
                guard let now, look - stuckSince[thread] >= Self.looksToNote else { continue }
                let place = Self.place(now.action)
                if noted >> UInt64(place) & 1 == 0 {
                    noted |= 1 << UInt64(place)
                    stopped[Self.place(halted) * Self.actions.count + place] += 1
                }
                guard promise.holds(for: now.action, whileHaltedIn: halted) else { continue }
                mayBeBroken = true
                if look - stuckSince[thread] >= Self.looksToFail { return now.action }
            }
            if look >= Self.looksPerHalt && !mayBeBroken { return nil }
            usleep(Self.lookIntervalUs)
        }
        return nil
    }

    private static func place(_ action: ReportingAction) -> Int {
        actions.firstIndex(of: action) ?? 0
    }
}
