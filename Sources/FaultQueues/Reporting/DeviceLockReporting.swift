import FaultModel

// device-lock: the device's lock is held across the whole of report, and across flush.
//
// Models   drivers/iommu/io-pgfault.c and iommu.c of v5.12 to v6.8.
// Keeps    D across report; F nested for the pending list; the partial list walked whole for every
//          group; the last request copied into the pending list, which a response searches by PASID
//          and index; a response without D; D across the drain in flush, so that reporters of the
//          device stall; Q over the devices.
// Departs  discard takes D as well as Q, since Q excludes no reporter; flush drops the PASID's
//          partial requests and answers what is pending, which it left to the driver; removal
//          answers too, where it said busy; a device's memory outlives the device, so that a
//          response may read it without D; groups are keyed by PASID and index, and a response
//          recognises its own group among equal keys. The worker finds the device by its requester,
//          where it looked up the domain.
// Omits    the domain itself; the driver's answer where report failed.
//
// Idea: one lock per device is enough to exclude reporters, flush, add and remove from each other.
// Workers need F alone, so a flush may wait for them with D held.
//
// D1. Everything of a device but its pending list is touched only with D held.
// D2. A group's record is in the pending list from before the group is queued until its answer is
//     sent, and an answer is sent only by whoever takes the record out, with F held.
// D3. Only the group's owner frees it, in respond, so a record's address is not reused before.
//
//     at the same time   report    take/finish  respond    flush        discard, add, remove
//     report             waits/D   waits/w      waits/F    waits/drain  waits/D
//     take, finish       waits/w   waits/w      –          waits/w      –
//     respond            waits/F   –            waits/F    waits/F      waits/F
//     flush              waits/D   waits/w      waits/F    waits        waits/drain
//
// waits/X: for lock X of the same device (w: the workqueue's, of all devices); waits/drain: until
// the handlers of every device have returned.
// Progress: blocking. A handler that stalls blocks the flush, and with it every reporter of the
// flushed device, and through Q every discard, add and remove.
// Lock nesting: Q, D, F, the workqueue's.

/// The device's lock across report and flush.
public final class DeviceLockReporting<Lock: LockPrimitive, Nodes: ReportingNodes>:
    KernelReporting, @unchecked Sendable
{
    public static var structure: String { "device-lock" }
    public static var provenance: Provenance {
        Provenance(
            models: "io-pgfault.c and iommu.c of v5.12 to v6.8",
            keeps: "device lock across report and flush; fault parameter's lock nested for the "
                + "pending list; response searches by PASID and index",
            departs: "discard takes the device lock too; flush and removal settle what is partial "
                + "and pending; groups keyed by PASID and index; user-space lock",
            omits: "the domain that the worker looked up")
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
            if let group { queue.workqueue.queue(group) }
            device.pointee.deviceLock.unlock()
            return outcome
        }
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
            // Found: it was when the group was reported, and devices keep their places.
            let device = queue.find(group.pointee.last.requester).unsafelyUnwrapped
            device.pointee.parameterLock.lock()
            let outcome =
                Nodes.fault == .lateAnswerByKey
                ? device.pointee.answerFirstOfKey(group, code, by: queue.port)
                : device.pointee.answer(group, code, by: queue.port)
            device.pointee.parameterLock.unlock()
            nodes.free(group)
            return outcome
        }

        @inlinable @inline(never)
        public mutating func finish() { queue.workqueue.finish(colour: colour) }
    }
}
