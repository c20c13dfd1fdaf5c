import FaultModel
import FaultOracle
import FaultQueues

/// Threads with address spaces of their own beside threads that share one, on one structure.
///
/// Two walkers know what everything of theirs must come to. Three sharers bind one address space to
/// a device each, let a task of theirs use it, unbind, and let the task exit. What two address
/// spaces are given at the same time is found by their claims.
struct PASIDExercise<Structure: PASIDLifetime>: Sendable {
    private let round: LifetimeRound
    private let bits: Int
    private let structure: Structure
    private let claims: PASIDClaims

    private static var walkers: Int { 2 }
    private static var sharers: Int { 3 }
    /// Of each walker.
    private static var ownSpaces: Int { 2 }
    private static var ownTasks: Int { 4 }
    private static var shared: Int { walkers * ownSpaces }
    private static var parent: Int { walkers * ownTasks }
    private static var steps: Int { 1500 }
    private static var lives: Int { 250 }

    init(_ round: LifetimeRound) {
        self.round = round
        // Three PASIDs for five address spaces, or enough.
        bits = round.number / 2 % 2 == 0 ? 2 : 4
        structure = Structure(
            PASIDConfiguration(
                bits: bits, devices: 3, lastDeviceBits: bits, spaces: Self.shared + 1,
                tasks: Self.parent + 1 + Self.sharers))
        claims = PASIDClaims(bits: bits)
    }

    func run(watch: (LifetimeRun) -> Void) -> LifetimeRun {
        let run = LifetimeRun(
            threads: (0..<Self.walkers).map { "walker \($0)" }
                + (0..<Self.sharers).map { "sharer \($0)" })
        watch(run)
        structure.begin(Self.shared, task: Self.parent, parent: nil)
        run.run(cpus: round.cpus) { thread in
            if thread < Self.walkers {
                walk(run, thread)
            } else {
                share(run, thread, thread - Self.walkers)
            }
        }
        _ = structure.exit(Self.parent)
        // L6.
        run.expectNothingLeft(structure.census(), PASIDCensus())
        return run
    }

    private func walk(_ run: LifetimeRun, _ thread: Int) {
        let (spaces, tasks) = (thread * Self.ownSpaces, thread * Self.ownTasks)
        var walk = PASIDWalk(
            structure,
            PASIDWalk<Structure>.Place(
                bits: bits, spaces: spaces..<spaces + Self.ownSpaces,
                tasks: tasks..<tasks + Self.ownTasks, claims: claims, canRunOut: bits == 2),
            seed: round.seed, run: run, thread: thread)
        walk.walk(steps: Self.steps)
    }

    private func share(_ run: LifetimeRun, _ thread: Int, _ number: Int) {
        for life in 0..<Self.lives where !run.hasFailed(thread) {
            let outcome = run.perform(.bind, by: thread) {
                structure.bind(Self.shared, device: number, fails: false)
            }
            run.advance(thread)
            guard case .bound(let pasid) = outcome else {
                if outcome != .noPASID || bits > 2 {
                    run.fail(Violation(.oracle, "a bind came to \(outcome)"), by: thread)
                }
                continue
            }
            if let found = claims.claim(Int(pasid.rawValue), for: Self.shared) {
                run.fail(found, by: thread)
            }
            again(run, thread, number, pasid)
            use(run, thread, number, exitsFirst: life % 2 == 0, pasid)
        }
    }

    /// A second bind of what is bound gives the same PASID, and one that fails changes nothing.
    private func again(_ run: LifetimeRun, _ thread: Int, _ number: Int, _ pasid: PASID) {
        let second = run.perform(.bind, by: thread) {
            structure.bind(Self.shared, device: number, fails: false)
        }
        if second != .bound(pasid) {
            run.fail(
                Violation(.invariant(37), "a second bind: \(second), expected \(pasid)"),
                by: thread)
        }
        let fate = run.perform(.unbind, by: thread) {
            structure.unbind(Self.shared, device: number)
        }
        if fate != .kept {
            run.fail(Violation(.invariant(37), "freed while bound: \(fate)"), by: thread)
        }
    }

    /// A task that is born, uses the device, and dies before or after the unbind.
    private func use(
        _ run: LifetimeRun, _ thread: Int, _ number: Int, exitsFirst: Bool, _ pasid: PASID
    ) {
        let task = Self.parent + 1 + number
        run.perform(.clone, by: thread) { structure.clone(task, parent: Self.parent) }
        let fix = run.perform(.fixUp, by: thread) { structure.firstUse(task) }
        let use = run.perform(.use, by: thread) { structure.use(task, device: number) }
        if fix == .noPASID || use != .executed {
            run.fail(
                Violation(.invariant(37), "a task of what is bound: fix-up \(fix), use \(use)"),
                by: thread)
        }
        if exitsFirst { _ = run.perform(.exit, by: thread) { structure.exit(task) } }
        claims.release(Int(pasid.rawValue))
        let fate = run.perform(.unbind, by: thread) {
            structure.unbind(Self.shared, device: number)
        }
        if fate == .unknown {
            run.fail(Violation(.oracle, "an unbind of what is bound: \(fate)"), by: thread)
        }
        if !exitsFirst { _ = run.perform(.exit, by: thread) { structure.exit(task) } }
        run.advance(thread)
    }
}
