import FaultModel

// The parts that the schemes which model the kernel up to 2023 have in common: `struct iopf_queue`
// with its devices and its workqueue, and the operations in which they do not differ.
//
// Q1. `listed` and its count are touched only with Q held: the places of the devices served.
// Q2. The counts of retired endpoints are touched only with `countsLock` held.
//
// Lock nesting: Q outside D outside F outside the workqueue's locks; `countsLock` alone.

/// Devices, workqueue, node memory and response port, as handles.
public struct KernelQueue<Lock: LockPrimitive, Nodes: ReportingNodes>: BitwiseCopyable,
    @unchecked Sendable
{
    /// What endpoints did that are gone, and how many devices are listed.
    @usableFromInline
    struct Shared: BitwiseCopyable {
        @usableFromInline var listedCount = 0
        @usableFromInline var pageCounts = NodeCounts()
        @usableFromInline var groupCounts = NodeCounts()

        @inlinable
        init() {}
    }

    @usableFromInline let port: ResponsePort
    @usableFromInline let directory: DeviceDirectory
    @usableFromInline let devices: SharedCells<KernelDevice<Lock>>
    @usableFromInline let workqueue: Workqueue<Lock>
    /// Handles without counts, from which endpoints make theirs.
    @usableFromInline let nodes: FaultNodes<Nodes>
    /// Q: `iopf_queue->lock`.
    @usableFromInline let lock: Lock
    @usableFromInline let countsLock: Lock
    @usableFromInline let listed: SharedCells<Int>
    @usableFromInline let shared: SharedCells<Shared>
    @usableFromInline let maximumDevices: Int

    /// - Parameter isConsolidated: Which lock is over the partial list: F, or D.
    @usableFromInline
    init(_ configuration: ReportingConfiguration, isConsolidated: Bool) {
        port = configuration.port
        maximumDevices = configuration.maximumDevices
        directory = DeviceDirectory(capacity: maximumDevices)
        devices = allocateShared(count: maximumDevices) { _ in
            KernelDevice<Lock>(isConsolidated: isConsolidated)
        }
        workqueue = Workqueue()
        nodes = FaultNodes(
            // A request occupies one page node at most: its own, or as a last one its record.
            pages: Nodes.Pages(capacity: configuration.maximumPages),
            groups: Nodes.Groups(capacity: configuration.maximumPages))
        lock = Lock()
        countsLock = Lock()
        listed = allocateShared(zeroed: Int.self, count: maximumDevices)
        shared = allocateShared(initial: Shared())
    }

    /// Frees everything, but for groups and pages still in it whose nodes came one by one.
    @usableFromInline
    func deallocate() {
        for place in 0..<maximumDevices { devices[place].deallocate() }
        freeShared(devices, count: maximumDevices)
        directory.deallocate()
        workqueue.deallocate()
        nodes.pages.destroy()
        nodes.groups.destroy()
        lock.destroy()
        countsLock.destroy()
        freeShared(listed, count: maximumDevices)
        freeShared(shared, count: 1)
    }

    /// A device that was added once, served or not.
    @inlinable @inline(__always)
    func find(_ device: RequesterID) -> UnsafeMutablePointer<KernelDevice<Lock>>? {
        directory.find(device).map { devices + $0 }
    }

    /// Adds a handle's counts to the census.
    @inlinable
    func retire(_ nodes: FaultNodes<Nodes>) {
        let pages = nodes.pages.retired()
        let groups = nodes.groups.retired()
        countsLock.lock()
        shared.pointee.pageCounts = shared.pointee.pageCounts + pages
        shared.pointee.groupCounts = shared.pointee.groupCounts + groups
        countsLock.unlock()
    }

    /// `iopf_queue_add_device`.
    @inlinable
    func add(_ requester: RequesterID) -> AddDeviceOutcome {
        guard let place = directory.place(for: requester) else { return .noRoom }
        let device = devices[place]
        lock.lock()
        device.deviceLock.lock()
        device.parameterLock.lock()
        let isNew = !device.isServed.pointee
        if isNew {
            device.isServed.pointee = true
            device.users.pointee += 1
            listed[shared.pointee.listedCount] = place
            shared.pointee.listedCount += 1
        }
        device.parameterLock.unlock()
        device.deviceLock.unlock()
        lock.unlock()
        return isNew ? .added : .busy
    }

    /// `iopf_queue_remove_device`.
    @inlinable
    func remove(_ requester: RequesterID) -> RemoveDeviceOutcome {
        guard let place = directory.find(requester) else { return .unknown }
        let device = devices[place]
        var own = nodes.makeHandles()
        lock.lock()
        device.deviceLock.lock()
        device.parameterLock.lock()
        let wasServed = device.isServed.pointee
        if wasServed {
            let staysServed = Nodes.fault == .removalKeepsPointer && device.users.pointee > 1
            device.isServed.pointee = staysServed
            device.users.pointee -= 1
            unlist(place)
            if Nodes.fault == .freesLinked {
                own.freeLinked(device.partial)
            } else {
                _ = own.dropPartial(.all, in: device.partial)
            }
            if Nodes.fault != .removalForgets { device.answerPending(.all, by: port) }
        }
        device.parameterLock.unlock()
        device.deviceLock.unlock()
        lock.unlock()
        retire(own)
        return wasServed ? .removed : .unknown
    }

    /// With Q held. The last of the list takes the place's position.
    @inlinable
    func unlist(_ place: Int) {
        let last = shared.pointee.listedCount - 1
        for position in 0..<last where listed[position] == place {
            listed[position] = listed[last]
            break
        }
        shared.pointee.listedCount = last
    }

    /// `iopf_queue_discard_partial`, under the lock that protects the list.
    @inlinable
    func discardPartial() -> Int {
        var own = nodes.makeHandles()
        var count = 0
        lock.lock()
        for position in 0..<shared.pointee.listedCount {
            let device = devices[listed[position]]
            if Nodes.fault == .discardKeeps { continue }
            if Nodes.fault != .threeLocks { device.partialLock.lock() }
            count &+= own.dropPartial(.all, in: device.partial)
            if Nodes.fault != .threeLocks { device.partialLock.unlock() }
        }
        lock.unlock()
        retire(own)
        return count
    }

    func census() -> ReportingCensus {
        var census = ReportingCensus()
        for place in 0..<maximumDevices {
            let device = devices[place]
            census.referencesOut += device.users.pointee - (device.isServed.pointee ? 1 : 0)
            census.partialPages += device.partial.pointee.count
        }
        workqueue.forEachQueued { group in
            guard let device = find(group.pointee.last.requester) else { return }
            if device.pointee.pending.pointee.contains(group.pointee.record) {
                census.queuedGroups += 1
            }
        }
        let counts = shared.pointee
        census.nodesOut =
            counts.pageCounts.allocations - counts.pageCounts.frees
            + counts.groupCounts.allocations - counts.groupCounts.frees
        return census
    }
}

extension Workqueue {
    /// Visits what is queued and not yet taken. Overlaps with nothing.
    func forEachQueued(_ body: (UnsafeMutablePointer<FaultGroup>) -> Void) {
        var place = state.pointee.first
        while let group = place {
            body(group)
            place = group.pointee.next
        }
    }
}
