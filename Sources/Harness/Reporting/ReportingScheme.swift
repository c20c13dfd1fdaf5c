import FaultModel
import FaultQueues

/// One scheme of the reporting subject, with its measured loops specialised for it. See
/// `RingScheme` for how that is done.
public struct ReportingScheme: Sendable {
    /// `device-lock`, `slot-table`, …
    public let structure: String
    public let lockKind: LockKind?
    public let nodeMemory: NodeMemory
    public let provenance: Provenance
    /// The type, as `scripts/check-hot-loops` names it.
    public let implementation: String

    let make: @Sendable (ReportingConfiguration) -> ReportingInstance
    let makeVerified: @Sendable (ReportingConfiguration) -> VerifiedReporting
    let makeChecked: @Sendable (ReportingConfiguration) -> VerifiedReporting

    /// The scheme that `type` implements. Inlined, so that the closures are specialised for it.
    ///
    /// - Parameter checked: The same structure with `CheckedLock` and `CheckedNodes`.
    @inlinable @inline(__always)
    public init<Structure: FaultReporting, Checked: FaultReporting>(
        _ type: Structure.Type, checked: Checked.Type
    ) {
        self.init(
            structure: Structure.structure, lockKind: Structure.lockKind,
            nodeMemory: Structure.nodeMemory, provenance: Structure.provenance,
            implementation: String(describing: Structure.self),
            makeVerified: { VerifiedReporting(Structure.self, $0) },
            makeChecked: { VerifiedReporting(Checked.self, $0) },
            make: { configuration in
                let structure = Structure(configuration)
                return ReportingInstance(
                    addDevice: { structure.addDevice($0) },
                    removeDevice: { structure.removeDevice($0) },
                    churn: { measuredChurn(structure, &$0) },
                    discardPartial: { structure.discardPartial() },
                    census: { structure.census() },
                    flush: { structure.flush($0, $1) },
                    makeReporter: {
                        let reporter = allocateShared(initial: structure.makeReporter())
                        let worker = allocateShared(initial: structure.makeWorker())
                        return ReporterEnd(
                            report: { measuredReports(&reporter.pointee, &$0) },
                            reportChurned: {
                                measuredChurnedReports(&reporter.pointee, &$0, &$1)
                            },
                            reportInline: {
                                measuredInlineReports(
                                    &reporter.pointee, &worker.pointee, &$0, &$1,
                                    PlainHandling.self)
                            },
                            reportInlineVaried: {
                                measuredInlineReports(
                                    &reporter.pointee, &worker.pointee, &$0, &$1,
                                    VariedHandling.self)
                            },
                            flush: { measuredFlushes(structure, &reporter.pointee, &$0, &$1) },
                            flushBeside: {
                                measuredBystanderFlushes(structure, &reporter.pointee, &$0, &$1)
                            },
                            pipeline: { measuredPipeline(structure, &reporter.pointee, &$0) },
                            release: {
                                structure.retire(reporter.pointee)
                                structure.retire(worker.pointee)
                                freeShared(reporter, count: 1)
                                freeShared(worker, count: 1)
                            })
                    },
                    makeWorker: {
                        let worker = allocateShared(initial: structure.makeWorker())
                        return WorkerEnd(
                            handle: {
                                measuredHandling(&worker.pointee, &$0, PlainHandling.self)
                            },
                            handleVaried: {
                                measuredHandling(&worker.pointee, &$0, VariedHandling.self)
                            },
                            hold: { measuredHolding(&worker.pointee, &$0, &$1) },
                            handOver: { measuredHandingOver(&worker.pointee, &$0, &$1) },
                            answer: { measuredAnswering(&worker.pointee, &$0) },
                            serve: { measuredServing(&worker.pointee, &$0) },
                            release: {
                                structure.retire(worker.pointee)
                                freeShared(worker, count: 1)
                            })
                    })
            })
    }

    @usableFromInline
    init(
        structure: String, lockKind: LockKind?, nodeMemory: NodeMemory, provenance: Provenance,
        implementation: String,
        makeVerified: @escaping @Sendable (ReportingConfiguration) -> VerifiedReporting,
        makeChecked: @escaping @Sendable (ReportingConfiguration) -> VerifiedReporting,
        make: @escaping @Sendable (ReportingConfiguration) -> ReportingInstance
    ) {
        self.structure = structure
        self.lockKind = lockKind
        self.nodeMemory = nodeMemory
        self.provenance = provenance
        self.implementation = implementation
        self.makeVerified = makeVerified
        self.makeChecked = makeChecked
        self.make = make
    }

    /// The scheme as `fqbench verify` checks it.
    public var verified: VerifySubject {
        VerifySubject(reporting: name, make: makeVerified, makeChecked: makeChecked)
    }

