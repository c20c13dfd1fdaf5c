/// Nodes from an array that is allocated once, behind a lock-free free list (`IndexStack`, which
/// says how it works and what may overlap). The last node freed is the first handed out again.
///
/// `allocate` and `free` are lock-free and call nothing; `allocate` returns nil when all are out.
public struct PoolAllocator<Node: BitwiseCopyable>: NodeAllocator, @unchecked Sendable {
    @usableFromInline let freeList: IndexStack
    /// The array; node `i` starts `i` strides in.
    @usableFromInline let slots: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int
    /// Written by this handle's thread alone.
    @usableFromInline var tally = NodeCounts()

    @inlinable
    public static var memory: NodeMemory { .pool }

    /// Allocates and touches all nodes; call it from the thread that owns the memory.
    ///
    /// - Parameter capacity: 1 … 2³² − 2.
    public init(capacity: Int) {
        freeList = IndexStack(count: capacity)
        slots = allocateShared(byteCount: capacity * Self.stride)
        self.capacity = capacity
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
        guard let index = freeList.pop() else {
            tally.refusals &+= 1
            return nil
        }
        tally.allocations &+= 1
        return (slots + Int(index) &* Self.stride).assumingMemoryBound(to: Node.self)
    }

    @inlinable
    public mutating func free(_ node: UnsafeMutablePointer<Node>) {
        tally.frees &+= 1
        freeList.push(index(of: node))
    }

    /// Which slot a node of this pool is.
    @inlinable
    func index(of node: UnsafeMutablePointer<Node>) -> UInt32 {
        let offset = UInt(bitPattern: node) &- UInt(bitPattern: slots)
        assert(
            offset % UInt(Self.stride) == 0 && offset / UInt(Self.stride) < UInt(capacity),
            "the node is not one of this pool's")
        return UInt32(truncatingIfNeeded: offset / UInt(Self.stride))
    }

    @inlinable
    public var counts: NodeCounts { tally }

    public func destroy() {
        freeList.destroy()
        freeShared(bytes: slots)
    }
}
