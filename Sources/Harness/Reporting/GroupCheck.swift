import FaultModel
import FaultQueues

/// Looks through the pages of groups as their handler does, and counts what is wrong. One thread.
public struct GroupCheck: Sendable {
    /// Pages looked at.
    @usableFromInline var pages = 0
    /// Pages of another key than the last's.
    @usableFromInline var mixed = 0
    /// Pages out of order of arrival.
    @usableFromInline var disordered = 0
    /// Groups with too few or too many pages.
    @usableFromInline var incomplete = 0

    @inlinable
    public init() {}

    /// - Parameter expected: How many pages the group was sent with.
    @inlinable @inline(__always)
    mutating func pages(of group: UnsafeMutablePointer<FaultGroup>, expected: UInt64) {
        let last = group.pointee.last
        var count = 0
        var before: UInt64 = 0
        var place = group.pointee.pages
        while let page = place {
            check(page.pointee.request, last, &before)
            count &+= 1
            place = page.pointee.next
        }
        check(last, last, &before)
        count &+= 1
        if UInt64(truncatingIfNeeded: count) != expected { incomplete &+= 1 }
        pages &+= count
    }

    @inlinable @inline(__always)
    mutating func check(_ request: PageRequest, _ last: PageRequest, _ before: inout UInt64) {
        if (request.header ^ last.header) & PageRequest.groupMask != 0 { mixed &+= 1 }
        // Tags begin at 0, so the comparison is with one more than the tag.
        if request.privateData0 &+ 1 <= before { disordered &+= 1 }
        before = request.privateData0 &+ 1
    }

    var violations: [String] {
        Violations.sentences([
            (mixed, "pages in a group of another key"), (disordered, "pages out of order"),
            (incomplete, "groups with too few or too many pages, or handled twice"),
        ])
    }
}
