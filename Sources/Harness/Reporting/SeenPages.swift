import FaultQueues

/// How many pages of each group its handler saw, for the reporter to look at between bursts. A byte
/// for every tag that the port can tell apart, written by whoever handles the group.
public struct SeenPages: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let pages: UnsafeMutablePointer<UInt8>
    @usableFromInline let lanes: Int
    /// Tags of a lane, a power of two.
    @usableFromInline let entries: Int

    init(lanes: Int, entries: Int) {
        self.lanes = lanes
        self.entries = entries
        pages = allocateShared(zeroed: UInt8.self, count: lanes * entries)
    }

    func deallocate() { freeShared(pages, count: lanes * entries) }

    @inlinable @inline(__always)
    func entry(_ tag: UInt64) -> Int {
        Int(truncatingIfNeeded: tag >> 48) &* entries
            &+ (Int(truncatingIfNeeded: tag) & (entries &- 1))
    }

    /// Notes a group; false where it was handled before, or comes from nobody.
    @inlinable @inline(__always)
    func note(_ count: Int, tag: UInt64) -> Bool {
        guard Int(truncatingIfNeeded: tag >> 48) < lanes, pages[entry(tag)] == 0 else {
            return false
        }
        pages[entry(tag)] = UInt8(truncatingIfNeeded: count)
        return true
    }

    /// What was noted, 0 for nothing; forgets it.
    func take(tag: UInt64) -> Int {
        let count = Int(pages[entry(tag)])
        pages[entry(tag)] = 0
        return count
    }
}
