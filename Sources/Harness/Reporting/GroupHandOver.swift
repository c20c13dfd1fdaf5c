import FaultModel
import FaultQueues

/// Where one worker hands handled groups to one responder: a bounded row in shared memory.
///
/// Overlap: one thread in `hasRoom` and `push`, one in `pop`.
public struct GroupHandOver: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline
    struct Ends: ~Copyable {
        /// Next to be read. Written by the responder.
        @usableFromInline let head = PaddedAtomic<Int>(0)
        /// Next to be written. Written by the worker.
        @usableFromInline let tail = PaddedAtomic<Int>(0)

        init() {}
    }

    @usableFromInline let ends: UnsafeMutablePointer<Ends>
    @usableFromInline let places: UnsafeMutablePointer<HeldGroup?>
    @usableFromInline let mask: Int

    /// - Parameter capacity: A power of two.
    init(capacity: Int) {
        mask = capacity - 1
        ends = allocateShared(initial: Ends())
        places = allocateShared(count: capacity) { _ in nil }
    }

    func deallocate() {
        freeShared(ends, count: 1)
        freeShared(places, count: mask + 1)
    }

    @inlinable @inline(__always)
    var hasRoom: Bool {
        let tail = ends.pointee.tail.value.load(ordering: .relaxed)  // the worker's own
        // ORDER hand-over.read, acquire side. Pairs with the store in pop().
        // Keeps: the responder's read of a place before the worker writes it again.
        return tail &- ends.pointee.head.value.load(ordering: .acquiring) <= mask
    }

    /// Where there is room.
    @inlinable @inline(__always)
    func push(_ held: HeldGroup) {
        let tail = ends.pointee.tail.value.load(ordering: .relaxed)  // the worker's own
        places[tail & mask] = held
        // ORDER hand-over.written, release side. Pairs with the load in pop().
        // Keeps: the entry, and all that the handler did to the group, before the number.
        ends.pointee.tail.value.store(tail &+ 1, ordering: .releasing)
    }

    @inlinable @inline(__always)
    func pop() -> HeldGroup? {
        let head = ends.pointee.head.value.load(ordering: .relaxed)  // the responder's own
        // ORDER hand-over.written, acquire side. Pairs with the store in push(_:).
        // Keeps: the entry and the group.
        if head == ends.pointee.tail.value.load(ordering: .acquiring) { return nil }
        let held = places[head & mask]
        // ORDER hand-over.read, release side. Pairs with the load in hasRoom.
        // Keeps: the read of the place before the number that gives it back.
        ends.pointee.head.value.store(head &+ 1, ordering: .releasing)
        return held
    }
}

/// A worker's ends of its hand-overs, one for each responder. One thread.
public struct HandOverBurst {
    @usableFromInline let first: UnsafeMutablePointer<GroupHandOver>
    @usableFromInline let responders: Int
    @usableFromInline var turn = 0

    /// - Parameter first: The worker's hand-overs, side by side.
    init(first: UnsafeMutablePointer<GroupHandOver>, responders: Int) {
        self.first = first
        self.responders = responders
    }

    /// Whether the next group has a responder; each in turn, a full one is passed over.
    @inlinable @inline(__always)
    mutating func hasRoom() -> Bool {
        var tries = 0
        while tries < responders {
            if first[turn].hasRoom { return true }
            advance()
            tries &+= 1
        }
        return false
    }

    @inlinable @inline(__always)
    mutating func push(_ held: HeldGroup) {
        first[turn].push(held)
        advance()
    }

    @inlinable @inline(__always)
    mutating func advance() {
        turn &+= 1
        if turn == responders { turn = 0 }
    }
}
