/// Hands out PASIDs, the lowest free one first, as the kernel's ID allocators do.
///
/// A tree of bits: a set bit of the lowest level is a PASID in use, a set bit above says that the
/// whole word below is in use. So finding the lowest takes a step a level.
///
/// Overlap: any number of threads. Progress: blocking; a thread that stalls with the lock stops
/// every other, for a few instructions otherwise.
@usableFromInline
struct PASIDAllocator<Lock: LockPrimitive>: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let lock = Lock()
    /// Words of level l begin at `starts[l]`; level 0 has a bit a PASID.
    @usableFromInline let words: SharedCells<UInt64>
    @usableFromInline let starts: SharedCells<Int>
    @usableFromInline let levels: Int
    @usableFromInline let bits: Int
    /// In use, and freed though free. Protected by the lock.
    @usableFromInline let tally: SharedCells<(owned: Int, doubleFrees: Int)>

    @usableFromInline
    init(bits: Int) {
        self.bits = bits
        var sizes: [Int] = []
        var count = 1 << bits
        repeat {
            count = (count + 63) / 64
            sizes.append(count)
        } while count > 1
        levels = sizes.count
        starts = allocateShared(zeroed: Int.self, count: levels)
        var total = 0
        for (level, size) in sizes.enumerated() {
            starts[level] = total
            total += size
        }
        words = allocateShared(zeroed: UInt64.self, count: total)
        tally = .allocate(capacity: 1)
        tally.initialize(to: (0, 0))
        // A space below 64 ends inside its word.
        if bits < 6 { words[0] = ~0 << UInt64(1 << bits) }
        words[0] |= 1  // 0 is reserved
    }

    @usableFromInline
    func destroy() {
        lock.destroy()
        freeShared(bytes: UnsafeMutableRawPointer(starts))
        freeShared(bytes: UnsafeMutableRawPointer(words))
        tally.deallocate()
    }

    /// The lowest free PASID, 1…limit; 0 where none is.
    @inlinable
    func allocate(limit: Int) -> UInt32 {
        lock.lock()
        defer { lock.unlock() }
        var place = 0
        for level in stride(from: levels &- 1, through: 0, by: -1) {
            let free = ~words[starts[level] &+ place]
            if free == 0 { return 0 }
            place = place &* 64 &+ free.trailingZeroBitCount
            // A level's last word may have bits of nothing.
            if level == 0 ? place >= 1 << bits : place >= starts[level] &- starts[level &- 1] {
                return 0
            }
        }
        if place > limit { return 0 }
        mark(place)
        tally.pointee.owned &+= 1
        return UInt32(truncatingIfNeeded: place)
    }

    /// With the lock held: the PASID is in use, and so is every word that is full now.
    @inlinable
    func mark(_ pasid: Int) {
        var place = pasid
        for level in 0..<levels {
            words[starts[level] &+ place / 64] |= 1 << UInt64(place % 64)
            if words[starts[level] &+ place / 64] != ~0 { return }
            place /= 64
        }
    }

    @inlinable
    func free(_ pasid: UInt32) {
        lock.lock()
        defer { lock.unlock() }
        var place = Int(pasid)
        if words[place / 64] & 1 << UInt64(place % 64) == 0 {
            tally.pointee.doubleFrees &+= 1
            return
        }
        tally.pointee.owned &-= 1
        for level in 0..<levels {
            words[starts[level] &+ place / 64] &= ~(1 << UInt64(place % 64))
            place /= 64
        }
    }
}
