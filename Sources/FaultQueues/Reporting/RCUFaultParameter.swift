import FaultModel

/// What a device's reports need: `struct iommu_fault_param` of 6.9 and later.
///
/// Made when a device is added, published in its place, and freed one grace period after the last
/// reference is gone.
@usableFromInline
struct RCUFaultParameter<Lock: LockPrimitive>: ~Copyable {
    /// References: one of the place, one of each report under way, one of each group. Written by
    /// everyone.
    @usableFromInline let users = PaddedAtomic<Int>(1)
    /// Protects `lists`.
    @usableFromInline let lock = Lock()
    @usableFromInline let lists: SharedCells<Lists>
    /// The object whose end frees all this, with the one reference to it.
    @usableFromInline let memory: UnsafeMutableRawPointer

    /// Protected by the lock.
    @usableFromInline
    struct Lists: BitwiseCopyable {
        @usableFromInline var partial = PageChain()
        @usableFromInline var pending = PendingGroups()
        /// Set by removal: a report that got its reference before then adds nothing.
        @usableFromInline var isClosed = false

        @inlinable
        init() {}
    }

    @usableFromInline
    init(memory: RCUParameterMemory<Lock>) {
        lists = allocateShared(initial: Lists())
        self.memory = Unmanaged.passRetained(memory).toOpaque()
    }

    /// A parameter with one reference.
    @usableFromInline
    static func make() -> UnsafeMutablePointer<Self> {
        let memory = RCUParameterMemory<Lock>()
        let parameter = allocateShared(initial: Self(memory: memory))
        memory.parameter = parameter
        return parameter
    }

    /// A reference, unless the last one is gone (`refcount_inc_not_zero`). In a read section.
    @inlinable @inline(__always)
    func tryGet() -> Bool {
        var seen = users.value.load(ordering: .relaxed)  // the exchange checks it
        while seen != 0 {
            // Relaxed: the pointer that led here was acquired, and the lists have their lock.
            let (exchanged, now) = users.value.compareExchange(
                expected: seen, desired: seen &+ 1,
                successOrdering: .relaxed, failureOrdering: .relaxed)
            if exchanged { return true }
            seen = now
        }
        return false
    }

    /// Gives a reference back (`iopf_put_dev_fault_param`).
    @inlinable @inline(__always)
    func put() {
        // ORDER parameter.last-use, both sides. The releases of all that put before, the acquire of
        // the one that puts last. Keeps: every use of the parameter before its end.
        // If relaxed: the parameter can be freed while another thread's use is still under way.
        let left = users.value.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        if left == 0 { end() }
    }

    @inlinable @inline(never)
    func end() {
        // A reader that saw the pointer may still try for a reference.
        RCUDomain.releaseAfterGracePeriod(memory)
    }
}

/// Owns a parameter's memory; a grace period ends with the release of an object.
@usableFromInline
final class RCUParameterMemory<Lock: LockPrimitive>: @unchecked Sendable {
    /// Written before the parameter is published.
    var parameter: UnsafeMutablePointer<RCUFaultParameter<Lock>>?

    init() {}

    deinit {
        guard let parameter else { return }
        parameter.pointee.lock.destroy()
        freeShared(parameter.pointee.lists, count: 1)
        freeShared(parameter, count: 1)
    }
}

/// A device's place: `struct dev_iommu`.
@usableFromInline
struct RCUDevicePlace<Lock: LockPrimitive>: ~Copyable {
    /// Nil while the device is not served. Written with both locks of a change held, read in read
    /// sections.
    @usableFromInline
    let published = PaddedAtomic<UnsafeMutablePointer<RCUFaultParameter<Lock>>?>(nil)
    /// Held by changes of this device.
    @usableFromInline let lock = Lock()

    @inlinable
    init() {}
}
