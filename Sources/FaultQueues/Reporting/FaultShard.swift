import FaultModel

/// One of the places among which a device's groups are spread by PASID and index.
///
/// Lock and lists lie in lines of their own; what is here is written once.
@usableFromInline
struct FaultShard<Lock: LockPrimitive>: ~Copyable {
    @usableFromInline let lock = Lock()
    @usableFromInline let lists: SharedCells<FaultShardLists>

    @inlinable
    init() {
        lists = allocateShared(initial: FaultShardLists())
    }

    /// Frees what it holds on to; the last call.
    @inlinable
    func destroy() {
        lock.destroy()
        freeShared(lists, count: 1)
    }

    /// Shards of a device: 2 to the power of `shift`.
    @inlinable static var shift: UInt64 { 6 }
    @inlinable static var count: Int { 1 << 6 }

    /// The shard of a request: the top bits of its PASID and index, multiplied so that neighbours
    /// in either part.
    @inlinable @inline(__always)
    static func index(of header: UInt64) -> Int {
        let key = header >> 16 & 0x1FFF_FFFF
        return Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> (64 &- shift))
    }
}

/// What a shard's lock protects.
@usableFromInline
struct FaultShardLists: BitwiseCopyable {
    @usableFromInline var partial = PageChain()
    /// Pending and not yet taken by a worker.
    @usableFromInline var queued = PendingGroups()
    /// Pending and taken.
    @usableFromInline var taken = PendingGroups()
    /// Whether the device is served.
    @usableFromInline var isOpen = false

    @inlinable
    init() {}
}

/// Where a worker says whose group it handles, for flushes to see.
@usableFromInline
struct ShardedWorkerPlace: ~Copyable {
    /// Device and PASID of the group in hand, 0 for none. Written by its worker, read by flushes.
    @usableFromInline let running = PaddedAtomic<UInt64>(0)
    /// The worker's place made before. Written before this one is published.
    @usableFromInline let next: UnsafeMutablePointer<ShardedWorkerPlace>?

    @inlinable
    init(next: UnsafeMutablePointer<ShardedWorkerPlace>?) {
        self.next = next
    }

    /// The word for a group of this device whose header has these PASID bits. Never 0.
    @inlinable @inline(__always)
    static func word(_ device: RequesterID, pasidBits: UInt64) -> UInt64 {
        1 << 63 | UInt64(device.rawValue) | pasidBits
    }
}
