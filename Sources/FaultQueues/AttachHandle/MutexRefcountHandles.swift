import FaultModel

// mutex-refcount: lookup and reference under one mutex, use by reference.
//
// Models   v4 of "iommu: Replace sva_iommu with iommu_attach_handle" (April 2024).
// Keeps    a reference taken with the group's lock X held; the type compared after, by the caller,
//          on memory that the reference keeps; freed at the last put.
// Departs  the xarray is a flat table, the heap a pool; the lookup takes the wanted type.
// Omits    the domain; what a driver does at the last put.
//
// M1. A word of the table changes only with its group's X held.
// M2. The place owns one reference, each user with the handle one.
// M3. The memory is free when the count is zero, which it stays until the next attach.
//
//     at the same time   get    put       attach, detach
//     get                X      –         X               X: the group's lock, for a few
//     put                –      counts    –               instructions
//     attach, detach     X      –         X
//
// Progress: put is wait-free, the rest blocking: a thread that stalls with X stops its group.

/// A reference under a lock.
public final class MutexRefcountHandles<Lock: LockPrimitive, Variant: HandleVariant>:
    AttachHandling, @unchecked Sendable
{
    public static var structure: String { Variant.twin ?? "mutex-refcount" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var drains: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "v4 2/9 of \"iommu: Replace sva_iommu with iommu_attach_handle\", April 2024",
            keeps: "reference taken under the group's lock, type compared on memory that the "
                + "reference keeps, freed at the last put",
            departs: "flat table for the xarray, pool for the heap, the wanted type is a parameter",
            omits: "the domain, the work of a last put")
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
    }

    deinit {
        for group in 0..<table.groups { locks[group].destroy() }
        locks.deallocate()
        table.deallocate()
        memory.destroy()
    }

    public func makeUser() -> User { User(table: table, memory: memory, locks: locks) }
    public func retire(_ user: User) {}

    @inlinable @inline(never)
    public func attach(
        _ place: HandlePlace, _ type: HandleType, domain: UInt64
    ) -> AttachOutcome {
        let index = table.index(of: place)
        guard let handle = memory.allocate() else { return .noRoom }
        // Relaxed: the lock publishes it.
        handle.pointee.users.value.store(1, ordering: .relaxed)
        handle.pointee.record = memory.record(place, type, domain: domain)
        locks[place.group].lock()
        // Relaxed: changes happen with the lock held.
        let isFree = table.words[index].load(ordering: .relaxed) == 0
        if isFree {
            // Relaxed: read with the lock held.
            table.words[index].store(HandleTable.word(of: handle, type), ordering: .relaxed)
        }
        locks[place.group].unlock()
        if !isFree {
            memory.free(handle)
            return .taken
        }
        return .attached
    }

    @inlinable @inline(never)
    public func detach(_ place: HandlePlace) -> DetachOutcome {
        let index = table.index(of: place)
        locks[place.group].lock()
        // Relaxed: changes happen with the lock held.
        let word = table.words[index].load(ordering: .relaxed)
        if word != 0 { table.words[index].store(0, ordering: .relaxed) }  // as above
        locks[place.group].unlock()
        guard word != 0 else { return .unknown }
        let handle = HandleTable.handle(of: word)
        if Variant.has(.endsAtDetach) || handle.pointee.put() { memory.free(handle) }
        return .detached
    }

    public func census() -> HandleCensus { memory.census(attached: table.attached) }

    /// A user's end.
    public struct User: HandleUser, @unchecked Sendable {
        @usableFromInline let table: HandleTable
        @usableFromInline let memory: HandleMemory
        @usableFromInline let locks: UnsafeMutablePointer<Lock>

        init(table: HandleTable, memory: HandleMemory, locks: UnsafeMutablePointer<Lock>) {
            self.table = table
            self.memory = memory
            self.locks = locks
        }

        @inlinable @inline(never)
        public mutating func get(_ place: HandlePlace, _ type: HandleType) -> HandleLookup {
            let index = table.index(of: place)
            locks[place.group].lock()
            // Relaxed: changes happen with the lock held.
            let word = table.words[index].load(ordering: .relaxed)
            if word == 0 {
                locks[place.group].unlock()
                return .none
            }
            let handle = HandleTable.handle(of: word)
            if !Variant.has(.checksAfterUnlock) { handle.pointee.get() }
            locks[place.group].unlock()
            Variant.window(.checksAfterUnlock)
            if handle.pointee.record.type != type.rawValue {
                if !Variant.has(.losesReference) && !Variant.has(.checksAfterUnlock) {
                    put(handle)
                }
                return .otherType
            }
            if Variant.has(.checksAfterUnlock) { handle.pointee.get() }
            return .found(handle)
        }

        @inlinable @inline(never)
        public mutating func put(_ handle: UnsafeMutablePointer<AttachHandle>) {
            if handle.pointee.put() { memory.free(handle) }
        }
    }
}
