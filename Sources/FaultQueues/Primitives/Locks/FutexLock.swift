import CPlatform

// futex: three-state futex that spins a bounded while before it parks.
//
// Models   `struct mutex` of the kernel (kernel/locking/mutex.c) as far as user space can.
// Keeps    one word; a fast path of one compare-exchange; optimistic spinning before sleeping; a
//          newcomer may overtake sleepers.
// Departs  the spin is bounded by a count, because a user-space waiter cannot see whether the
// holder
//          is running; the kernel spins for as long as it runs.
// Omits    the queue among spinners, the hand-off to a starved sleeper, wound-wait.
//
// Idea: the word says whether anyone may be parked, so that an unlock without waiters needs no
// system call. A thread that has parked once takes the lock as 2, since others may be parked beside
// it.
//
//     0 free ──lock──▶ 1 held ──lock by another, spun in vain──▶ 2 held, someone may be parked
//     ▲ ▲                │unlock                                   │unlock, wakes one
//     │ └────────────────┘                                         │
//     └────────────────────────────────────────────────────────────┘
//
// Invariants
//  1. The word is not 0 exactly while a thread holds the lock.
//  2. While a thread is parked the word is 2, or a thread that was woken is on its way to set it.
//  3. Whoever turns 2 into 0 wakes one parked thread.
//
// Overlap and progress: `lock`, `tryLock` and `unlock` overlap freely. `tryLock` and `unlock` are
// wait-free but for the system call that wakes. `lock` blocks; a stalled holder blocks every
// waiter, a stalled waiter blocks nobody. Not first come first served.

/// The word of a futex lock.
@usableFromInline
struct FutexLockStorage: ~Copyable {
    /// 0, 1 or 2 as above; written by every thread that takes or gives the lock.
    @usableFromInline let word = SharedAtomic<UInt32>(0)

    @usableFromInline init() {}
}

/// Three-state futex that spins before it parks.
public struct FutexLock: LockPrimitive, @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutablePointer<FutexLockStorage>

    /// Pauses that a waiter spends on a held lock before it parks, about 2.7 µs on the development
    /// machine: more than a short section, less than going to sleep and being woken.
    static let spinPauses = 100

    @usableFromInline static var free: UInt32 { @inlinable get { 0 } }
    @usableFromInline static var held: UInt32 { @inlinable get { 1 } }
    @usableFromInline static var contended: UInt32 { @inlinable get { 2 } }

    @inlinable
    public static var kind: LockKind { .futex }

    public init() {
        storage = allocateShared(initial: FutexLockStorage())
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
        // ORDER futex.section, release side. Pairs with takeIfFree() and the exchange in
        // lockSlow(). Keeps: what the holder wrote, before the word that says free.
        // If relaxed: the next holder can miss the last section's writes.
        if storage.pointee.word.exchange(Self.free, ordering: .releasing) == Self.contended {
            wakeOne()
        }
    }

    @inlinable
    public func tryLock() -> Bool { takeIfFree() }

    @inlinable
    func takeIfFree() -> Bool {
        storage.pointee.word.compareExchange(
            expected: Self.free, desired: Self.held,
            // ORDER futex.section, acquire side. Pairs with the exchange in unlock().
            // Keeps: the section's reads after the word was seen free.
            // If relaxed: this holder can miss the last section's writes.
            successOrdering: .acquiring,
            // Relaxed: a failure reads nothing that the lock protects.
            failureOrdering: .relaxed
        ).exchanged
    }

    @usableFromInline @inline(never)
    func lockSlow() {
        var seen = spin()
        if seen == Self.free {
            if takeIfFree() { return }
            seen = Self.held
        }
        while true {
            // ORDER futex.section, acquire side. Pairs with the exchange in unlock().
            // Keeps: the section's reads after the word was seen free.
            // If relaxed: this holder can miss the last section's writes.
            if seen != Self.contended,
                storage.pointee.word.exchange(Self.contended, ordering: .acquiring) == Self.free
            {
                return
            }
            // Returns at once where the word is no longer 2. Interrupted or not, the loop looks
            // again.
            _ = fq_futex_wait(storage, Self.contended)
            seen = spin()
        }
    }

    /// Waits a bounded while for a lock that is held by a thread and wanted by no parked one;
    /// returns the word as last seen.
    private func spin() -> UInt32 {
        var left = Self.spinPauses
        while true {
            let seen = storage.pointee.word.load(ordering: .relaxed)  // Only a hint.
            if seen != Self.held || left == 0 { return seen }
            fq_pause()
            left -= 1
        }
    }

    @usableFromInline @inline(never)
    func wakeOne() {
        _ = fq_futex_wake(storage, 1)
    }
}
