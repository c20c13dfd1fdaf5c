import FaultModel

// What the two schemes that hold the device's lock across report and flush have in common.

extension KernelQueue {
    /// Report up to the hand-over to a worker, with D held: what became of the request, and the
    /// group if it completed one. The group is pending by then, so that its worker can answer it.
    @inlinable @inline(__always)
    func admitUnderDevice(
        _ request: PageRequest, _ device: UnsafeMutablePointer<KernelDevice<Lock>>,
        _ nodes: inout FaultNodes<Nodes>
    ) -> (outcome: ReportOutcome, group: UnsafeMutablePointer<FaultGroup>?) {
        let partial = device.pointee.partial
        guard device.pointee.isServed.pointee else { return (.noDevice, nil) }
        guard request.isLast else { return (nodes.hold(request, in: partial), nil) }
        guard let group = nodes.makeGroup(request) else {
            return (nodes.refuse(request, in: partial, by: port), nil)
        }
        device.pointee.parameterLock.lock()
        device.pointee.pending.pointee.append(group.pointee.record)
        device.pointee.parameterLock.unlock()
        nodes.assemble(group, from: partial)
        return (.queued, group)
    }

    /// Drains with D held, then settles what is left of the PASID. Also where the device is not
    /// served: its groups may still be with workers.
    @inlinable @inline(__always)
    func flushUnderDevice(_ requester: RequesterID, _ pasid: PASID?) {
        guard let device = find(requester) else { return }
        var own = nodes.makeHandles()
        if Nodes.fault == .earlyAssert { warnOfPending(device, pasid) }
        device.pointee.deviceLock.lock()
        workqueue.drain()
        _ = own.dropPartial(.pasid(pasid), in: device.pointee.partial)
        device.pointee.parameterLock.lock()
        device.pointee.answerPending(.pasid(pasid), by: port)
        device.pointee.parameterLock.unlock()
        device.pointee.deviceLock.unlock()
        retire(own)
    }
}
