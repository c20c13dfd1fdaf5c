import FaultQueues
import Results

/// One scheme of the attach-handle subject, with its measured loops specialised for it. See
/// `RingScheme` for how that is done.
public struct HandleScheme: Sendable {
    /// `mutex-refcount`, `reader-slots`, …
    public let structure: String
    public let lockKind: LockKind?
    public let provenance: Provenance

    /// The scheme as `fqbench verify` checks it.
    public let verified: VerifySubject

    let make: @Sendable (HandleTrialPlan) -> LifetimeInstance

    /// The scheme that `type` implements. Inlined, so that the closures are specialised for it.
    ///
    /// - Parameter checked: The same structure with `CheckedLock`.
    @inlinable @inline(__always)
    public init<Structure: AttachHandling, Checked: AttachHandling>(
        _ type: Structure.Type, checked: Checked.Type
    ) {
        self.init(
            structure: Structure.structure, lockKind: Structure.lockKind,
            provenance: Structure.provenance,
            make: { plan in
                let structure = Structure(plan.configuration)
                plan.attachAll { structure.attach($0, $1, domain: $2) }
                return plan.instance(
                    makeUser: { use in
                        let user = allocateShared(initial: structure.makeUser())
                        let own = allocateShared(initial: use)
                        return plan.userActor(
                            own, burst: { measuredLookups(&user.pointee, &$0, &own.pointee) },
                            release: {
                                structure.retire(user.pointee)
                                freeShared(user, count: 1)
                            })
                    },
                    makeChurner: { churn in
                        let own = allocateShared(initial: churn)
                        return plan.churnActor(
                            own, burst: { measuredChurn(structure, &$0, &own.pointee) })
                    },
                    detach: { structure.detach($0) }, census: { structure.census() })
            },
            // Last: scripts/check-hot-loops knows the closures above by their numbers.
            verified: VerifySubject(
                attachHandle: Structure.self, checked: Checked.self))
    }

    @usableFromInline
    init(
        structure: String, lockKind: LockKind?, provenance: Provenance,
        make: @escaping @Sendable (HandleTrialPlan) -> LifetimeInstance, verified: VerifySubject
    ) {
        self.structure = structure
        self.lockKind = lockKind
        self.provenance = provenance
        self.make = make
        self.verified = verified
    }

    /// As a user types it: `reader-slots`, `mutex-refcount/futex`.
    public var name: String { verified.name }
}

/// A trial of one scheme under one workload, seen from inside the scheme's closures.
public struct HandleTrialPlan: Sendable {
    let workload: HandleWorkload
    let settings: TrialSettings
    private var traffic: HandleTraffic { HandleTraffic(workload: workload) }

    init(_ workload: HandleWorkload, _ settings: TrialSettings) {
        self.workload = workload
        self.settings = settings
    }

    @usableFromInline
    var configuration: HandleConfiguration { traffic.configuration }

    /// Fills every place.
    @usableFromInline
    func attachAll(_ attach: (HandlePlace, HandleType, UInt64) -> AttachOutcome) {
        for number in 0..<workload.places {
            let type = number < workload.churned ? HandleType.sva : traffic.type(number)
            let outcome = attach(traffic.place(number), type, UInt64(number + 1))
            precondition(outcome == .attached, "a new structure takes every handle of its size")
        }
    }

    @usableFromInline
    func instance(
        makeUser: @escaping @Sendable (HandleUse) -> TrialActor,
        makeChurner: @escaping @Sendable (HandleChurn) -> TrialActor,
        detach: @escaping @Sendable (HandlePlace) -> DetachOutcome,
        census: @escaping @Sendable () -> HandleCensus
    ) -> LifetimeInstance {
        LifetimeInstance(
            makeActor: { seat in
                let isUser = seat.isBackground == (workload.observe == .detachLatency)
                let waitsFor = seat.isBackground ? workload.counted : 0
                return isUser
                    ? makeUser(use(seat.lane, waitsFor)) : makeChurner(churn(seat.lane, waitsFor))
            },
            leftBehind: {
                let before = census()
                let missing = (0..<workload.places).count {
                    detach(traffic.place($0)) != .detached
                }
                let after = census()
                return ActorFindings(violations: [
                    (missing, "places without their handle at the end"),
                    (abs(before.handlesOut - before.attached), "handles leaked"),
                    (abs(after.handlesOut) + after.attached, "handles left after the last detach"),
                    (after.doubleFrees, "handles freed twice"),
                ]).violations
            })
    }

    private func use(_ lane: Int, _ waitsFor: Int) -> HandleUse {
        HandleUse(
            questions: traffic.questions(seed: settings.seed &+ UInt64(lane)),
            round: HandleTraffic.round, usePasses: settings.passes(workload.useNs),
            waitsFor: waitsFor)
    }

    private func churn(_ lane: Int, _ waitsFor: Int) -> HandleChurn {
        let places = traffic.churned(by: lane)
        let memory = UnsafeMutablePointer<HandlePlace>.allocate(capacity: places.count)
        for (number, place) in places.enumerated() { (memory + number).initialize(to: place) }
        return HandleChurn(
            places: memory, count: places.count, restPasses: settings.passes(workload.restNs),
            waitsFor: waitsFor, domain: UInt64(lane + 1) << 32)
    }

    @usableFromInline
    func userActor(
        _ own: UnsafeMutablePointer<HandleUse>, burst: @escaping (inout ActorBurst) -> Void,
        release: @escaping () -> Void
    ) -> TrialActor {
        TrialActor(
            burst: burst,
            finish: {
                release()
                let use = own.pointee
                use.questions.deallocate()
                freeShared(own, count: 1)
                return ActorFindings(
                    violations: [
                        (use.incomplete, "handles found incomplete or of another place or type"),
                        (use.changed, "handles changed while in use"),
                        (use.wrong, "lookups of a place that stays answered wrongly"),
                    ],
                    counts: [
                        "found": use.found, "no-entry": use.empty, "other-type": use.otherType,
                    ])
            })
    }

    @usableFromInline
    func churnActor(
        _ own: UnsafeMutablePointer<HandleChurn>, burst: @escaping (inout ActorBurst) -> Void
    ) -> TrialActor {
        TrialActor(
            burst: burst,
            finish: {
                let churn = own.pointee
                churn.places.deallocate()
                freeShared(own, count: 1)
                return ActorFindings(
                    violations: [(churn.wrong, "attaches or detaches of an own place refused")],
                    counts: ["detaches": churn.step, "attaches-without-memory": churn.refused])
            })
    }
}

/// A handle scheme under a workload.
struct HandleJob: TrialJob {
    let scheme: HandleScheme
    let workload: HandleWorkload

    var measure: CellMeasure { workload.measure }

    func run(_ settings: TrialSettings, index: Int) throws -> RoundRecord {
        try LifetimeTrial(
            settings: settings, counted: workload.counted, background: workload.background,
            isLatency: workload.observe == .detachLatency, sampleNs: 20,
            make: { scheme.make(HandleTrialPlan(workload, $0)) }
        ).run(index: index)
    }
}

extension HandleScheme: LifetimeScheme {
    var lockKindName: String? { lockKind?.rawValue }
    func job(_ workload: HandleWorkload) -> any TrialJob {
        HandleJob(scheme: self, workload: workload)
    }
}
