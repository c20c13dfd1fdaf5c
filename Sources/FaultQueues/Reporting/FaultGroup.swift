import FaultModel

/// One page request that waits for the last of its group, or belongs to a group. Models
/// `struct iopf_fault`: the fault and a list node.
public struct PageFault: BitwiseCopyable {
    public var request: PageRequest
    /// The next in whatever list it is in; in a group, the next in order of arrival.
    public var next: UnsafeMutablePointer<PageFault>?

    @inlinable
    public init(request: PageRequest, next: UnsafeMutablePointer<PageFault>? = nil) {
        self.request = request
        self.next = next
    }
}

/// A complete group on its way from report to response. Models `struct iopf_group`, with the last
/// fault embedded.
///
/// It has one owner at a time: the structure until a worker takes it, then that worker, then
/// whoever the worker hands it to. The owner calls `respond` exactly once, which frees it whether
/// or not it was still pending; so a late answer never touches freed memory.
public struct FaultGroup: BitwiseCopyable {
    /// The request that completed the group; its answer is built from it.
    public var last: PageRequest
    /// The other pages in order of arrival; nil for a group of one.
    public var pages: UnsafeMutablePointer<PageFault>?
    /// Pages with the last, 1 or more.
    public var pageCount: Int
    /// The structure's own: list links, the device, a state. Not for handlers.
    public var next: UnsafeMutablePointer<FaultGroup>?
    public var previous: UnsafeMutablePointer<FaultGroup>?
    public var context: UnsafeMutableRawPointer?
    public var word: UInt64

    @inlinable
    public init(last: PageRequest) {
        self.last = last
        pages = nil
        pageCount = 1
        next = nil
        previous = nil
        context = nil
        word = 0
    }

    /// Calls `body` for every page in order of arrival, the last at the end.
    @inlinable @inline(__always)
    public func forEachPage(_ body: (PageRequest) -> Void) {
        var place = pages
        while let page = place {
            body(page.pointee.request)
            place = page.pointee.next
        }
        body(last)
    }
}

/// A kind of node memory for both node types of the reporting subject.
public protocol ReportingNodes: Sendable {
    associatedtype Pages: NodeAllocator where Pages.Node == PageFault
    associatedtype Groups: NodeAllocator where Groups.Node == FaultGroup

    /// What is wrong with the scheme, for a broken twin; a constant that vanishes at
    /// specialisation.
    static var fault: ReportingFault { get }
}

extension ReportingNodes {
    /// Nothing: every sound scheme.
    @inlinable public static var fault: ReportingFault { .none }
}

/// Preallocated nodes.
public enum PoolNodes: ReportingNodes {
    public typealias Pages = PoolAllocator<PageFault>
    public typealias Groups = PoolAllocator<FaultGroup>
}

/// Nodes from jemalloc, one call each.
public enum JemallocNodes: ReportingNodes {
    public typealias Pages = JemallocAllocator<PageFault>
    public typealias Groups = JemallocAllocator<FaultGroup>
}

/// Nodes from the C library, one call each.
public enum GlibcNodes: ReportingNodes {
    public typealias Pages = GlibcAllocator<PageFault>
    public typealias Groups = GlibcAllocator<FaultGroup>
}
