import FaultModel

/// A worker's end of the two consolidated schemes.
public struct ConsolidatedWorker<Lock: LockPrimitive, Nodes: ReportingNodes>: FaultWorker {
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
        var outcome = RespondOutcome.notPending
        // Without a reference the device has been removed, which answered the group.
        if device.pointee.takeReference() {
            device.pointee.parameterLock.lock()
            outcome = device.pointee.answer(group, code, by: queue.port)
            device.pointee.parameterLock.unlock()
            device.pointee.dropReference()
        }
        nodes.free(group)
        return outcome
    }

    @inlinable @inline(never)
    public mutating func finish() { queue.workqueue.finish(colour: colour) }
}
