import FaultModel

// consolidated: a count of users under the device's lock, taken briefly, then one lock over all
// lists of the device.
//
// Models   "Consolidate per-device fault data", as proposed in the thread of September 2023.
// Keeps    one block per device for both lists and the count; the count a plain integer under D,
//          taken and given back around every report, response and flush; F over every list, and
//          over the handler that report calls; no lock held while flush drains; Q over the
//          devices, F nested in discard.
// Departs  removal also takes F, and marks the device as not served under it, so that a holder of a
//          reference adds nothing afterwards; the device's memory outlives the count, and so the
//          device can be added again while references are out; removal answers what is pending,
//          where it said busy; flush also settles the PASID's partial and pending requests, which
//          was left to the driver, with a second reference; groups are keyed by PASID and index,
//          and a response recognises its own group among equal keys.
// Omits    the domain's lookup; handlers that answer or block in the reporter, which would stop
//          every list of the device.
//
// Idea: D says whether the device is there, F protects what it holds. Nothing slow happens under D,
// so a drain stalls no reporter; but the handler runs under F, and every path takes D twice.
//
// C1. `users` is touched only with D held. Who has a reference holds no lock by it.
// C2. Both lists are touched only with F held, `isServed` is written with both locks held. So a
//     device that is seen served under F takes requests until F is released.
// C3. A group's record is in the pending list from before the handler is called until the group's
//     answer is sent, and an answer is sent only by whoever takes the record out, with F held.
// C4. A group's `context` is its device, which outlives it.
//
//     at the same time   report      take/finish  respond     flush       discard, add, remove
//     report             waits/D,F   waits/w      waits/D,F   waits/D,F   waits/D,F
//     take, finish       waits/w     waits/w      –           waits/w     –
//     respond            waits/D,F   –            waits/D,F   waits/D,F   waits/D,F
//     flush              waits/D,F   waits/drain  waits/D,F   waits/drain waits/D,F
//
// waits/X: for lock X of the same device (w: the workqueue's, of all devices), each held briefly;
// waits/drain: until the handlers of every device have returned, with no lock held but the drains'.
// Progress: blocking. A handler that stalls in a worker blocks flushes alone.
// Lock nesting: Q, D, F, the workqueue's. In report, respond and flush D is released before F is
// taken, and F before D is taken again.

/// A user count under the device's lock, every list under the fault parameter's.
public final class ConsolidatedReporting<Lock: LockPrimitive, Nodes: ReportingNodes>:
    KernelReporting, @unchecked Sendable
{
    public static var structure: String { "consolidated" }
    public static var provenance: Provenance {
        Provenance(
            models: "Consolidate per-device fault data, September 2023 proposal",
            keeps: "user count under the device lock, fault parameter's lock over every list and "
                + "over the handler; flush drains with a reference and no lock",
            departs: "removal is a barrier; flush and removal settle what is partial and pending; "
                + "groups keyed by PASID and index; user-space lock",
            omits: "domain lookup; handlers that answer in the reporter")
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
        if Nodes.fault == .flushDeadlock { return queue.flushUnderLock(device, pasid) }
        // Without a reference the device has been removed; its groups may still be with workers.
        let isReferenced = device.pointee.takeReference()
        queue.workqueue.drain()
        if isReferenced { device.pointee.dropReference() }
        guard device.pointee.takeReference() else { return }
        queue.settle(device, pasid)
        device.pointee.dropReference()
    }
}

extension KernelQueue {
    /// Drops the partial requests of a PASID and answers what is pending for it, in one section
    /// of F.
    @inlinable @inline(__always)
    func settle(_ device: UnsafeMutablePointer<KernelDevice<Lock>>, _ pasid: PASID?) {
        if Nodes.fault == .noPASIDUnflushed && pasid == nil { return }
        var own = nodes.makeHandles()
        device.pointee.parameterLock.lock()
        if Nodes.fault == .flushBreak {
            own.dropLeading(.pasid(pasid), in: device.pointee.partial)
        } else {
            _ = own.dropPartial(.pasid(pasid), in: device.pointee.partial)
        }
        if Nodes.fault == .failedAnswerBreaks {
            device.pointee.answerUntilFailure(.pasid(pasid), by: port)
        } else {
            device.pointee.answerPending(.pasid(pasid), by: port)
        }
        device.pointee.parameterLock.unlock()
        retire(own)
    }
}
