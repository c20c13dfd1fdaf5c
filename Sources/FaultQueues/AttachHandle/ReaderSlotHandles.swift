import FaultModel

// reader-slots: a user says in a word of its own what it is about to use, and looks again.
//
// Models   original; hazard pointers (Michael 2004) with the barrier of membarrier(2).
// Keeps    –
// Departs  –
// Omits    a user with several handles at a time.
//
// Idea: get loads the place's word, stores it in the user's own slot, and loads the place again. If
// the word is still there, every detach of that handle comes after the store, and will wait for the
// slot. No lock, no count, no shared line written: users of one handle never meet. The type is in
// the word, so a handle of another type is refused without touching its memory, which makes the
// use-after-free of the debate impossible rather than rare. The store-load barrier that this needs
// is paid by detach, with one membarrier. Unlike a grace period, a detach waits for users of its
// own handle alone, and a user may sleep.
//
// W1. A place's word is 0 or that of an attached handle; it changes by one compare-exchange.
// W2. A slot that holds a word which its user then saw in the place keeps that handle: a detach
//     that took the word out has not looked at the slot yet.
// W3. Memory is free only after its word left the table, and no slot holds it.
//
//     at the same time   get    put    attach   detach
//     get, put           –      –      –        waits for users of its own handle
//     attach             –      –      –        –
//     detach             –      waits  –        –
//
// Progress: get is lock-free (again only after the place's word has changed), put wait-free, attach
// lock-free; detach waits for users of its handle. A user that stalls in get between its store and
// its second load stops the detach of that handle too.

/// Lock-free for get: a slot for each user, and one heavy barrier at detach.
public final class ReaderSlotHandles<Variant: HandleVariant>: AttachHandling, @unchecked Sendable {
    public static var structure: String { Variant.twin ?? "reader-slots" }
    public static var lockKind: LockKind? { nil }
    public static var drains: Bool { true }
    public static var provenance: Provenance {
        Provenance(
            models: "original: hazard pointers whose barrier detach pays, with membarrier",
            keeps: "nothing: should win because a lookup writes no line that another user reads, "
                + "and takes two loads and a store",
            departs: "nothing",
            omits: "a user with several handles at a time")
    }

    @usableFromInline let table: HandleTable
    @usableFromInline let memory: HandleMemory
    @usableFromInline let users: UserSlots
    @usableFromInline let barrier: AsymmetricBarrier

    public init(_ configuration: HandleConfiguration) {
        table = HandleTable(configuration)
        memory = HandleMemory(capacity: configuration.maximumHandles)
        users = UserSlots(capacity: configuration.maximumUsers)
        barrier = AsymmetricBarrier()
    }

    deinit {
        table.deallocate()
        memory.destroy()
        users.deallocate()
    }

    public func makeUser() -> User { User(table: table, barrier: barrier, slot: users.next()) }
    public func retire(_ user: User) {}

    @inlinable @inline(never)
    public func attach(
        _ place: HandlePlace, _ type: HandleType, domain: UInt64
    ) -> AttachOutcome {
        let index = table.index(of: place)
        guard let handle = memory.allocate() else { return .noRoom }
        handle.pointee.record = memory.record(place, type, domain: domain)
        let (isFree, _) = table.words[index].compareExchange(
            expected: 0, desired: HandleTable.word(of: handle, type),
            // ORDER handle.published, release side. Pairs with the second load in get(_:_:).
            // Keeps: the record before the word that leads to it.
            // If relaxed: a user can find a handle without its device.
            successOrdering: .releasing, failureOrdering: .relaxed)
        if !isFree { memory.free(handle) }
        return isFree ? .attached : .taken
    }

    @inlinable @inline(never)
    public func detach(_ place: HandlePlace) -> DetachOutcome {
        let index = table.index(of: place)
        // ORDER handle.published, acquire side. Pairs with the exchange in attach(_:_:domain:).
        // Keeps: the record, which is marked free below, before the word that leads to it.
        // If relaxed: the mark can be overwritten by the record.
        let word = table.words[index].exchange(0, ordering: .acquiring)
        guard word != 0 else { return .unknown }
        if !Variant.has(.endsAtDetach) {
            // Whoever has not stored the word in its slot by now sees that the place is empty.
            barrier.heavy()
            users.drain(word)
        }
        memory.free(HandleTable.handle(of: word))
        return .detached
    }

    public func census() -> HandleCensus { memory.census(attached: table.attached) }

    /// A user's end.
    public struct User: HandleUser, @unchecked Sendable {
        @usableFromInline let table: HandleTable
        @usableFromInline let barrier: AsymmetricBarrier
        /// This user's own.
        @usableFromInline let slot: UnsafeMutablePointer<PaddedAtomic<UInt>>

        init(
            table: HandleTable, barrier: AsymmetricBarrier,
            slot: UnsafeMutablePointer<PaddedAtomic<UInt>>
        ) {
            self.table = table
            self.barrier = barrier
            self.slot = slot
        }

        @inlinable @inline(never)
        public mutating func get(_ place: HandlePlace, _ type: HandleType) -> HandleLookup {
            let index = table.index(of: place)
            // Relaxed: the second load decides.
            var word = table.words[index].load(ordering: .relaxed)
            while word != 0 {
                if HandleTable.type(of: word) != type.rawValue {
                    clear()
                    return .otherType
                }
                // Relaxed: the barrier orders it before the second load.
                slot.pointee.value.store(word, ordering: .relaxed)
                barrier.light()
                Variant.window(.endsAtDetach)
                // ORDER handle.published, acquire side. Pairs with the exchange in attach.
                // Keeps: the record before the word that leads to it.
                // If relaxed: a user can find a handle without its device.
                let now = table.words[index].load(ordering: .acquiring)
                if now == word { return .found(HandleTable.handle(of: word)) }
                word = now
            }
            clear()
            return .none
        }

        /// Takes back what a failed try has stored.
        @inlinable @inline(__always)
        func clear() {
            // Relaxed: nothing was read from the handle.
            if slot.pointee.value.load(ordering: .relaxed) != 0 {
                slot.pointee.value.store(0, ordering: .relaxed)
            }
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
