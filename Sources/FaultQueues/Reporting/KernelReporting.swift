import FaultModel

/// A scheme that models the kernel up to 2023: what does not differ among them.
public protocol KernelReporting: FaultReporting {
    associatedtype Lock: LockPrimitive
    associatedtype Nodes: ReportingNodes

    var queue: KernelQueue<Lock, Nodes> { get }
}

extension KernelReporting {
    public static var lockKind: LockKind? { Lock.kind }
    public static var nodeMemory: NodeMemory { Nodes.Groups.memory }

    @inlinable @inline(never)
    public func addDevice(_ device: RequesterID) -> AddDeviceOutcome { queue.add(device) }

    @inlinable @inline(never)
    public func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome { queue.remove(device) }

    // Not inlined, so that the copy of the queue which it takes is out of the callers' loops.
    @inlinable @inline(never)
    public func discardPartial() -> Int { queue.discardPartial() }

    public func census() -> ReportingCensus { queue.census() }
}
