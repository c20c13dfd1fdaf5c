import FaultModel

/// Who attached a handle, and so what may be done with it: the key of a checked cast.
public enum HandleType: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// Shared virtual addressing: the domain is a process's address space.
    case sva = 1
    /// A user-space driver's own page tables.
    case userManaged = 2
}

/// What a handle says. Plain memory: written before the handle is published and after its last use.
public struct HandleRecord: BitwiseCopyable, Sendable {
    /// Which attach of the structure's life this is, from 1; 0 in memory that is free.
    public var life: UInt64 = 0
    /// The domain's owner's number for it; 0 in memory that is free.
    public var domain: UInt64 = 0
    public var group: Int32 = -1
    public var pasid: UInt32 = .max
    public var type: UInt8 = 0

    @inlinable
    public init() {}

    /// Whether this is the record of a handle at that place, of that type, complete.
    @inlinable
    public func isComplete(at place: HandlePlace, _ type: HandleType) -> Bool {
        life != 0 && domain != 0 && Int(group) == place.group && pasid == place.pasid.rawValue
            && self.type == type.rawValue
    }
}

/// A handle: 256 bytes, so that those who count references to one disturb nobody who reads another.
public struct AttachHandle: ~Copyable {
    /// References, in schemes that count them. Written by everyone.
    @usableFromInline let users = PaddedAtomic<Int>(0)
    public var record = HandleRecord()
    /// What ends the handle after a grace period, in schemes that wait for one.
    @usableFromInline var ending: UnsafeMutableRawPointer?
    @usableFromInline let padding = InlineArray<11, UInt64>(repeating: 0)

    @usableFromInline
    init() {}

    /// A further reference to one that the caller knows to be there.
    @inlinable @inline(__always)
    func get() {
        users.value.wrappingAdd(1, ordering: .relaxed)  // the place's own reference is held
    }

    /// A reference, unless the last one is gone.
    @inlinable @inline(__always)
    func tryGet() -> Bool {
        var seen = users.value.load(ordering: .relaxed)  // the exchange checks it
        while seen != 0 {
            // Relaxed: the pointer that led here was acquired, and the record does not change.
            let (exchanged, now) = users.value.compareExchange(
                expected: seen, desired: seen &+ 1,
                successOrdering: .relaxed, failureOrdering: .relaxed)
            if exchanged { return true }
            seen = now
        }
        return false
    }

    /// Gives a reference back; true where it was the last.
    @inlinable @inline(__always)
    func put() -> Bool {
        // ORDER handle.last-use, both sides. The releases of all that put before, the acquire of
        // the one that puts last. Keeps: every use of the handle before its end.
        // If relaxed: the handle can be reused while another thread's use is still under way.
        users.value.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }
}

/// The memory of a structure's handles: allocated once and never given back before the structure
/// ends, so that a use after a free reads a free record and not another object.
///
/// Overlap: `allocate` and `free` on any number of threads; both are lock-free.
@usableFromInline
struct HandleMemory: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let handles: UnsafeMutablePointer<AttachHandle>
    @usableFromInline let capacity: Int
    @usableFromInline let freeList: IndexStack
    @usableFromInline let tally: UnsafeMutablePointer<Tally>

    @usableFromInline
    struct Tally: ~Copyable {
        /// Handles ever attached: the number of the next life.
        let lives = PaddedAtomic<UInt64>(0)
        let out = PaddedAtomic<Int>(0)
        let doubleFrees = PaddedAtomic<Int>(0)
    }

    @usableFromInline
    init(capacity: Int) {
        precondition(
            MemoryLayout<AttachHandle>.stride % sharedAlignment == 0,
            "a handle's address leaves its low bits to the type")
        self.capacity = capacity
        handles = allocateShared(count: capacity) { _ in AttachHandle() }
        freeList = IndexStack(count: capacity)
        tally = allocateShared(initial: Tally())
    }

    @usableFromInline
    func destroy() {
        freeShared(handles, count: capacity)
        freeList.destroy()
        freeShared(tally, count: 1)
    }

    /// Memory for a handle, its record still free; nil where all is out.
    @usableFromInline
    func allocate() -> UnsafeMutablePointer<AttachHandle>? {
        guard let index = freeList.pop() else { return nil }
        tally.pointee.out.value.wrappingAdd(1, ordering: .relaxed)  // read when all is quiet
        return handles + Int(index)
    }

    /// A record for a place.
    @usableFromInline
    func record(_ place: HandlePlace, _ type: HandleType, domain: UInt64) -> HandleRecord {
        var record = HandleRecord()
        // Relaxed: a number of its own is all that is asked for.
        record.life = tally.pointee.lives.value.wrappingAdd(1, ordering: .relaxed).newValue
        record.domain = domain
        record.group = Int32(place.group)
        record.pasid = place.pasid.rawValue
        record.type = type.rawValue
        return record
    }

    /// Marks the record free and takes the memory back. What is free already stays so and is
    /// counted.
    @usableFromInline
    func free(_ handle: UnsafeMutablePointer<AttachHandle>) {
        if handle.pointee.record.life == 0 {
            tally.pointee.doubleFrees.value.wrappingAdd(1, ordering: .relaxed)  // read when quiet
            return
        }
        handle.pointee.record = HandleRecord()
        tally.pointee.out.value.wrappingSubtract(1, ordering: .relaxed)  // read when all is quiet
        freeList.push(UInt32(handle - handles))
    }

    /// The counts of a structure with this many places taken; only while nothing runs.
    func census(attached: Int) -> HandleCensus {
        HandleCensus(
            attached: attached,
            // Relaxed: nothing else runs.
            handlesOut: tally.pointee.out.value.load(ordering: .relaxed),
            doubleFrees: tally.pointee.doubleFrees.value.load(ordering: .relaxed))  // as above
    }
}
