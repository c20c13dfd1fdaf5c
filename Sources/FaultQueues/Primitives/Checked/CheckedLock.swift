import CPlatform

/// A futex lock that knows its owner, remembers that it was destroyed, and delays its users where
/// `Disturbance` says so. For verification; who holds what and waits for what is in `LockTable`.
///
/// The storage of a destroyed lock is kept, so that a use after its end is found and not fatal. It
/// stays in a list, so that a leak check can tell it from what was forgotten.
public struct CheckedLock: LockPrimitive, @unchecked Sendable {
    struct Storage: ~Copyable {
        /// 1, 2, … in the order of making.
        let number: Int
        let base = FutexLock()
        /// The holder's `fq_thread_slot()`, −1 for none, −2 for a lock that was destroyed.
        let owner = SharedAtomic<Int>(-1)
        /// The lock that was destroyed before this one; 0 for none.
        let previous = SharedAtomic<UInt>(0)
    }

    let storage: UnsafeMutablePointer<Storage>

    private static let made = SharedAtomic<Int>(0)
    private static let destroyed = -2
    /// The lock that was destroyed last.
    private static let lastDestroyed = SharedAtomic<UInt>(0)

    public static var kind: LockKind { .futex }

    public init() {
        storage = allocateShared(
            initial: Storage(
                number: Self.made.wrappingAdd(1, ordering: .relaxed).newValue))  // a name
    }

    public func destroy() {
        let owner = storage.pointee.owner.exchange(Self.destroyed, ordering: .relaxed)  // a note
        if owner >= 0 { Complaints.note("lock \(storage.pointee.number) was destroyed while held") }
        if owner == Self.destroyed {
            Complaints.note("lock \(storage.pointee.number) was destroyed twice")
            return
        }
        // Relaxed: nobody reads the list but a leak check.
        let last = Self.lastDestroyed.exchange(UInt(bitPattern: storage), ordering: .relaxed)
        storage.pointee.previous.store(last, ordering: .relaxed)
    }

    public func lock() {
        Disturbance.point()
        let slot = Int(fq_thread_slot())
        checkAlive()
        LockTable.wait(slot, for: storage.pointee.number)
        storage.pointee.base.lock()
        LockTable.wait(slot, for: 0)
        took(slot)
    }

    public func unlock() {
        Disturbance.point()
        LockTable.release(storage.pointee.number)
        // Relaxed: a note for reports; the lock itself orders.
        let was = storage.pointee.owner.load(ordering: .relaxed)
        if was != Self.destroyed { storage.pointee.owner.store(-1, ordering: .relaxed) }
        storage.pointee.base.unlock()
        Disturbance.point()
    }

    public func tryLock() -> Bool {
        checkAlive()
        guard storage.pointee.base.tryLock() else { return false }
        took(Int(fq_thread_slot()))
        return true
    }

    private func checkAlive() {
        if storage.pointee.owner.load(ordering: .relaxed) == Self.destroyed {  // a note
            Complaints.note("lock \(storage.pointee.number) was used after it was destroyed")
        }
    }

    private func took(_ slot: Int) {
        checkAlive()
        storage.pointee.owner.store(slot, ordering: .relaxed)  // a note for reports
        LockTable.hold(storage.pointee.number, by: slot)
        Disturbance.point()
    }
}

/// Who holds and who waits, by threads' slots and locks' numbers, for the report of a deadlock.
public enum LockTable {
    private static let capacity = 4096
    /// By thread: the lock that it waits for, 0 for none.
    nonisolated(unsafe) private static let waits = allocateShared(count: capacity) { _ in
        SharedAtomic<Int>(0)
    }
    /// By lock: the thread that holds it plus one, 0 for nobody.
    nonisolated(unsafe) private static let holders = allocateShared(count: capacity) { _ in
        SharedAtomic<Int>(0)
    }

    // Relaxed throughout: notes that are read when nothing has moved for a long time.

    static func wait(_ slot: Int, for lock: Int) {
        waits[slot % capacity].store(lock, ordering: .relaxed)  // a note
    }

    static func hold(_ lock: Int, by slot: Int) {
        holders[lock % capacity].store(slot + 1, ordering: .relaxed)  // a note
    }

    static func release(_ lock: Int) {
        holders[lock % capacity].store(0, ordering: .relaxed)  // a note
    }

    /// The lock that a thread waits for and the slot of its holder; nil where it waits for none.
    public static func wait(of slot: Int) -> (lock: Int, holder: Int?)? {
        let lock = waits[slot % capacity].load(ordering: .relaxed)  // a note
        guard lock > 0 else { return nil }
        let holder = holders[lock % capacity].load(ordering: .relaxed)  // a note
        return (lock, holder == 0 ? nil : holder - 1)
    }

    /// The locks that a thread holds, by number.
    public static func held(by slot: Int) -> [Int] {
        (0..<capacity).filter { holders[$0].load(ordering: .relaxed) == slot + 1 }  // notes
    }
}
