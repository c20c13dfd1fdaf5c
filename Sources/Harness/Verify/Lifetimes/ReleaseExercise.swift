import FaultModel
import FaultOracle
import FaultQueues

/// Callers that bind, let die and unbind address spaces, beside devices that access whatever is
/// bound and workers that handle what that leads to.
struct ReleaseExercise<Structure: SpaceReleasing>: Sendable {
    private static var callers: Int { 2 }
    private static var devices: Int { 1 }
    private static var workers: Int { 2 }
    /// Address spaces of each caller.
    private static var lives: Int { 80 }
    private static var accesses: Int { 12 }

    private let round: LifetimeRound
    private let holdsHandlersLock: Bool
    private let structure: Structure
    private let board: ReleaseBoards
    private let callersLeft = ThreadsLeft(callers)

    init(_ round: LifetimeRound, holdsHandlersLock: Bool) {
        self.round = round
        self.holdsHandlersLock = holdsHandlersLock
        structure = Structure(
            ReleaseConfiguration(
                // One more than the callers', so that a PASID comes back at once or soon.
                spaces: Self.callers + round.number / 2 % 2,
                endpoints: Self.callers + Self.devices + Self.workers,
                queueCapacity: [4, 16, 64][round.number % 3], invalidationPasses: 20,
                servicePasses: 50))
        board = ReleaseBoards(count: Self.callers)
    }

    func run(watch: (LifetimeRun) -> Void) -> LifetimeRun {
        let run = LifetimeRun(
            threads: (0..<Self.callers).map { "caller \($0)" }
                + (0..<Self.devices).map { "device \($0)" }
                + (0..<Self.workers).map { "worker \($0)" })
        watch(run)
        run.run(cpus: round.cpus) { thread in
            if thread < Self.callers {
                call(run, thread)
                callersLeft.endOne()
            } else if thread < Self.callers + Self.devices {
                access(run, thread)
            } else {
                handle(run, thread)
            }
        }
        run.expectNothingLeft(structure.census(), ReleaseCensus(), .invariant(38))
        return run
    }

    // MARK: Callers

    private func call(_ run: LifetimeRun, _ thread: Int) {
        var random = SeededGenerator(seed: round.seed, stream: UInt64(thread))
        var device = run.make { structure.makeDevice() }
        for _ in 0..<Self.lives where !run.hasFailed(thread) {
            guard let space = run.perform(.bind, by: thread, { structure.bind() }) else {
                run.fail(Violation(.oracle, "a bind was refused with a PASID free"), by: thread)
                return
            }
            // Published with the address space's own words: the structure orders those.
            board.words[thread].value.store(space.word, ordering: .sequentiallyConsistent)
            for _ in 0..<Self.accesses {
                let isPresent = Bool.random(using: &random)
                let outcome = run.perform(.access, by: thread) {
                    device.access(space, isPresent: isPresent)
                }
                let expected: AccessOutcome = isPresent ? .translated : .faulted
                if outcome != expected && (isPresent || outcome != .full) {
                    fail(run, thread, outcome, "an access while the address space lives")
                }
            }
            let outcome = exit(run, thread, space)
            for _ in 0..<Self.accesses where outcome == .released {
                let late = run.perform(.access, by: thread) {
                    device.access(space, isPresent: true)
                }
                if late != Structure.late && late != .full {
                    fail(run, thread, late, "an access after release, \(Structure.late) expected")
                }
            }
            run.perform(.unbind, by: thread) { structure.unbind(space) }
            let after = run.perform(.access, by: thread) { device.access(space, isPresent: true) }
            if after != .stopped { fail(run, thread, after, "an access after unbind") }
            run.advance(thread)
        }
        board.words[thread].value.store(0, ordering: .sequentiallyConsistent)
    }

    /// The last put, with a lock held that handlers take where the scheme promises that it may be.
    private func exit(_ run: LifetimeRun, _ thread: Int, _ space: SpaceKey) -> ExitOutcome {
        let outcome = run.perform(.exit, by: thread) {
            if holdsHandlersLock { structure.lockHandlers() }
            let outcome = structure.exit(space)
            if holdsHandlersLock { structure.unlockHandlers() }
            return outcome
        }
        if outcome == .deadlocked {
            run.fail(
                Violation(
                    .deadlock, "a release waits for a handler that waits for a lock of its caller"),
                by: thread)
        }
        return outcome
    }

    private func fail(
        _ run: LifetimeRun, _ thread: Int, _ outcome: AccessOutcome, _ what: String
    ) {
        let rule: Violation.Rule = outcome == .freedTable ? .memory : .oracle
        run.fail(Violation(rule, "\(what): \(outcome)"), by: thread)
    }

    // MARK: Devices and workers

    private func access(_ run: LifetimeRun, _ thread: Int) {
        var random = SeededGenerator(seed: round.seed, stream: 100 + UInt64(thread))
        var device = run.make { structure.makeDevice() }
        while !callersLeft.areDone && !run.hasFailed(thread) {
            let place = Int.random(in: 0..<board.count, using: &random)
            let word = board.words[place].value.load(ordering: .sequentiallyConsistent)
            if word == 0 {
                SpinWait.yieldProcessor()
                continue
            }
            let isPresent = random.next() % 4 != 0
            let outcome = run.perform(.access, by: thread) {
                device.access(SpaceKey(word: word), isPresent: isPresent)
            }
            if outcome == .freedTable {
                run.fail(
                    Violation(.memory, "a device walked page tables that are free"), by: thread)
            }
            if random.next() % 8 == 0 { SpinWait.yieldProcessor() }
        }
    }

    private func handle(_ run: LifetimeRun, _ thread: Int) {
        var worker = run.make { structure.makeWorker() }
        run.workOff(thread, after: callersLeft) {
            guard let outcome = run.perform(.handle, by: thread, { worker.handle() }) else {
                run.count(-1, by: thread)
                return false
            }
            switch outcome {
            case .success, .invalid: break
            case .stale:
                run.fail(
                    Violation(
                        .invariant(38), "a page request of an old owner reached the new one"),
                    by: thread)
            case .freedTable:
                run.fail(
                    Violation(.memory, "a handler read page tables that are free"), by: thread)
            }
            return true
        }
    }
}
