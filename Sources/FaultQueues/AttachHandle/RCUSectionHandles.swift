import FaultModel

// rcu-section: the handle is used inside the read section that found it.
//
// Models   plain RCU, as its textbook has it; the yardstick for every other lookup. No patch.
// Keeps    lookup and use in one read section; detach waits for a grace period, then frees.
// Departs  –
// Omits    use that sleeps: whoever has a handle holds up every grace period of the program.
//
// S1. A word of the table changes only with its group's X held.
// S2. A user with a handle is inside a read section that began before the detach of that handle.
//
//     at the same time   get    put    attach   detach
//     get, put           –      –      –        waits for every section, of every handle
//     attach             –      –      X        X: the group's lock, for a few instructions
//     detach             –      waits  X        X
//
// Progress: get and put are wait-free once RCU knows the thread. A user that stalls with a handle
// stops every detach.

/// Lookup and use in one read section.
public final class RCUSectionHandles<Lock: LockPrimitive, Variant: HandleVariant>:
    AttachHandling, @unchecked Sendable
{
    public static var structure: String { Variant.twin ?? "rcu-section" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var drains: Bool { true }
    public static var provenance: Provenance {
        Provenance(
            models: "original: plain RCU, the yardstick of a lookup",
            keeps: "lookup and use in one read section, detach waits for a grace period",
            departs: "nothing",
            omits: "use that sleeps: it would hold up every grace period of the program")
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
        guard let handle = memory.allocate() else { return .noRoom }
        handle.pointee.record = memory.record(place, type, domain: domain)
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
        if !isFree { memory.free(handle) }
        return isFree ? .attached : .taken
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
        if !Variant.has(.endsAtDetach) { RCUDomain.synchronize() }
        memory.free(HandleTable.handle(of: word))
        return .detached
    }

    public func census() -> HandleCensus { memory.census(attached: table.attached) }

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
            if word != 0 && HandleTable.type(of: word) == type.rawValue {
                return .found(HandleTable.handle(of: word))
            }
            RCUDomain.readUnlock()
            return word == 0 ? .none : .otherType
        }

        @inlinable @inline(never)
        public mutating func put(_ handle: UnsafeMutablePointer<AttachHandle>) {
            RCUDomain.readUnlock()
        }
    }
}
