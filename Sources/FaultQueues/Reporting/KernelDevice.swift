import FaultModel

// What the schemes that model the kernel up to 2023 keep for each device: two locks and two lists.
//
// K1. `isServed` is written with D and F held, and read with either.
// K2. `users` is touched only with D held; it is one while the device is served, plus one for every
//     reference. Nothing waits for it: what it guards in the original is freed here with the
//     structure alone.
// K3. A device that is not served has empty lists.
// K4. `partial` is touched only with `partialLock` held, `pending` only with F held.
//
// Lock nesting: D outside F. The queue's lock Q is outside both.

/// One device: handles alone, the same for the structure's life.
@usableFromInline
struct KernelDevice<Lock: LockPrimitive>: BitwiseCopyable, @unchecked Sendable {
    /// D: `dev_iommu->lock`.
    @usableFromInline let deviceLock: Lock
    /// F: `fault_param->lock`.
    @usableFromInline let parameterLock: Lock
    /// D or F, as the scheme says: the lock over the partial list.
    @usableFromInline let partialLock: Lock
    // Cells of their own, not fields of one value: each has its own lock.
    @usableFromInline let isServed: SharedCells<Bool>
    @usableFromInline let users: SharedCells<Int>
    /// Requests that wait for the last of their group, the newest first.
    @usableFromInline let partial: SharedCells<FaultList>
    /// Records of groups that were not answered, the oldest first.
    @usableFromInline let pending: SharedCells<FaultList>
    @usableFromInline let memory: UnsafeMutableRawPointer

    /// - Parameter isConsolidated: One block for all state, F over both lists; otherwise the
    ///   pending list in a block of its own under F, and everything else under D.
    @usableFromInline
    init(isConsolidated: Bool) {
        deviceLock = Lock()
        parameterLock = Lock()
        partialLock = isConsolidated ? parameterLock : deviceLock
        let list = MemoryLayout<FaultList>.stride
        let pendingOffset = isConsolidated ? 16 + list : sharedAlignment
        memory = allocateShared(byteCount: pendingOffset + list)
        users = memory.bindMemory(to: Int.self, capacity: 1)
        isServed = (memory + 8).bindMemory(to: Bool.self, capacity: 1)
        partial = (memory + 16).bindMemory(to: FaultList.self, capacity: 1)
        pending = (memory + pendingOffset).bindMemory(to: FaultList.self, capacity: 1)
        users.initialize(to: 0)
        isServed.initialize(to: false)
        partial.initialize(to: FaultList())
        pending.initialize(to: FaultList())
    }

    @usableFromInline
    func deallocate() {
        deviceLock.destroy()
        parameterLock.destroy()
        freeShared(bytes: memory)
    }

    /// `iopf_get_dev_fault_param`: false where the device is not served.
    @inlinable @inline(__always)
    func takeReference() -> Bool {
        deviceLock.lock()
        let wasServed = isServed.pointee
        if wasServed { users.pointee &+= 1 }
        deviceLock.unlock()
        return wasServed
    }

    /// `iopf_put_dev_fault_param`.
    @inlinable @inline(__always)
    func dropReference() {
        deviceLock.lock()
        users.pointee &-= 1
        deviceLock.unlock()
    }

    /// Answers a group if it is still pending. With F held: a synchronous submit to the hardware
    /// keeps everyone else out, as in the original.
    @inlinable @inline(__always)
    func answer(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode, by port: ResponsePort
    ) -> RespondOutcome {
        let last = group.pointee.last
        guard pending.pointee.remove(group.pointee.record, .group(of: last)) else {
            return .notPending
        }
        port.send(code, to: last)
        return .answered
    }

    /// Answers what is pending and matches with `.invalid`. With F held. The records stay with
    /// their groups, whose owners free them.
    @inlinable @inline(__always)
    func answerPending(_ pattern: RequestPattern, by port: ResponsePort) {
        pending.pointee.removeAll(pattern) { port.send(.invalid, to: $0.pointee.request) }
    }
}

extension FaultGroup {
    /// The group's entry in the pending list, its copy of the last request. The schemes with
    /// pending lists keep its address in the group's word, whose lowest bit is the workqueue's.
    @inlinable
    var record: UnsafeMutablePointer<PageFault> {
        get { UnsafeMutablePointer(bitPattern: UInt(word & ~1)).unsafelyUnwrapped }
        set { word = UInt64(UInt(bitPattern: newValue)) }
    }

    /// The device, where the scheme has put it into the group.
    @inlinable @inline(__always)
    func device<Lock: LockPrimitive>(
        of lock: Lock.Type
    ) -> UnsafeMutablePointer<KernelDevice<Lock>> {
        context.unsafelyUnwrapped.assumingMemoryBound(to: KernelDevice<Lock>.self)
    }
}
