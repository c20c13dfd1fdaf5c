// A queue of small numbers from many threads to many threads, without locks and without "full".
//
// A position is claimed by one addition to `tail`; its cell is then filled by one store of the
// number and the lap together. A consumer reads the cell at `head` first and claims it after, by
// compare-exchange: if that succeeds nobody had claimed it, so nobody could have filled it again,
// and what was read is what was queued. No cell is ever written by a consumer.
//
//     cell, 64 bits:  63:32 lap + 1    31:0 number
//     cell's lap      meaning at position p, lap L = p / capacity
//     ≤ L             not filled yet (left over from an earlier lap)
//     L + 1           holds the number of position p
//
// H1. head ≤ tail ≤ head + capacity: the user never has more numbers in the queue than it was made
//     for. So whoever claims a position finds its cell read and given up.
// H2. A cell is written only by the thread that claimed its position.
// H3. Numbers leave in the order in which their positions were claimed.
//
//     at the same time   push   pop
//     push               yes    yes
//     pop                yes    yes
//
// Progress: push is wait-free where the CPU adds in one instruction, pop lock-free. A thread that
// stalls inside push, between its two steps, hides the numbers behind its own until it goes on.

/// A bounded multi-producer multi-consumer queue of 32-bit numbers, as a trivially copyable handle.
@usableFromInline
struct HandOffQueue: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline
    struct Ends: ~Copyable {
        /// Next position to claim. Written by producers.
        @usableFromInline let tail = PaddedAtomic<UInt64>(0)
        /// Next position to take. Written by consumers.
        @usableFromInline let head = PaddedAtomic<UInt64>(0)

        @usableFromInline
        init() {}
    }

    @usableFromInline let ends: UnsafeMutablePointer<Ends>
    @usableFromInline let cells: UnsafeMutablePointer<SharedAtomic<UInt64>>
    @usableFromInline let mask: UInt64
    @usableFromInline let lapShift: UInt64

    /// - Parameter capacity: Numbers that may be in it at the same time, 1 … 2³¹; rounded up to a
    ///   power of two.
    @usableFromInline
    init(capacity: Int) {
        precondition((1...1 << 31).contains(capacity), "a hand-off queue holds 1 to 2^31 numbers")
        let rounded = 1 << (Int.bitWidth - (capacity - 1).leadingZeroBitCount)
        ends = allocateShared(initial: Ends())
        cells = allocateShared(count: rounded) { _ in SharedAtomic<UInt64>(0) }
        mask = UInt64(rounded - 1)
        lapShift = UInt64(rounded.trailingZeroBitCount)
    }

    @usableFromInline
    func deallocate() {
        freeShared(ends, count: 1)
        freeShared(cells, count: Int(mask) + 1)
    }

    /// The lap of a position as its filled cell shows it.
    @inlinable @inline(__always)
    func lap(_ position: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: position >> lapShift &+ 1)
    }

    /// Adds a number at the end. The caller keeps H1.
    @inlinable @inline(__always)
    func push(_ number: UInt32) {
        // Relaxed: picks the position alone; its cell is free by H1, and the caller knows so by
        // whatever told it that an earlier number was taken.
        let position = ends.pointee.tail.value.wrappingAdd(1, ordering: .relaxed).oldValue
        let cell = cells + Int(truncatingIfNeeded: position & mask)
        // ORDER hand-off.filled, release side. Pairs with the load in pop().
        // Keeps: what the number stands for, written before, ahead of the number.
        // If relaxed: a consumer can be given a group whose pages are not there yet.
        cell.pointee.store(UInt64(lap(position)) << 32 | UInt64(number), ordering: .releasing)
    }

    /// The first number, or nil where none is there.
    @inlinable @inline(__always)
    func pop() -> UInt32? {
        var position = ends.pointee.head.value.load(ordering: .relaxed)  // confirmed below
        while true {
            let cell = cells + Int(truncatingIfNeeded: position & mask)
            // ORDER hand-off.filled, acquire side. Pairs with the store in push(_:).
            // Keeps: what the number stands for.
            // If relaxed: the group's words can be read as they were before.
            let word = cell.pointee.load(ordering: .acquiring)
            guard UInt32(truncatingIfNeeded: word >> 32) == lap(position) else {
                let now = ends.pointee.head.value.load(ordering: .relaxed)  // compared only
                if now == position { return nil }
                position = now
                continue
            }
            let (exchanged, now) = ends.pointee.head.value.compareExchange(
                expected: position, desired: position &+ 1,
                successOrdering: .relaxed,  // the cell was acquired; this picks an owner
                failureOrdering: .relaxed)  // looks again
            if exchanged { return UInt32(truncatingIfNeeded: word) }
            position = now
        }
    }
}
