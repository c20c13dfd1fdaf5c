import FaultModel

/// A word for every place, side by side as the slots of the kernel's xarray are.
///
/// A word is 0, or the address of a handle, a multiple of 128, with its type in the low bits.
@usableFromInline
struct HandleTable: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let words: UnsafeMutablePointer<SharedAtomic<UInt>>
    @usableFromInline let groups: Int
    @usableFromInline let pasids: Int

    @usableFromInline
    init(_ configuration: HandleConfiguration) {
        groups = configuration.groups
        pasids = configuration.pasids
        words = allocateShared(count: groups * pasids) { _ in SharedAtomic<UInt>(0) }
    }

    func deallocate() { freeShared(words, count: groups * pasids) }

    /// - Precondition: the place is one of the configuration.
    @inlinable @inline(__always)
    func index(of place: HandlePlace) -> Int {
        let pasid = Int(truncatingIfNeeded: place.pasid.rawValue)
        precondition(
            place.group >= 0 && place.group < groups && pasid < pasids,
            "a place is one of the groups and PASIDs that the structure was made for")
        return place.group &* pasids &+ pasid
    }

    @inlinable @inline(__always)
    static func word(of handle: UnsafeMutablePointer<AttachHandle>, _ type: HandleType) -> UInt {
        UInt(bitPattern: handle) | UInt(type.rawValue)
    }

    @inlinable @inline(__always)
    static func type(of word: UInt) -> UInt8 { UInt8(truncatingIfNeeded: word & 127) }

    @inlinable @inline(__always)
    static func handle(of word: UInt) -> UnsafeMutablePointer<AttachHandle> {
        UnsafeMutablePointer(bitPattern: word & ~127).unsafelyUnwrapped
    }

    /// Places with a handle; only while nothing runs.
    var attached: Int {
        // Relaxed: nothing else runs.
        (0..<groups * pasids).count { words[$0].load(ordering: .relaxed) != 0 }
    }
}

/// One word for each user, in which it says what it is using: what a detach waits for.
@usableFromInline
struct UserSlots: BitwiseCopyable, @unchecked Sendable {
    /// 0, or the word of the handle in use. Written by its user, read by detaches.
    @usableFromInline let slots: UnsafeMutablePointer<PaddedAtomic<UInt>>
    @usableFromInline let capacity: Int
    @usableFromInline let taken: UnsafeMutablePointer<PaddedAtomic<Int>>

    @usableFromInline
    init(capacity: Int) {
        self.capacity = capacity
        slots = allocateShared(count: capacity) { _ in PaddedAtomic<UInt>(0) }
        taken = allocateShared(initial: PaddedAtomic<Int>(0))
    }

    func deallocate() {
        freeShared(slots, count: capacity)
        freeShared(taken, count: 1)
    }

    /// A slot for a new user.
    @usableFromInline
    func next() -> UnsafeMutablePointer<PaddedAtomic<UInt>> {
        // ORDER users.taken, release side. Pairs with the load in drain(_:).
        // Keeps: nothing yet, the slots are there from the start; the user's first use follows.
        let number = taken.pointee.value.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
        precondition(number < capacity, "no more users than the structure was made for")
        return slots + number
    }

    /// Returns when no slot holds the word. It must have left the table, and new users be kept from
    /// it, before.
    @usableFromInline
    func drain(_ word: UInt) {
        // ORDER users.taken, acquire side. Pairs with next().
        // Keeps: a user that was made before it found the handle is among those waited for.
        // If relaxed: the newest user can be overlooked.
        let count = min(taken.pointee.value.load(ordering: .acquiring), capacity)
        for number in 0..<count {
            var wait = SpinWait()
            // ORDER users.slot, acquire side. Pairs with the store in put(_:).
            // Keeps: the user's last read of the handle before its memory is used again.
            // If relaxed: a user can see the next handle's record in the one that it has.
            while slots[number].value.load(ordering: .acquiring) == word { wait.wait() }
        }
    }
}
