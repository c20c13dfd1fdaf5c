import FaultQueues
import Measurement
import Results

/// One scheme of the release subject, with its measured loops specialised for it. See `RingScheme`
/// for how that is done.
public struct ReleaseScheme: Sendable {
    /// `drain-in-release`, `dummy-table`, …
    public let structure: String
    public let lockKind: LockKind?
    public let provenance: Provenance

    /// The scheme as `fqbench verify` checks it.
    public let verified: VerifySubject

    let make: @Sendable (ReleaseTrialPlan) -> LifetimeInstance

    /// The scheme that `type` implements. Inlined, so that the closures are specialised for it.
    ///
    /// - Parameter checked: The same structure with `CheckedLock`.
    @inlinable @inline(__always)
    public init<Structure: SpaceReleasing, Checked: SpaceReleasing>(
        _ type: Structure.Type, checked: Checked.Type
    ) {
        self.init(
            structure: Structure.structure, lockKind: Structure.lockKind,
            provenance: Structure.provenance,
            make: { plan in
                let structure = Structure(plan.configuration)
                return plan.instance(
                    ReleaseOperations(
                        bind: { structure.bind() }, exit: { structure.exit($0) },
                        unbind: { structure.unbind($0) }, census: { structure.census() }),
                    makeCaller: { own in
                        let device = allocateShared(initial: structure.makeDevice())
                        return ReleaseLoop(
                            releases: { measuredReleases(structure, &device.pointee, &$0, &$1) },
                            bystanders: {
                                measuredBystanders(structure, &device.pointee, &$0, &$1)
                            }, free: { freeShared(device, count: 1) })
                    },
                    makeWorker: {
                        let worker = allocateShared(initial: structure.makeWorker())
                        return ServingLoop(
                            serve: { measuredLateFaults(&worker.pointee, &$0, &$1) },
                            free: { freeShared(worker, count: 1) })
                    },
                    makeDevice: {
                        let device = allocateShared(initial: structure.makeDevice())
                        return ServingLoop(
                            serve: { measuredAccesses(&device.pointee, &$0, &$1) },
                            free: { freeShared(device, count: 1) })
                    })
            },
            // Last: scripts/check-hot-loops knows the closures above by their numbers.
            verified: VerifySubject(
                release: Structure.self, checked: Checked.self))
    }

    @usableFromInline
    init(
        structure: String, lockKind: LockKind?, provenance: Provenance,
        make: @escaping @Sendable (ReleaseTrialPlan) -> LifetimeInstance, verified: VerifySubject
    ) {
        self.structure = structure
        self.lockKind = lockKind
        self.provenance = provenance
        self.make = make
        self.verified = verified
    }

    /// As a user types it: `dummy-table/futex`.
    public var name: String { verified.name }
}

extension ReleaseScheme: LifetimeScheme {
    var lockKindName: String? { lockKind?.rawValue }
    func job(_ workload: ReleaseWorkload) -> any TrialJob {
        ReleaseJob(scheme: self, workload: workload)
    }
}

/// A structure's operations outside measured loops.
@usableFromInline
struct ReleaseOperations: Sendable {
    let bind: @Sendable () -> SpaceKey?
    let exit: @Sendable (SpaceKey) -> ExitOutcome
    let unbind: @Sendable (SpaceKey) -> Void
    let census: @Sendable () -> ReleaseCensus

    @usableFromInline
    init(
        bind: @escaping @Sendable () -> SpaceKey?,
        exit: @escaping @Sendable (SpaceKey) -> ExitOutcome,
        unbind: @escaping @Sendable (SpaceKey) -> Void,
        census: @escaping @Sendable () -> ReleaseCensus
    ) {
        self.bind = bind
        self.exit = exit
        self.unbind = unbind
        self.census = census
    }
}

/// A caller's loops around its device's end. One thread.
@usableFromInline
struct ReleaseLoop {
    let releases: (inout ActorBurst, inout ReleaseCalls) -> Void
    let bystanders: (inout ActorBurst, inout ReleaseCalls) -> Void
    let free: () -> Void

    @usableFromInline
    init(
        releases: @escaping (inout ActorBurst, inout ReleaseCalls) -> Void,
        bystanders: @escaping (inout ActorBurst, inout ReleaseCalls) -> Void,
        free: @escaping () -> Void
    ) {
        self.releases = releases
        self.bystanders = bystanders
        self.free = free
    }
}

/// A background thread's loop around its end. One thread.
@usableFromInline
struct ServingLoop {
    let serve: (inout ActorBurst, inout ReleaseServing) -> Void
    let free: () -> Void

    @usableFromInline
    init(
        serve: @escaping (inout ActorBurst, inout ReleaseServing) -> Void,
        free: @escaping () -> Void
    ) {
        self.serve = serve
        self.free = free
    }
}
