// Finds the slot of the group that waits for the page of a key. One table for all devices: buckets
// of eight words, one line each, two possible buckets for a key, the emptier one taken.
//
//     entry, 64 bits:  62 used    61:20 key    19:0 slot
//
// X1. An entry is written by the thread that has the slot in stage filling, and cleared by the one
//     that has it in filling or dropping. So all orders come from the slot's word, and every access
//     here is relaxed: an entry is a hint, and is believed only if its slot says the same key.
// X2. At most one slot of a key is in filling or assembling; others with the same key in the index
//     are about to vanish.
//
//     at the same time   find   insert   remove      for any keys and threads, within X1
//     any                yes    yes      yes
//
// Progress: find and remove are wait-free, insert lock-free.

/// A lock-free hash index from keys to slots, as a trivially copyable handle.
@usableFromInline
struct PartialIndex: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let entries: UnsafeMutablePointer<SharedAtomic<UInt64>>
    @usableFromInline let bucketShift: UInt64
    @usableFromInline let count: Int

    /// - Parameter capacity: Entries, a power of two, 16 … 2²⁰.
    @usableFromInline
    init(capacity: Int) {
        count = capacity
        bucketShift = UInt64(64 - (capacity / 8).trailingZeroBitCount)
        entries = allocateShared(count: capacity) { _ in SharedAtomic<UInt64>(0) }
    }

    @usableFromInline
    func deallocate() { freeShared(entries, count: count) }

    /// An entry's upper part for a key in its place in a slot's word.
    @inlinable @inline(__always)
    static func tag(_ key: GroupWord.Word) -> UInt64 { 1 << 42 | key >> 6 }

    /// The first entry of each of the key's two buckets.
    @inlinable @inline(__always)
    func buckets(_ key: GroupWord.Word) -> (Int, Int) {
        let mixed = (key >> 6 ^ key >> 25) &* 0x9E37_79B9_7F4A_7C15
        let again = (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93
        return (
            Int(truncatingIfNeeded: mixed >> bucketShift) &* 8,
            Int(truncatingIfNeeded: again >> bucketShift) &* 8
        )
    }

    /// The position of the next entry with the tag in a bucket, from `start` on; nil at its end.
    @inlinable @inline(__always)
    func find(_ tag: UInt64, in bucket: Int, from start: Int = 0) -> (position: Int, slot: Int)? {
        var position = bucket &+ start
        while position < bucket &+ 8 {
            let entry = entries[position].load(ordering: .relaxed)  // X1
            if entry >> 20 == tag {
                return (position, Int(truncatingIfNeeded: entry & 0xFFFFF))
            }
            position &+= 1
        }
        return nil
    }

    /// Adds an entry; nil where both buckets are full.
    @inlinable @inline(never)
    func insert(_ key: GroupWord.Word, slot: Int) -> Int? {
        let entry = Self.tag(key) << 20 | UInt64(truncatingIfNeeded: slot)
        let (one, two) = buckets(key)
        while true {
            let first = free(in: one)
            let second = free(in: two)
            guard first.count > 0 || second.count > 0 else { return nil }
            let place = first.count >= second.count ? first.position : second.position
            if entries[place].compareExchange(
                expected: 0, desired: entry,
                successOrdering: .relaxed, failureOrdering: .relaxed  // X1
            ).exchanged {
                return place
            }
        }
    }

    @inlinable @inline(__always)
    func free(in bucket: Int) -> (count: Int, position: Int) {
        var count = 0
        var position = bucket
        for place in bucket..<bucket &+ 8
        where entries[place].load(ordering: .relaxed) == 0 {  // X1
            count &+= 1
            position = place
        }
        return (count, position)
    }

    @inlinable @inline(__always)
    func remove(_ position: Int) {
        entries[position].store(0, ordering: .relaxed)  // X1
    }
}
