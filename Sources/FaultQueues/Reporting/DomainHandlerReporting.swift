import FaultModel

// domain-handler: a handler of the domain is called with the device's lock held, and the group
// carries what the handler needs.
//
// Models   "iommu: Make iommu_queue_iopf() more generic", v4 09/10, August 2023.
// Keeps    all of device-lock; the handler called from report with D held; a handler that does
//          nothing but queue the group for a worker; what the worker needs found once, at report,
//          and kept in the group.
// Departs  as device-lock: discard takes D as well as Q; flush and removal settle what is partial
//          and pending; a device's memory outlives it; groups are keyed by PASID and index. The
//          handler is called directly, where the domain holds a pointer to it, and the group
//          carries the device in the domain's place.
// Omits    the domain's lookup at report; the warning about pending faults at detach, which fired
//          on correct use; any handler that answers or blocks in the reporter.
//
// Idea: the fault path knows no kind of domain. Report finds who handles the group and calls it;
// the price is that a handler runs under a lock that flush, add and remove want.
//
// H1. Everything of a device but its pending list is touched only with D held.
// H2. A group's record is in the pending list from before the handler is called until the group's
//     answer is sent, and an answer is sent only by whoever takes the record out, with F held.
// H3. A handler takes no lock that is outside the workqueue's, and answers nothing itself.
// H4. A group's `context` is its device, which outlives it.
//
//     at the same time   report    take/finish  respond    flush        discard, add, remove
//     report             waits/D   waits/w      waits/F    waits/drain  waits/D
//     take, finish       waits/w   waits/w      –          waits/w      –
//     respond            waits/F   –            waits/F    waits/F      waits/F
//     flush              waits/D   waits/w      waits/F    waits        waits/drain
//
// waits/X: for lock X of the same device (w: the workqueue's, of all devices); waits/drain: until
// the work queued before has been finished for every device.
// Progress: blocking. A worker that stalls blocks the flush, and with it every reporter of the
// flushed device, and through Q every discard, add and remove.
// Lock nesting: Q, D, F, the workqueue's.

/// The domain's handler under the device's lock.
public final class DomainHandlerReporting<Lock: LockPrimitive, Nodes: ReportingNodes>:
    KernelReporting, @unchecked Sendable
{
    public static var structure: String { "domain-handler" }
    public static var provenance: Provenance {
        Provenance(
            models: "v4 series of August 2023: Make iommu_queue_iopf() more generic",
            keeps: "handler called in report with the device lock held; group carries what its "
                + "worker needs; device lock across flush",
            departs: "discard takes the device lock too; flush and removal settle what is partial "
                + "and pending; groups keyed by PASID and index; direct call; user-space lock",
            omits: "domain lookup at report; warning at detach")
    }

    public let queue: KernelQueue<Lock, Nodes>

    @inlinable
    public init(_ configuration: ReportingConfiguration) {
        queue = KernelQueue(configuration, isConsolidated: false)
    }

    @inlinable
    deinit { queue.deallocate() }

    @inlinable
    public func makeReporter() -> Reporter { Reporter(queue) }

    @inlinable
    public func makeWorker() -> Worker { Worker(queue) }

    @inlinable
    public func retire(_ reporter: Reporter) { queue.retire(reporter.nodes) }

    @inlinable
    public func retire(_ worker: Worker) { queue.retire(worker.nodes) }

    @inlinable @inline(never)
    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        queue.flushUnderDevice(device, pasid)
    }

    /// A fault thread's end.
    public struct Reporter: FaultReporter {
        @usableFromInline let queue: KernelQueue<Lock, Nodes>
        @usableFromInline var nodes: FaultNodes<Nodes>

        @inlinable
        init(_ queue: KernelQueue<Lock, Nodes>) {
            self.queue = queue
            nodes = queue.nodes.makeCachingHandles()
        }

        @inlinable @inline(never)
        public mutating func report(_ request: PageRequest) -> ReportOutcome {
            guard let device = queue.find(request.requester) else { return .noDevice }
            device.pointee.deviceLock.lock()
            let (outcome, group) = queue.admitUnderDevice(request, device, &nodes)
            if let group {
                group.pointee.context = UnsafeMutableRawPointer(device)
                handle(group)
            }
            device.pointee.deviceLock.unlock()
            return outcome
        }

        /// The domain's handler, `iommu_sva_handle_iopf`: a call of its own, as there.
        @inlinable @inline(never)
        func handle(_ group: UnsafeMutablePointer<FaultGroup>) { queue.workqueue.queue(group) }
    }

    /// A worker's end.
    public struct Worker: FaultWorker {
        @usableFromInline let queue: KernelQueue<Lock, Nodes>
        @usableFromInline var nodes: FaultNodes<Nodes>
        /// Of the group taken last.
        @usableFromInline var colour = 0

        @inlinable
        init(_ queue: KernelQueue<Lock, Nodes>) {
            self.queue = queue
            nodes = queue.nodes.makeCachingHandles()
        }

        @inlinable @inline(never)
        public mutating func take() -> UnsafeMutablePointer<FaultGroup>? {
            guard let (group, colour) = queue.workqueue.take() else { return nil }
            self.colour = colour
            return group
        }

        @inlinable @inline(never)
        public mutating func respond(
            _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
        ) -> RespondOutcome {
            let device = group.pointee.device(of: Lock.self)
            device.pointee.parameterLock.lock()
            let outcome = device.pointee.answer(group, code, by: queue.port)
            device.pointee.parameterLock.unlock()
            nodes.free(group)
            return outcome
        }

        @inlinable @inline(never)
        public mutating func finish() { queue.workqueue.finish(colour: colour) }
    }
}
