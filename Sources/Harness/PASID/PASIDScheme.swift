import FaultQueues
import Measurement
import Results

/// One scheme of the PASID subject, with its measured loops specialised for it. See `RingScheme`
/// for how that is done.
public struct PASIDScheme: Sendable {
    /// `per-bind`, `lazy-refcount`, …
    public let structure: String
    public let lockKind: LockKind?
    public let provenance: Provenance

    /// The scheme as `fqbench verify` checks it.
    public let verified: VerifySubject

    let make: @Sendable (PASIDTrialPlan) -> LifetimeInstance

    /// The scheme that `type` implements. Inlined, so that the closures are specialised for it.
    ///
    /// - Parameter checked: The same structure with `CheckedLock`.
    @inlinable @inline(__always)
    public init<Structure: PASIDLifetime, Checked: PASIDLifetime>(
        _ type: Structure.Type, checked: Checked.Type
    ) {
        self.init(
            structure: Structure.structure, lockKind: Structure.lockKind,
            provenance: Structure.provenance,
            make: { plan in
                let structure = Structure(plan.configuration)
                return plan.instance(
                    PASIDLoops(
                        rule: Structure.rule,
                        binds: { measuredBinds(structure, &$0, &$1) },
                        taskLives: { measuredTaskLives(structure, &$0, &$1) },
                        exits: { measuredExits(structure, &$0, &$1) },
                        processes: { measuredProcesses(structure, &$0, &$1) },
                        endProcess: { endProcess(structure, &$0, $1) },
                        begin: { structure.begin($0, task: $1, parent: nil) },
                        clone: { structure.clone($0, parent: $1) },
                        firstUse: { structure.firstUse($0) }, exit: { structure.exit($0) },
                        bind: { structure.bind($0, device: 0, fails: false) },
                        unbind: { structure.unbind($0, device: 0) },
                        census: { structure.census() }))
            },
            // Last: scripts/check-hot-loops knows the closures above by their numbers.
            verified: VerifySubject(
                pasid: Structure.self, checked: Checked.self))
    }

    @usableFromInline
    init(
        structure: String, lockKind: LockKind?, provenance: Provenance,
        make: @escaping @Sendable (PASIDTrialPlan) -> LifetimeInstance, verified: VerifySubject
    ) {
        self.structure = structure
        self.lockKind = lockKind
        self.provenance = provenance
        self.make = make
        self.verified = verified
    }

    /// As a user types it: `lazy-refcount/futex`.
    public var name: String { verified.name }
}

extension PASIDScheme: LifetimeScheme {
    var lockKindName: String? { lockKind?.rawValue }
    func job(_ workload: PASIDWorkload) -> any TrialJob {
        PASIDJob(scheme: self, workload: workload)
    }
}

/// A structure's loops, and the operations that happen outside them.
@usableFromInline
struct PASIDLoops: Sendable {
    typealias Loop = @Sendable (inout ActorBurst, inout PASIDWork) -> Void

    let rule: PASIDRule
    let binds: Loop
    let taskLives: Loop
    let exits: Loop
    let processes: Loop
    let endProcess: @Sendable (inout PASIDWork, Int) -> Void
    let begin: @Sendable (_ space: Int, _ task: Int) -> Void
    let clone: @Sendable (_ task: Int, _ parent: Int) -> Void
    let firstUse: @Sendable (_ task: Int) -> FixUpOutcome
    let exit: @Sendable (_ task: Int) -> PASIDFate
    let bind: @Sendable (_ space: Int) -> BindOutcome
    let unbind: @Sendable (_ space: Int) -> PASIDFate
    let census: @Sendable () -> PASIDCensus

    @usableFromInline
    init(
        rule: PASIDRule, binds: @escaping @Sendable (inout ActorBurst, inout PASIDWork) -> Void,
        taskLives: @escaping @Sendable (inout ActorBurst, inout PASIDWork) -> Void,
        exits: @escaping @Sendable (inout ActorBurst, inout PASIDWork) -> Void,
        processes: @escaping @Sendable (inout ActorBurst, inout PASIDWork) -> Void,
        endProcess: @escaping @Sendable (inout PASIDWork, Int) -> Void,
        begin: @escaping @Sendable (Int, Int) -> Void,
        clone: @escaping @Sendable (Int, Int) -> Void,
        firstUse: @escaping @Sendable (Int) -> FixUpOutcome,
        exit: @escaping @Sendable (Int) -> PASIDFate,
        bind: @escaping @Sendable (Int) -> BindOutcome,
        unbind: @escaping @Sendable (Int) -> PASIDFate,
        census: @escaping @Sendable () -> PASIDCensus
    ) {
        self.rule = rule
        self.binds = binds
        self.taskLives = taskLives
        self.exits = exits
        self.processes = processes
        self.endProcess = endProcess
        self.begin = begin
        self.clone = clone
        self.firstUse = firstUse
        self.exit = exit
        self.bind = bind
        self.unbind = unbind
        self.census = census
    }
}

/// A PASID scheme under a workload.
struct PASIDJob: TrialJob {
    let scheme: PASIDScheme
    let workload: PASIDWorkload

    var measure: CellMeasure { workload.measure }

    func run(_ settings: TrialSettings, index: Int) throws -> RoundRecord {
        try LifetimeTrial(
            settings: settings, counted: workload.counted, background: workload.background,
            isLatency: workload.observe == .exitLatency,
            // A burst of exits is as long as its tasks, whatever its time.
            sampleNs: settings.burstNs / Double(workload.tasks),
            make: { scheme.make(PASIDTrialPlan(workload, $0)) }
        ).run(index: index)
    }
}
