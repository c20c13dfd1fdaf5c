import CPlatform

/// A PASID's entry in the devices' table.
@usableFromInline
enum PASIDEntry: UInt {
    case absent, table, dummy, quiet
}

/// How far an address space's life has gone.
@usableFromInline
enum SpaceState: UInt {
    /// The PASID is free.
    case free
    case live
    /// A handler made the last put where it must not release: left to unbind.
    case pending
    case releasing
    case dead
}

/// An address space and its PASID, at the place of that PASID.
@usableFromInline
struct BoundSpace: ~Copyable {
    /// References: the process's, and one of each handler at work in it. Written by everyone.
    @usableFromInline let users = PaddedAtomic<Int>(0)
    /// Raw `SpaceState`. Written by bind, the last put and unbind.
    @usableFromInline let state = PaddedAtomic<UInt>(0)
    /// Raw `PASIDEntry`. Written by bind, release and unbind, read by every access.
    @usableFromInline let entry = PaddedAtomic<UInt>(0)
    /// The life that the devices work for; 0 once they have stopped.
    @usableFromInline let context = PaddedAtomic<UInt64>(0)
    /// The life whose requests may still be answered; 0 from the end of unbind.
    @usableFromInline let current = PaddedAtomic<UInt64>(0)
    /// The page tables, as the life that they belong to; 0 when they are free. Plain memory, read
    /// by walks and handlers.
    @usableFromInline let table: SharedCells<UInt64>

    @usableFromInline
    init() { table = allocateShared(zeroed: UInt64.self, count: 1) }
}

/// What all ends of a release structure share.
public struct ReleaseCore<Lock: LockPrimitive>: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let configuration: ReleaseConfiguration
    @usableFromInline let spaces: UnsafeMutablePointer<BoundSpace>
    /// PASIDs less one; the one freed last is used first.
    @usableFromInline let freeList: IndexStack
    @usableFromInline let lives: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    /// What each device is accessing: the place plus one; 0 for nothing.
    @usableFromInline let walks: UnsafeMutablePointer<PaddedAtomic<Int>>
    @usableFromInline let queue: LateFaultQueue<Lock>
    /// Held by a driver that stops its device.
    @usableFromInline let driverLock = Lock()
    /// Taken by every handler for a moment.
    @usableFromInline let handlersLock = Lock()

    @usableFromInline
    init(_ configuration: ReleaseConfiguration) {
        self.configuration = configuration
        spaces = allocateShared(count: configuration.spaces) { _ in BoundSpace() }
        freeList = IndexStack(count: configuration.spaces)
        lives = allocateShared(initial: PaddedAtomic<UInt64>(0))
        walks = allocateShared(count: configuration.endpoints) { _ in PaddedAtomic<Int>(0) }
        queue = LateFaultQueue(
            capacity: configuration.queueCapacity, workers: configuration.endpoints)
    }

    @usableFromInline
    func destroy() {
        for index in 0..<configuration.spaces { freeShared(spaces[index].table, count: 1) }
        freeShared(spaces, count: configuration.spaces)
        freeList.destroy()
        freeShared(lives, count: 1)
        freeShared(walks, count: configuration.endpoints)
        queue.destroy()
        driverLock.destroy()
        handlersLock.destroy()
    }

    @inlinable
    func setEntry(_ index: Int, _ entry: PASIDEntry) {
        // ORDER release.walk, the side that changes. Pairs with the loads in access(_:isPresent:),
        // which come after the store of the device's walk.
        // Keeps: this store before the look at the walks, so that an access that saw the old entry
        // is seen. If relaxed: page tables can be freed under a walk.
        spaces[index].entry.value.store(entry.rawValue, ordering: .sequentiallyConsistent)
    }

    /// Tells the devices to stop, and returns when none is in an access: everything that it was
    /// going to queue is queued.
    @inlinable
    func stop(_ index: Int) {
        // ORDER release.walk, the side that changes, as in setEntry.
        // If relaxed: a request can be queued after the drain.
        spaces[index].context.value.store(0, ordering: .sequentiallyConsistent)
        waitForWalks(index)
    }

    /// One synchronous invalidation: its price, and what it promises.
    @inlinable
    func invalidate(_ index: Int) {
        var left = configuration.invalidationPasses
        while left > 0 {
            fq_opaque(UInt64(truncatingIfNeeded: left))
            left &-= 1
        }
        waitForWalks(index)
    }

    @inlinable
    func waitForWalks(_ index: Int) {
        for device in 0..<configuration.endpoints {
            var wait = SpinWait()
            // ORDER release.walk, the side that changes: after its store, the walks.
            // Also acquires what the device did: its last read of the tables comes before.
            while walks[device].value.load(ordering: .sequentiallyConsistent) == index &+ 1 {
                wait.wait()
            }
        }
    }
}
