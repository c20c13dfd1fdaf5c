import FaultModel

// consolidated-flush: consolidated, with a flush that is told the PASID.
//
// Models   "iommu: Improve iopf_queue_flush_dev()", proposed in the thread of September 2023.
// Keeps    all of consolidated; flush drains the workqueue with a reference and no lock, then walks
//          both lists in one section of F, drops the PASID's partial requests and answers its
//          pending groups as invalid; the hardware submits of those answers under F.
// Departs  as consolidated. A flush can name the requests without a PASID, which the patch's never
//          met. The walk of the partial list goes on behind a request of another PASID,
//          where the patch left the loop; an answer cannot fail, where the patch left the rest
//          unanswered; a device that was removed is drained as well.
// Omits    as consolidated.
//
// Idea: when the drain has returned, what is left of the PASID is with nobody who is sure to
// answer: partial requests, and groups that a worker handed to someone else. The flush answers them
// itself, and a late answer finds nothing pending.
//
// C1 to C4 as in consolidated, and:
// E1. Nobody reports for the PASID while the flush runs, which is the caller's duty; so between the
//     drain and the section of F no group of the PASID is added, and one section settles all.
//
// Overlap, progress and lock nesting as in consolidated. A flush holds F for the walk of both lists
// and a submit per group answered.

/// The consolidated scheme with the flush for one PASID.
public final class ConsolidatedFlushReporting<Lock: LockPrimitive, Nodes: ReportingNodes>:
    KernelReporting, @unchecked Sendable
{
    public static var structure: String { "consolidated-flush" }
    public static var provenance: Provenance {
        Provenance(
            models: "Improve iopf_queue_flush_dev(), September 2023 proposal on consolidated",
            keeps: "flush drains with a reference and no lock, then drops the PASID's partial "
                + "requests and answers its pending groups in one section",
            departs: "the partial walk goes on behind another PASID's request; an answer cannot "
                + "fail; requests without a PASID are flushed too; otherwise as consolidated",
            omits: "as consolidated")
    }

    public let queue: KernelQueue<Lock, Nodes>

    @inlinable
    public init(_ configuration: ReportingConfiguration) {
        queue = KernelQueue(configuration, isConsolidated: true)
    }

    @inlinable
    deinit { queue.deallocate() }

    @inlinable
    public func makeReporter() -> ConsolidatedReporter<Lock, Nodes> { ConsolidatedReporter(queue) }

    @inlinable
    public func makeWorker() -> ConsolidatedWorker<Lock, Nodes> { ConsolidatedWorker(queue) }

    @inlinable
    public func retire(_ reporter: ConsolidatedReporter<Lock, Nodes>) {
        queue.retire(reporter.nodes)
    }

    @inlinable
    public func retire(_ worker: ConsolidatedWorker<Lock, Nodes>) { queue.retire(worker.nodes) }

    @inlinable @inline(never)
    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        guard let device = queue.find(device) else { return }
        // Without a reference the device has been removed; its groups may still be with workers.
        guard device.pointee.takeReference() else {
            queue.workqueue.drain()
            return
        }
        queue.workqueue.drain()
        queue.settle(device, pasid)
        device.pointee.dropReference()
    }
}
