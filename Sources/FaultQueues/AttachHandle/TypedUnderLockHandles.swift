import FaultModel

// typed-under-lock: the lookup takes the wanted type and compares under the lock; no references.
//
// Models   14678219cf40 ("iommu: Introduce domain attachment handle") and its successors, v6.11:
//          `iommu_attach_handle_get(group, pasid, type)`.
// Keeps    `-ENOENT` and `-EBUSY` decided with the group's lock X held; no count in the handle; a
//          detach that drains its users before the caller may free the handle.
// Departs  the caller's drain (a flush of the fault queue) is a wait for the users who have the
//          handle; the handle's memory is the structure's, not embedded by the caller.
// Omits    the group mutex that the caller holds besides.
//
// T1. A word of the table changes only with its group's X held.
// T2. A user says in its slot what it has, with X held; it takes it back with no lock.
// T3. So once a word has left the table, only the users whose slots hold it have the handle, and
//     none comes to it. A detach waits for those alone.
//
//     at the same time   get    put    attach   detach
//     get                X      –      X        X          X: the group's lock, for a few
//     put                –      –      –        waits for  instructions
//     attach             X      –      X        X
//     detach             X      waits  X        X
//
// Progress: put is wait-free, the rest blocking; a user that stalls with a handle stops the detach
// of that handle, a thread that stalls with X its group.

/// The type compared under the lookup's lock, and a detach that drains.
public final class TypedUnderLockHandles<Lock: LockPrimitive, Variant: HandleVariant>:
    AttachHandling, @unchecked Sendable
{
    public static var structure: String { Variant.twin ?? "typed-under-lock" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var drains: Bool { true }
    public static var provenance: Provenance {
        Provenance(
            models: "\"iommu: Introduce domain attachment handle\", v6.11: "
                + "iommu_attach_handle_get(group, pasid, type)",
            keeps: "-ENOENT and -EBUSY decided under the lookup's lock, no count, detach drains "
                + "its users",
            departs: "the drain waits for the users of the handle, not for a fault queue; the "
                + "handle's memory is the structure's",
            omits: "the group mutex of the callers")
    }

    @usableFromInline let table: HandleTable
    @usableFromInline let memory: HandleMemory
    @usableFromInline let users: UserSlots
    /// X, one a group.
    @usableFromInline let locks: UnsafeMutablePointer<Lock>

    public init(_ configuration: HandleConfiguration) {
        table = HandleTable(configuration)
        memory = HandleMemory(capacity: configuration.maximumHandles)
        users = UserSlots(capacity: configuration.maximumUsers)
        locks = .allocate(capacity: configuration.groups)
        for group in 0..<configuration.groups { (locks + group).initialize(to: Lock()) }
    }

    deinit {
        for group in 0..<table.groups { locks[group].destroy() }
        locks.deallocate()
        table.deallocate()
        memory.destroy()
        users.deallocate()
    }

    public func makeUser() -> User { User(table: table, locks: locks, slot: users.next()) }
    public func retire(_ user: User) {}

    @inlinable @inline(never)
    public func attach(
        _ place: HandlePlace, _ type: HandleType, domain: UInt64
    ) -> AttachOutcome {
        let index = table.index(of: place)
        guard let handle = memory.allocate() else { return .noRoom }
        handle.pointee.record = memory.record(place, type, domain: domain)
        if Variant.has(.setsDeviceLate) { handle.pointee.record.group = -1 }
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
        Variant.window(.setsDeviceLate)
        if Variant.has(.setsDeviceLate) { handle.pointee.record.group = Int32(place.group) }
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
        if !Variant.has(.endsAtDetach) { users.drain(word) }
        memory.free(HandleTable.handle(of: word))
        return .detached
    }

    public func census() -> HandleCensus { memory.census(attached: table.attached) }

    /// A user's end.
    public struct User: HandleUser, @unchecked Sendable {
        @usableFromInline let table: HandleTable
        @usableFromInline let locks: UnsafeMutablePointer<Lock>
        /// This user's own.
        @usableFromInline let slot: UnsafeMutablePointer<PaddedAtomic<UInt>>

        init(
            table: HandleTable, locks: UnsafeMutablePointer<Lock>,
            slot: UnsafeMutablePointer<PaddedAtomic<UInt>>
        ) {
            self.table = table
            self.locks = locks
            self.slot = slot
        }

        @inlinable @inline(never)
        public mutating func get(_ place: HandlePlace, _ type: HandleType) -> HandleLookup {
            let index = table.index(of: place)
            locks[place.group].lock()
            // Relaxed: changes happen with the lock held.
            let word = table.words[index].load(ordering: .relaxed)
            let isWanted =
                word != 0 && HandleTable.handle(of: word).pointee.record.type == type.rawValue
            // Relaxed: a detach that removes the word takes the lock after this, and looks then.
            if isWanted { slot.pointee.value.store(word, ordering: .relaxed) }
            locks[place.group].unlock()
            if isWanted { return .found(HandleTable.handle(of: word)) }
            return word == 0 ? .none : .otherType
        }

        @inlinable @inline(never)
        public mutating func put(_ handle: UnsafeMutablePointer<AttachHandle>) {
            // ORDER users.slot, release side. Pairs with the load in drain(_:).
            // Keeps: the last read of the handle before its memory is used again.
            // If relaxed: a user can see the next handle's record in the one that it has.
            slot.pointee.value.store(0, ordering: .releasing)
        }
    }
}
