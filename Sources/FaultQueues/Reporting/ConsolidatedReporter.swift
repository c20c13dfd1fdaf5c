import FaultModel

// The ends of the two consolidated schemes, which differ in flush alone. `ConsolidatedReporting`
// says how they lock.

/// A fault thread's end.
public struct ConsolidatedReporter<Lock: LockPrimitive, Nodes: ReportingNodes>: FaultReporter {
    @usableFromInline let queue: KernelQueue<Lock, Nodes>
    @usableFromInline var nodes: FaultNodes<Nodes>

    @inlinable
    init(_ queue: KernelQueue<Lock, Nodes>) {
        self.queue = queue
        nodes = queue.nodes.makeCachingHandles()
    }

    @inlinable @inline(never)
    public mutating func report(_ request: PageRequest) -> ReportOutcome {
        guard let device = queue.find(request.requester), device.pointee.takeReference() else {
            return .noDevice
        }
        device.pointee.parameterLock.lock()
        let outcome = admit(request, device)
        device.pointee.parameterLock.unlock()
        device.pointee.dropReference()
        return outcome
    }

    /// The whole of report with F held, the handler included.
    @inlinable @inline(__always)
    mutating func admit(
        _ request: PageRequest, _ device: UnsafeMutablePointer<KernelDevice<Lock>>
    ) -> ReportOutcome {
        let partial = device.pointee.partial
        // The device may have been removed since the reference was taken.
        guard device.pointee.isServed.pointee else { return .noDevice }
        guard request.isLast else { return nodes.hold(request, in: partial) }
        guard let group = nodes.makeGroup(request) else {
            return nodes.refuse(request, in: partial, by: queue.port)
        }
        device.pointee.pending.pointee.append(group.pointee.record)
        nodes.assemble(group, from: partial)
        group.pointee.context = UnsafeMutableRawPointer(device)
        handle(group)
        return .queued
    }

    /// The domain's handler: a call of its own, as in the original.
    @inlinable @inline(never)
    func handle(_ group: UnsafeMutablePointer<FaultGroup>) {
        if Nodes.fault == .handlerUnderLock { return answerInside(group) }
        queue.workqueue.queue(group)
    }
}
