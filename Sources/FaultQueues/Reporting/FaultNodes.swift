import FaultModel

/// An endpoint's own handles to both node memories, and what is done with them.
@usableFromInline
struct FaultNodes<Nodes: ReportingNodes>: BitwiseCopyable, Sendable {
    @usableFromInline var pages: Nodes.Pages
    @usableFromInline var groups: Nodes.Groups

    @inlinable
    init(pages: Nodes.Pages, groups: Nodes.Groups) {
        self.pages = pages
        self.groups = groups
    }

    @inlinable
    func makeHandles() -> FaultNodes {
        FaultNodes(pages: pages.makeHandle(), groups: groups.makeHandle())
    }

    /// For an endpoint, which allocates and frees much.
    @inlinable
    func makeCachingHandles() -> FaultNodes {
        FaultNodes(pages: pages.makeCachingHandle(), groups: groups.makeCachingHandle())
    }

    /// Keeps a request that is not its group's last. With the partial list's lock held.
    @inlinable @inline(__always)
    mutating func hold(_ request: PageRequest, in partial: SharedCells<FaultList>)
        -> ReportOutcome
    {
        guard let node = pages.allocate() else { return .refused }
        node.pointee.request = request
        partial.pointee.prepend(node)
        return .held
    }

    /// A group with its record, still without its other pages; nil where there is no memory. As in
    /// the original the last request is copied twice: into the group and into the pending list.
    @inlinable @inline(__always)
    mutating func makeGroup(_ last: PageRequest) -> UnsafeMutablePointer<FaultGroup>? {
        guard let record = pages.allocate() else { return nil }
        guard let group = groups.allocate() else {
            pages.free(record)
            return nil
        }
        record.pointee = PageFault(request: last)
        group.pointee = FaultGroup(last: last)
        group.pointee.record = record
        return group
    }

    /// Moves the group's other pages from the partial list. With the partial list's lock held.
    ///
    /// The newest page is first in the list, and each that is found goes to the group's front: so
    /// the group has them in order of arrival.
    @inlinable @inline(__always)
    func assemble(
        _ group: UnsafeMutablePointer<FaultGroup>, from partial: SharedCells<FaultList>
    ) {
        var pages: UnsafeMutablePointer<PageFault>?
        var count = 1
        partial.pointee.removeAll(.group(of: group.pointee.last)) { node in
            node.pointee.next = pages
            pages = node
            count &+= 1
        }
        group.pointee.pages = pages
        group.pointee.pageCount = count
    }

    /// Frees the partial requests that match. With the partial list's lock held.
    ///
    /// - Returns: How many there were.
    @inlinable
    mutating func dropPartial(
        _ pattern: RequestPattern, in partial: SharedCells<FaultList>
    ) -> Int {
        var count = 0
        partial.pointee.removeAll(pattern) { node in
            if Nodes.fault == .threeLocks { Disturbance.gap() }
            pages.free(node)
            count &+= 1
        }
        return count
    }

    /// Gives up a group for which there is no memory. With the partial list's lock held.
    @inlinable @inline(never)
    mutating func refuse(
        _ last: PageRequest, in partial: SharedCells<FaultList>, by port: ResponsePort
    ) -> ReportOutcome {
        _ = dropPartial(.group(of: last), in: partial)
        port.send(.failure, to: last)
        return .refused
    }

    /// Frees a group, its pages and its record, which is in no list.
    @inlinable @inline(__always)
    mutating func free(_ group: UnsafeMutablePointer<FaultGroup>) {
        var place = group.pointee.pages
        while let page = place {
            place = page.pointee.next
            pages.free(page)
        }
        pages.free(group.pointee.record)
        groups.free(group)
    }
}
