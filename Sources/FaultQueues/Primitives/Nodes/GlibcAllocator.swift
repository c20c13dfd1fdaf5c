import CPlatform

/// Every node by one call of the C library's allocator, under the names that it keeps when another
/// library has taken `malloc`. An aligned call is several times as dear there as a plain one.
///
/// Progress is the C library's own: its arenas have locks.
public struct GlibcAllocator<Node: BitwiseCopyable>: NodeAllocator, @unchecked Sendable {
    /// Written by this handle's thread alone.
    @usableFromInline var tally = NodeCounts()

    @inlinable
    public static var memory: NodeMemory { .glibc }

    /// Allocates nothing yet; the capacity is not needed.
    public init(capacity: Int) {
        precondition(capacity >= 1, "at least one node is wanted")
    }

    @inlinable static var stride: Int { NodeLayout.stride(of: Node.self) }

    @inlinable
    public func makeHandle() -> Self {
        var other = self
        other.tally = NodeCounts()
        return other
    }

    @inlinable
    public mutating func allocate() -> UnsafeMutablePointer<Node>? {
        let alignment = UInt64(NodeLayout.alignment)
        guard let block = fq_glibc_aligned_alloc(alignment, UInt64(Self.stride)) else {
            tally.refusals &+= 1
            return nil
        }
        // NO ORDER: the C library's own; under ThreadSanitizer it is the sanitizer's allocator.
        tally.allocations &+= 1
        return block.bindMemory(to: Node.self, capacity: 1)
    }

    @inlinable
    public mutating func free(_ node: UnsafeMutablePointer<Node>) {
        tally.frees &+= 1
        fq_glibc_free(node)
    }

    @inlinable
    public var counts: NodeCounts { tally }

    /// Nothing is shared but the C library itself.
    public func destroy() {}
}
