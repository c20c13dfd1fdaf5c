// ttas: test-and-test-and-set with exponential backoff.
//
// Models   no kernel lock of today; the textbook spin lock (Rudolph and Segall 1984, Anderson
// 1990). Keeps    reading before writing, so that waiters share the line; backoff.
// Departs  yields the CPU when the backoff has run out (`SpinWait`), as user space must.
// Omits    fairness.
//
// Idea: one word. Waiters read it until it is free and only then try to set it.
//
//     0 free ──lock──▶ 1 held
//     ▲                  │unlock
//     └──────────────────┘
//
// Invariants
//  1. The word is 1 exactly while a thread holds the lock.
//  2. Only the thread that turned 0 into 1 stores 0.
//
// Overlap and progress: `lock`, `tryLock` and `unlock` overlap freely. `tryLock` and `unlock` are
// wait-free. `lock` blocks, and can starve: a stalled holder blocks every waiter, a stalled waiter
// blocks nobody, and whoever last had the line is likely to win it again.

/// The word of a test-and-test-and-set lock.
@usableFromInline
struct TTASLockStorage: ~Copyable {
    /// Whether the lock is held; written by every thread that takes or gives it.
    @usableFromInline let isHeld = SharedAtomic<Bool>(false)

    @usableFromInline init() {}
}

/// Test-and-test-and-set with backoff.
public struct TTASLock: LockPrimitive, @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutablePointer<TTASLockStorage>

    @inlinable
    public static var kind: LockKind { .ttas }

    public init() {
        storage = allocateShared(initial: TTASLockStorage())
    }

    public func destroy() {
        freeShared(storage, count: 1)
    }

    @inlinable
    public func lock() {
        if !takeIfFree() { lockSlow() }
    }

    @inlinable
    public func unlock() {
        // ORDER ttas.section, release side. Pairs with the compare-exchange in takeIfFree().
        // Keeps: what the holder wrote, before the word that says free.
        // If relaxed: the next holder can miss the last section's writes.
        storage.pointee.isHeld.store(false, ordering: .releasing)
    }

    /// Reads first: a try that fails does not take the line away from the others.
    @inlinable
    public func tryLock() -> Bool {
        !storage.pointee.isHeld.load(ordering: .relaxed)  // Only a hint; the exchange decides.
            && takeIfFree()
    }

    @inlinable
    func takeIfFree() -> Bool {
        storage.pointee.isHeld.compareExchange(
            expected: false, desired: true,
            // ORDER ttas.section, acquire side. Pairs with the store in unlock().
            // Keeps: the section's reads after the word was seen free.
            // If relaxed: this holder can miss the last section's writes.
            successOrdering: .acquiring,
            // Relaxed: a failure reads nothing that the lock protects.
            failureOrdering: .relaxed
        ).exchanged
    }

    @usableFromInline @inline(never)
    func lockSlow() {
        var spin = SpinWait()
        repeat { spin.wait() } while !tryLock()
    }
}
