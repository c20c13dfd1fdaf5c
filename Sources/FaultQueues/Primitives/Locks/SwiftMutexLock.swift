import CPlatform

// swift-mutex: the standard library's `Synchronization.Mutex`.
//
// Models   `Mutex<Void>` of the Swift standard library, on Linux.
// Keeps    the library's own code: its fast path inlined here, its slow path in its shared library.
// Departs  locked and unlocked by `_unsafeLock` and `_unsafeUnlock` instead of `withLock`, whose
//          closure would have to enclose the section; `withLock` calls the same two functions.
// Omits    nothing.
//
// Idea: a priority-inheritance futex. The word holds the holder's thread id, so that the kernel can
// lend the waiter's priority to the holder. A thread that finds it held spins a bounded while and
// then parks in FUTEX_LOCK_PI, and the kernel itself passes the word to the first waiter.
//
//     0 free ──lock──▶ id held ──lock by another, spun in vain──▶ id | waiters bit
//     ▲                  │unlock                                    │FUTEX_UNLOCK_PI
//     └──────────────────┘                     next id (| waiters bit), set by the kernel
//
// Invariants
//  1. At most one thread is between the return of `lock` and the call of `unlock`.
//  2. The thread that unlocks is the thread that locked: the word holds its id.
//
// Overlap and progress: `lock`, `tryLock` and `unlock` overlap freely. `unlock` and `tryLock` may
// call the kernel. `lock` blocks; a stalled holder blocks every waiter, a stalled waiter blocks
// nobody. Parked threads are served by priority, then in order; a spinning one may overtake them.
//
// ORDER swift-mutex.section, both sides. The library's own acquire and release. ThreadSanitizer
// sees them only on the inlined fast path, so both are told to it by hand; in another build each of
// these calls is one compare and one branch that is not taken.

/// The standard library's mutex.
public struct SwiftMutexLock: LockPrimitive, @unchecked Sendable {
    /// Written by the standard library and by the kernel.
    @usableFromInline let mutex: UnsafeMutablePointer<Mutex<Void>>

    @inlinable
    public static var kind: LockKind { .swiftMutex }

    public init() {
        mutex = allocateShared(initial: Mutex(()))
    }

    public func destroy() {
        freeShared(mutex, count: 1)
    }

    @inlinable
    public func lock() {
        mutex.pointee._unsafeLock()
        fq_tsan_acquire(mutex)
    }

    @inlinable
    public func unlock() {
        fq_tsan_release(mutex)
        mutex.pointee._unsafeUnlock()
    }

    @inlinable
    public func tryLock() -> Bool {
        guard mutex.pointee._unsafeTryLock() else { return false }
        fq_tsan_acquire(mutex)
        return true
    }
}
