import FaultModel

// rcu-refcount: lookup in a read section, a reference unless the last one is gone.
//
// Models   a74c077b9021 ("iommu: Use refcount for fault data access"), its lookup applied to attach
//          handles; nobody has posted that.
// Keeps    `refcount_inc_not_zero` in a read section; freed one grace period after the last put.
// Departs  the object found is an attach handle; the type is compared with the reference held.
// Omits    domains.
//
// R1. A word of the table changes only with its group's X held.
// R2. The place owns one reference, each user with the handle one; zero stays zero.
// R3. The memory is free one grace period after the count became zero.
//
//     at the same time   get    put     attach, detach
//     get                –      –       –
//     put                –      counts  –
//     attach, detach     –      –       X: the group's lock, for a few instructions
//
// Progress: get is lock-free (the count is a compare-exchange loop), put wait-free but for the
// allocation of a deferred end; a user that stalls in get holds up the freeing of memory alone.

/// RCU lookup and a reference.
public final class RCURefcountHandles<Lock: LockPrimitive, Variant: HandleVariant>:
    AttachHandling, @unchecked Sendable
{
    public static var structure: String { Variant.twin ?? "rcu-refcount" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var drains: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "the lookup of a74c077b9021 (\"iommu: Use refcount for fault data access\"), "
                + "applied to attach handles",
            keeps: "reference unless the last is gone, in a read section; freed one grace period "
                + "after the last put",
            departs: "the object found is an attach handle; its type is compared with the "
                + "reference held",
            omits: "domains")
    }

    @usableFromInline let table: HandleTable
    @usableFromInline let memory: HandleMemory
    /// X, one a group.
    @usableFromInline let locks: UnsafeMutablePointer<Lock>

    public init(_ configuration: HandleConfiguration) {
        table = HandleTable(configuration)
        memory = HandleMemory(capacity: configuration.maximumHandles)
        locks = .allocate(capacity: configuration.groups)
        for group in 0..<configuration.groups { (locks + group).initialize(to: Lock()) }
        RCUDomain.prepare()
    }

    deinit {
        for index in 0..<table.groups * table.pasids {
            // Relaxed: nobody else is left.
            let word = table.words[index].load(ordering: .relaxed)
            if word != 0 { Self.end(HandleTable.handle(of: word)) }
        }
        RCUDomain.barrier()
        for group in 0..<table.groups { locks[group].destroy() }
        locks.deallocate()
        table.deallocate()
        memory.destroy()
    }

    public func makeUser() -> User { User(table: table) }
    public func retire(_ user: User) {}

    @inlinable @inline(never)
    public func attach(
        _ place: HandlePlace, _ type: HandleType, domain: UInt64
    ) -> AttachOutcome {
        let index = table.index(of: place)
        guard let handle = allocate() else { return .noRoom }
        // Relaxed: the store of the word publishes it.
        handle.pointee.users.value.store(1, ordering: .relaxed)
        let record = memory.record(place, type, domain: domain)
        prepareEnd(of: handle)
        if Variant.has(.publishesFirst) {
            handle.pointee.record.type = record.type
        } else {
            handle.pointee.record = record
        }
        locks[place.group].lock()
        // Relaxed: changes happen with the lock held.
        let isFree = table.words[index].load(ordering: .relaxed) == 0
        if isFree {
            // ORDER handle.published, release side. Pairs with the load in get(_:_:).
            // Keeps: the record before the word that leads to it.
            // If relaxed: a user can find a handle without its device.
            table.words[index].store(HandleTable.word(of: handle, type), ordering: .releasing)
        }
        locks[place.group].unlock()
        if Variant.has(.publishesFirst) {
            if isFree { Variant.window(.publishesFirst) }
            handle.pointee.record = record
        }
        if isFree { return .attached }
        Self.end(handle)
        return .taken
    }

    /// Memory for a handle; where all is out, what waits for a grace period is waited for.
    @usableFromInline
    func allocate() -> UnsafeMutablePointer<AttachHandle>? {
        if let handle = memory.allocate() { return handle }
        RCUDomain.barrier()
        return memory.allocate()
    }

    /// Makes now what must not fail later.
    @usableFromInline
    func prepareEnd(of handle: UnsafeMutablePointer<AttachHandle>) {
        handle.pointee.ending = Unmanaged.passRetained(HandleEnd(handle, memory)).toOpaque()
    }

    /// Frees the handle after a grace period.
    @inlinable
    static func end(_ handle: UnsafeMutablePointer<AttachHandle>) {
        guard let ending = handle.pointee.ending else { return }
        RCUDomain.releaseAfterGracePeriod(ending)
    }

    @inlinable @inline(never)
    public func detach(_ place: HandlePlace) -> DetachOutcome {
        let index = table.index(of: place)
        locks[place.group].lock()
        // Relaxed: changes happen with the lock held.
        let word = table.words[index].load(ordering: .relaxed)
        if word != 0 { table.words[index].store(0, ordering: .relaxed) }  // the old handle lives on
        locks[place.group].unlock()
        guard word != 0 else { return .unknown }
        let handle = HandleTable.handle(of: word)
        if handle.pointee.put() { Self.end(handle) }
        return .detached
    }

    public func census() -> HandleCensus {
        RCUDomain.barrier()
        return memory.census(attached: table.attached)
    }

    /// A user's end.
    public struct User: HandleUser, @unchecked Sendable {
        @usableFromInline let table: HandleTable

        init(table: HandleTable) { self.table = table }

        @inlinable @inline(never)
        public mutating func get(_ place: HandlePlace, _ type: HandleType) -> HandleLookup {
            let index = table.index(of: place)
            RCUDomain.readLock()
            // ORDER handle.published, acquire side. Pairs with the store in attach(_:_:domain:).
            // Keeps: the record before the word that leads to it.
            // If relaxed: a user can find a handle without its device.
            let word = table.words[index].load(ordering: .acquiring)
            let isThere = word != 0 && HandleTable.handle(of: word).pointee.tryGet()
            RCUDomain.readUnlock()
            guard isThere else { return .none }
            let handle = HandleTable.handle(of: word)
            if handle.pointee.record.type != type.rawValue {
                put(handle)
                return .otherType
            }
            return .found(handle)
        }

        @inlinable @inline(never)
        public mutating func put(_ handle: UnsafeMutablePointer<AttachHandle>) {
            if handle.pointee.put() { RCURefcountHandles.end(handle) }
        }
    }
}

/// Frees a handle's memory when it ends, which a grace period makes it.
final class HandleEnd: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<AttachHandle>
    private let memory: HandleMemory

    init(_ handle: UnsafeMutablePointer<AttachHandle>, _ memory: HandleMemory) {
        self.handle = handle
        self.memory = memory
    }

    deinit {
        handle.pointee.ending = nil
        memory.free(handle)
    }
}
