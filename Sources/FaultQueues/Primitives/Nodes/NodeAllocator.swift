/// Where the nodes of a structure come from: an axis of its own beside structure and lock kind. The
/// kernel allocates when a fault is reported; the axis shows what that costs.
public enum NodeMemory: String, CaseIterable, Sendable, Codable {
    case pool
    case jemalloc
    case glibc

    /// One line for lists.
    public var summary: String {
        switch self {
        case .pool: "preallocated nodes on a lock-free free list"
        case .jemalloc: "jemalloc, one sized and aligned call for every node"
        case .glibc: "the C library's own allocator, one aligned call for every node"
        }
    }
}

/// What one allocator handle did. Plain counters of one thread; sum the handles of all threads.
public struct NodeCounts: Hashable, Sendable, BitwiseCopyable {
    /// Nodes handed out.
    public var allocations = 0
    /// Nodes taken back. A node may come back through another handle than it went out by.
    public var frees = 0
    /// Calls that found no node.
    public var refusals = 0

    @inlinable
    public init() {}

    /// Sums, to balance the handles of several threads.
    public static func + (left: NodeCounts, right: NodeCounts) -> NodeCounts {
        var sum = left
        sum.allocations += right.allocations
        sum.frees += right.frees
        sum.refusals += right.refusals
        return sum
    }
}

/// A source of nodes of one fixed size: a trivially copyable handle to memory that all handles
/// share, with counters of its own, so that counting touches no shared line.
///
/// Each thread works with a handle from `makeHandle()` and keeps it to itself: a handle's methods
/// never run on two threads at the same time, those of different handles may. What a thread wrote
/// to a node before `free` happens before whatever the next thread to be given that memory does
/// with it.
///
/// All kinds lay nodes out alike, on lines of 64 bytes that no two nodes share, so that they differ
/// in the allocator alone. A node handed out holds arbitrary bytes.
public protocol NodeAllocator<Node>: BitwiseCopyable, Sendable {
    /// Trivially copyable, never a class: nothing counts references to a node.
    associatedtype Node: BitwiseCopyable

    /// Which kind this is, for lists and results.
    static var memory: NodeMemory { get }

    /// Memory of its own, and the first handle to it.
    ///
    /// - Parameter capacity: Nodes that can be out at the same time, 1 … 2³² − 2. The bound of a
    ///   pool; the kinds that ask an allocator for every node do not need it.
    init(capacity: Int)

    /// Another handle to the same memory, its counters at zero.
    func makeHandle() -> Self

    /// The same for a thread that allocates and frees much: the handle may keep free nodes for
    /// itself, as the kernel's caches do for each CPU. `giveBack()` ends its use.
    func makeCachingHandle() -> Self

    /// Gives the nodes that the handle keeps for itself back to the others.
    mutating func giveBack()

    /// A node, or nil where none is left.
    mutating func allocate() -> UnsafeMutablePointer<Node>?

    /// Takes back a node that a handle to the same memory handed out and that no thread uses.
    mutating func free(_ node: UnsafeMutablePointer<Node>)

    /// What this handle did.
    var counts: NodeCounts { get }

    /// Frees the shared memory. Once, when every node has come back and no handle is used again.
    func destroy()
}

extension NodeAllocator {
    /// An allocator that caches by thread itself needs no more.
    @inlinable
    public func makeCachingHandle() -> Self { makeHandle() }

    @inlinable
    public mutating func giveBack() {}

    /// Gives back what the handle keeps; what it did. It is not used again.
    @inlinable
    public func retired() -> NodeCounts {
        var handle = self
        handle.giveBack()
        return handle.counts
    }
}

/// The layout that every kind keeps.
@usableFromInline
enum NodeLayout {
    /// A cache line. Nodes hold data that is handed over, not counters that are fought for, so one
    /// line is enough and half the memory of `sharedAlignment`.
    @inlinable static var alignment: Int { 64 }

    /// Base-2 logarithm of the alignment.
    @inlinable static var alignmentShift: Int32 { 6 }

    /// From one node to the next, in bytes: the size rounded up to whole lines, at least one.
    @inlinable
    static func stride<Node>(of type: Node.Type) -> Int {
        max(1, (MemoryLayout<Node>.size + alignment - 1) / alignment) * alignment
    }
}
