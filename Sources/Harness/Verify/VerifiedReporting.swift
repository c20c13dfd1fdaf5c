import FaultModel
import FaultQueues

/// One reporting structure with its type erased, an operation a call: for checks, where a closure
/// more costs nothing that matters. The structure's own code behind it is specialised as in a run.
///
/// Overlap and duties as for `FaultReporting`.
public struct VerifiedReporting: Sendable {
    /// What the structure promises about threads that stand still.
    public var progress: ProgressPromise
    let addDevice: @Sendable (RequesterID) -> AddDeviceOutcome
    let removeDevice: @Sendable (RequesterID) -> RemoveDeviceOutcome
    let flush: @Sendable (RequesterID, PASID?) -> Void
    let discardPartial: @Sendable () -> Int
    let census: @Sendable () -> ReportingCensus
    let makeReporter: @Sendable () -> VerifiedReporter
    let makeWorker: @Sendable () -> VerifiedWorker

    /// A structure of the type. Inlined, so that the closures are specialised for it.
    @inlinable @inline(__always)
    public init<Structure: FaultReporting>(
        _ type: Structure.Type, _ configuration: ReportingConfiguration
    ) {
        let structure = Structure(configuration)
        self.init(
            progress: Structure.progress,
            addDevice: { structure.addDevice($0) }, removeDevice: { structure.removeDevice($0) },
            flush: { structure.flush($0, $1) }, discardPartial: { structure.discardPartial() },
            census: { structure.census() },
            makeReporter: {
                let end = allocateShared(initial: structure.makeReporter())
                return VerifiedReporter(
                    report: { end.pointee.report($0) },
                    retire: {
                        structure.retire(end.pointee)
                        freeShared(end, count: 1)
                    })
            },
            makeWorker: {
                let end = allocateShared(initial: structure.makeWorker())
                return VerifiedWorker(
                    take: { end.pointee.take() }, respond: { end.pointee.respond($0, $1) },
                    finish: { end.pointee.finish() },
                    retire: {
                        structure.retire(end.pointee)
                        freeShared(end, count: 1)
                    })
            })
    }

    @usableFromInline
    init(
        progress: ProgressPromise,
        addDevice: @escaping @Sendable (RequesterID) -> AddDeviceOutcome,
        removeDevice: @escaping @Sendable (RequesterID) -> RemoveDeviceOutcome,
        flush: @escaping @Sendable (RequesterID, PASID?) -> Void,
        discardPartial: @escaping @Sendable () -> Int,
        census: @escaping @Sendable () -> ReportingCensus,
        makeReporter: @escaping @Sendable () -> VerifiedReporter,
        makeWorker: @escaping @Sendable () -> VerifiedWorker
    ) {
        self.progress = progress
        self.addDevice = addDevice
        self.removeDevice = removeDevice
        self.flush = flush
        self.discardPartial = discardPartial
        self.census = census
        self.makeReporter = makeReporter
        self.makeWorker = makeWorker
    }
}

/// A reporter's end. One thread.
public struct VerifiedReporter {
    let report: (PageRequest) -> ReportOutcome
    let retire: () -> Void

    @usableFromInline
    init(report: @escaping (PageRequest) -> ReportOutcome, retire: @escaping () -> Void) {
        self.report = report
        self.retire = retire
    }
}

/// A worker's end. One thread.
public struct VerifiedWorker {
    let take: () -> UnsafeMutablePointer<FaultGroup>?
    let respond: (UnsafeMutablePointer<FaultGroup>, ResponseCode) -> RespondOutcome
    let finish: () -> Void
    let retire: () -> Void

    @usableFromInline
    init(
        take: @escaping () -> UnsafeMutablePointer<FaultGroup>?,
        respond: @escaping (UnsafeMutablePointer<FaultGroup>, ResponseCode) -> RespondOutcome,
        finish: @escaping () -> Void, retire: @escaping () -> Void
    ) {
        self.take = take
        self.respond = respond
        self.finish = finish
        self.retire = retire
    }
}
