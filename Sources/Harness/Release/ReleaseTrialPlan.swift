import FaultQueues
import Measurement
import Results

/// A trial of one release scheme under one workload, seen from inside the scheme's closures.
public struct ReleaseTrialPlan: Sendable {
    let workload: ReleaseWorkload
    let settings: TrialSettings

    init(_ workload: ReleaseWorkload, _ settings: TrialSettings) {
        self.workload = workload
        self.settings = settings
    }

    @usableFromInline
    var configuration: ReleaseConfiguration {
        var capacity = 1024
        while capacity < 2 * workload.backlog { capacity *= 2 }
        return ReleaseConfiguration(
            spaces: workload.callers * (ReleaseCalls.stockSize + 2),
            endpoints: workload.threads, queueCapacity: capacity,
            invalidationPasses: settings.passes(workload.invalidationNs),
            servicePasses: settings.passes(workload.serviceNs))
    }

    @usableFromInline
    func instance(
        _ operations: ReleaseOperations,
        makeCaller: @escaping @Sendable (ReleaseCalls) -> ReleaseLoop,
        makeWorker: @escaping @Sendable () -> ServingLoop,
        makeDevice: @escaping @Sendable () -> ServingLoop
    ) -> LifetimeInstance {
        let boards = ReleaseBoards(count: workload.callers)
        return LifetimeInstance(
            makeActor: { seat in
                if seat.isBackground {
                    return serving(
                        boards, seat.lane < workload.workers ? makeWorker() : makeDevice())
                }
                return caller(seat.lane, boards, operations, makeCaller)
            },
            leftBehind: {
                let census = operations.census()
                return ActorFindings(violations: [
                    (census.bound, "address spaces still bound at the end"),
                    (census.entries, "PASIDs with an entry at the end"),
                    (census.queued, "page requests never handled"),
                ]).violations
            })
    }

    private func caller(
        _ lane: Int, _ boards: ReleaseBoards, _ operations: ReleaseOperations,
        _ make: (ReleaseCalls) -> ReleaseLoop
    ) -> TrialActor {
        guard let filler = operations.bind() else {
            preconditionFailure("a new structure binds the address spaces of its configuration")
        }
        let own = allocateShared(
            initial: ReleaseCalls(
                board: boards.words + lane, backlog: workload.backlog,
                accesses: workload.accesses, filler: filler,
                arrivalTicks: settings.clock.ticks(
                    fromNanoseconds: UInt64(workload.arrivalNs)),
                jobPasses: settings.passes(workload.jobNs), releaseEvery: workload.releaseEvery))
        let loop = make(own.pointee)
        let isBystander = workload.observe == .bystanderLatency
        if isBystander { own.pointee.fillStock(operations) }
        return TrialActor(
            burst: { burst in
                if isBystander {
                    loop.bystanders(&burst, &own.pointee)
                } else {
                    loop.releases(&burst, &own.pointee)
                }
            },
            settle: {
                if isBystander { own.pointee.renewStock(operations) }
            },
            finish: {
                own.pointee.finish(operations)
                loop.free()
                let findings = own.pointee.findings(settings.clock)
                own.pointee.deallocate()
                freeShared(own, count: 1)
                return findings
            })
    }

    private func serving(_ boards: ReleaseBoards, _ loop: ServingLoop) -> TrialActor {
        let own = allocateShared(
            initial: ReleaseServing(
                waitsFor: workload.callers, boards: boards.words, boardCount: boards.count))
        return TrialActor(
            burst: { loop.serve(&$0, &own.pointee) },
            finish: {
                loop.free()
                let serving = own.pointee
                freeShared(own, count: 1)
                return ActorFindings(
                    violations: [
                        (serving.stale, "page requests of a PASID's old owner reached the new one"),
                        (serving.freedTables, "walks of page tables that were freed"),
                    ],
                    counts: [
                        "answered-success": serving.succeeded, "answered-invalid": serving.invalid,
                    ])
            })
    }
}

/// What every caller shows to the devices.
final class ReleaseBoards: @unchecked Sendable {
    let words: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    let count: Int

    init(count: Int) {
        self.count = count
        words = allocateShared(count: count) { _ in PaddedAtomic<UInt64>(0) }
    }

    deinit { freeShared(words, count: count) }
}

extension ReleaseCalls {
    /// Binds the address spaces of the next burst.
    mutating func fillStock(_ operations: ReleaseOperations) {
        while left < stockCount, let space = operations.bind() {
            stock[left] = space.word
            left += 1
        }
    }

    /// Between bursts: unbinds what was released and binds as many. The queue is empty then.
    mutating func renewStock(_ operations: ReleaseOperations) {
        for place in left..<stockCount { operations.unbind(SpaceKey(word: stock[place])) }
        fillStock(operations)
    }

    /// After the last burst: nothing of this caller stays bound.
    mutating func finish(_ operations: ReleaseOperations) {
        for place in 0..<left {
            let space = SpaceKey(word: stock[place])
            if operations.exit(space) == .deadlocked { deadlocks += 1 }
            operations.unbind(space)
        }
        if operations.exit(filler) == .deadlocked { deadlocks += 1 }
        operations.unbind(filler)
    }

    func findings(_ clock: ClockCalibration) -> ActorFindings {
        ActorFindings(
            violations: [
                (wrong, "accesses that came to what they must not"),
                (freedTables, "walks of page tables that were freed"),
                (deadlocks, "releases that waited for a handler which the caller kept waiting"),
                (unbound, "binds refused though PASIDs were free"),
            ],
            counts: [
                "releases": releases, "released-by-handler": handedOver, "late-accesses": late,
            ],
            latenciesNs: [
                "unbind": unbinds.samples.map { clock.nanoseconds(fromTicks: $0) }
            ])
    }

    func deallocate() {
        unbinds.deallocate()
        stock.deallocate()
    }
}

/// A release scheme under a workload.
struct ReleaseJob: TrialJob {
    let scheme: ReleaseScheme
    let workload: ReleaseWorkload

    var measure: CellMeasure { workload.measure }

    func run(_ settings: TrialSettings, index: Int) throws -> RoundRecord {
        try LifetimeTrial(
            settings: settings, counted: workload.counted, background: workload.background,
            isLatency: true, sampleNs: 100, make: { scheme.make(ReleaseTrialPlan(workload, $0)) }
        ).run(index: index)
    }
}
