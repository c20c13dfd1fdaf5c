import CJemalloc

/// Every node by one call of jemalloc, with its alignment and, on the way back, its size given: the
/// shortest way through it.
///
/// Progress is jemalloc's own: mostly a cache of the calling thread, sometimes the lock of an
/// arena.
public struct JemallocAllocator<Node: BitwiseCopyable>: NodeAllocator, @unchecked Sendable {
    /// Written by this handle's thread alone.
    @usableFromInline var tally = NodeCounts()

    @inlinable
    public static var memory: NodeMemory { .jemalloc }

    /// Allocates nothing yet; the capacity is not needed.
    public init(capacity: Int) {
        precondition(capacity >= 1, "at least one node is wanted")
    }

    @inlinable static var stride: Int { NodeLayout.stride(of: Node.self) }

    /// `MALLOCX_LG_ALIGN`, a macro that Swift does not see: the logarithm is the flag.
    @inlinable static var flags: Int32 { NodeLayout.alignmentShift }

    @inlinable
    public func makeHandle() -> Self {
        var other = self
        other.tally = NodeCounts()
        return other
    }

    @inlinable
    public mutating func allocate() -> UnsafeMutablePointer<Node>? {
        guard let block = mallocx(Self.stride, Self.flags) else {
            tally.refusals &+= 1
            return nil
        }
        // NO ORDER: jemalloc's own. A block passes from thread to thread under a lock of an arena,
        // which is a `pthread_mutex_t` that ThreadSanitizer sees.
        tally.allocations &+= 1
        return block.bindMemory(to: Node.self, capacity: 1)
    }

    @inlinable
    public mutating func free(_ node: UnsafeMutablePointer<Node>) {
        tally.frees &+= 1
        sdallocx(node, Self.stride, Self.flags)
    }

    @inlinable
    public var counts: NodeCounts { tally }

    /// Nothing is shared but jemalloc itself.
    public func destroy() {}
}