    /// As a user types it: `slot-table`, `rcu-refcount/futex`, `rcu-refcount/futex+glibc`.
    public var name: String {
        let nodes = nodeMemory == .pool ? "" : "+\(nodeMemory.rawValue)"
        return LockKind.schemeName(structure, lockKind) + nodes
    }
}

/// One structure with its type erased; the calls of this value happen outside measured loops.
public struct ReportingInstance: Sendable {
    let addDevice: @Sendable (RequesterID) -> AddDeviceOutcome
    let removeDevice: @Sendable (RequesterID) -> RemoveDeviceOutcome
    let churn: @Sendable (inout ChurnBurst) -> Void
    let discardPartial: @Sendable () -> Int
    let census: @Sendable () -> ReportingCensus
    let flush: @Sendable (RequesterID, PASID) -> Void
    let makeReporter: @Sendable () -> ReporterEnd
    let makeWorker: @Sendable () -> WorkerEnd

    @usableFromInline
    init(
        addDevice: @escaping @Sendable (RequesterID) -> AddDeviceOutcome,
        removeDevice: @escaping @Sendable (RequesterID) -> RemoveDeviceOutcome,
        churn: @escaping @Sendable (inout ChurnBurst) -> Void,
        discardPartial: @escaping @Sendable () -> Int,
        census: @escaping @Sendable () -> ReportingCensus,
        flush: @escaping @Sendable (RequesterID, PASID) -> Void,
        makeReporter: @escaping @Sendable () -> ReporterEnd,
        makeWorker: @escaping @Sendable () -> WorkerEnd
    ) {
        self.addDevice = addDevice
        self.removeDevice = removeDevice
        self.churn = churn
        self.discardPartial = discardPartial
        self.census = census
        self.flush = flush
        self.makeReporter = makeReporter
        self.makeWorker = makeWorker
    }
}

/// A reporter's loops around one endpoint, and a worker's end for what it answers itself. One
/// thread; the structure outlives it.
public struct ReporterEnd {
    let report: (inout ReporterBurst) -> Void
    let reportChurned: (inout ReporterBurst, inout ChurnedReports) -> Void
    let reportInline: (inout ReporterBurst, inout HandlerBurst) -> Void
    let reportInlineVaried: (inout ReporterBurst, inout HandlerBurst) -> Void
    let flush: (inout ReporterBurst, inout FlushBurst) -> Void
    let flushBeside: (inout FlushBurst, inout BystanderPace) -> Void
    let pipeline: (inout FaultThreadBurst) -> Void
    let release: () -> Void

    @usableFromInline
    init(
        report: @escaping (inout ReporterBurst) -> Void,
        reportChurned: @escaping (inout ReporterBurst, inout ChurnedReports) -> Void,
        reportInline: @escaping (inout ReporterBurst, inout HandlerBurst) -> Void,
        reportInlineVaried: @escaping (inout ReporterBurst, inout HandlerBurst) -> Void,
        flush: @escaping (inout ReporterBurst, inout FlushBurst) -> Void,
        flushBeside: @escaping (inout FlushBurst, inout BystanderPace) -> Void,
        pipeline: @escaping (inout FaultThreadBurst) -> Void,
        release: @escaping () -> Void
    ) {
        self.report = report
        self.reportChurned = reportChurned
        self.reportInline = reportInline
        self.reportInlineVaried = reportInlineVaried
        self.flush = flush
        self.flushBeside = flushBeside
        self.pipeline = pipeline
        self.release = release
    }
}

/// The loops of a worker, or of a responder, around one endpoint. One thread; the structure
/// outlives it.
public struct WorkerEnd {
    let handle: (inout HandlerBurst) -> Void
    let handleVaried: (inout HandlerBurst) -> Void
    let hold: (inout HandlerBurst, inout AnswerBurst) -> Void
    let handOver: (inout HandlerBurst, inout HandOverBurst) -> Void
    let answer: (inout AnswerBurst) -> Void
    let serve: (inout ServingBurst) -> Void
    let release: () -> Void

    @usableFromInline
    init(
        handle: @escaping (inout HandlerBurst) -> Void,
        handleVaried: @escaping (inout HandlerBurst) -> Void,
        hold: @escaping (inout HandlerBurst, inout AnswerBurst) -> Void,
        handOver: @escaping (inout HandlerBurst, inout HandOverBurst) -> Void,
        answer: @escaping (inout AnswerBurst) -> Void,
        serve: @escaping (inout ServingBurst) -> Void, release: @escaping () -> Void
    ) {
        self.handle = handle
        self.handleVaried = handleVaried
        self.hold = hold
        self.handOver = handOver
        self.answer = answer
        self.serve = serve
        self.release = release
    }
}
