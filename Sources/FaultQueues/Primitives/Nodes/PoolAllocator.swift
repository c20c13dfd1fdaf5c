/// Nodes from an array that is allocated once, behind a lock-free free list (`IndexStack`, which
/// says how it works and what may overlap). The last node freed is the first handed out again.
///
/// `allocate` and `free` are lock-free and call nothing; `allocate` returns nil when all are out.
///
/// A caching handle keeps up to three batches of free nodes and exchanges a batch at a time with
/// the free list, so that threads that allocate and free do not meet at its top for every node. A
/// large pool has some nodes more than its capacity for what rests so; a small one keeps no caches.
public struct PoolAllocator<Node: BitwiseCopyable>: NodeAllocator, @unchecked Sendable {
    @usableFromInline let freeList: IndexStack
    /// The array; node `i` starts `i` strides in.
    @usableFromInline let slots: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int
    /// Written by this handle's thread alone.
    @usableFromInline var tally = NodeCounts()
    /// Nodes that a caching handle moves at once; 0 in a small pool, where they would be missed.
    @usableFromInline let cacheBatch: UInt32
    /// The same for this handle; 0 for one that keeps none.
    @usableFromInline var batch: UInt32 = 0
    /// What this handle keeps, linked as in the free list.
    @usableFromInline var kept = IndexStack.none
    @usableFromInline var keptCount: UInt32 = 0

    /// Handles whose caches the extra nodes cover.
    @inlinable static var coveredHandles: Int { 16 }

    @inlinable
    public static var memory: NodeMemory { .pool }

    /// Allocates and touches all nodes; call it from the thread that owns the memory.
    ///
    /// - Parameter capacity: 1 … 2³² − 2.
    public init(capacity: Int) {
        cacheBatch = UInt32(min(32, max(0, capacity / 128)))
        let extra = Self.coveredHandles * 3 * Int(cacheBatch)
        freeList = IndexStack(count: capacity + extra)
        slots = allocateShared(byteCount: (capacity + extra) * Self.stride)
        self.capacity = capacity + extra
    }

    @inlinable static var stride: Int { NodeLayout.stride(of: Node.self) }

    @inlinable
    public func makeHandle() -> Self {
        var other = self
        other.tally = NodeCounts()
        other.batch = 0
        other.kept = IndexStack.none
        other.keptCount = 0
        return other
    }

    @inlinable
    public func makeCachingHandle() -> Self {
        var other = makeHandle()
        other.batch = cacheBatch
        return other
    }

    @inlinable
    public mutating func giveBack() {
        guard keptCount > 0 else { return }
        freeList.pushChain(kept, count: keptCount)
        kept = IndexStack.none
        keptCount = 0
    }

    @inlinable
    public mutating func allocate() -> UnsafeMutablePointer<Node>? {
        if keptCount == 0 && !refill() {
            tally.refusals &+= 1
            return nil
        }
        let index = kept
        kept = freeList.link(index)
        keptCount &-= 1
        tally.allocations &+= 1
        return (slots + Int(index) &* Self.stride).assumingMemoryBound(to: Node.self)
    }

    @inlinable
    public mutating func free(_ node: UnsafeMutablePointer<Node>) {
        tally.frees &+= 1
        let index = index(of: node)
        if batch == 0 { return freeList.push(index) }
        freeList.setLink(index, kept)
        kept = index
        keptCount &+= 1
        if keptCount == 3 &* batch { giveBackBatches() }
    }

    /// Takes nodes from the free list; false where it has none. One where no cache is kept.
    @inlinable @inline(never)
    mutating func refill() -> Bool {
        (kept, keptCount) = freeList.popChain(limit: max(batch, 1))
        return keptCount > 0
    }

    /// Leaves one batch of three.
    @inlinable @inline(never)
    mutating func giveBackBatches() {
        let first = kept
        var rest = kept
        for _ in 0..<2 &* batch { rest = freeList.link(rest) }
        freeList.pushChain(first, count: 2 &* batch)
        kept = rest
        keptCount = batch
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
