import Glibc

// pthread: the C library's default mutex.
//
// Models   `pthread_mutex_t` of the C library, type `PTHREAD_MUTEX_DEFAULT`.
// Keeps    the library's own code: a call into it for every operation.
// Departs  nothing.
// Omits    nothing.
//
// Idea: the baseline that every C program has. In glibc a three-state futex that does not spin: a
// thread that finds the lock held parks at once.
//
//     0 free ──lock──▶ 1 held ──lock by another──▶ 2 held, someone may be parked
//     ▲                  │unlock                     │unlock wakes one
//     └──────────────────┴───────────────────────────┘
//
// Invariants
//  1. At most one thread is between the return of `lock` and the call of `unlock`.
//  2. The storage holds an initialised mutex from `init` to `destroy` and never moves.
//
// Overlap and progress: `lock`, `tryLock` and `unlock` overlap freely. `tryLock` and `unlock`
// finish in a bounded number of own steps (`unlock` may call the kernel). `lock` blocks; a stalled
// holder blocks every waiter, a stalled waiter blocks nobody. A newcomer may overtake parked
// threads.
//
// NO ORDER: acquire and release are the library's contract, and ThreadSanitizer knows its
// functions.

/// The C library's default mutex.
public struct PthreadLock: LockPrimitive, @unchecked Sendable {
    /// Written by the C library alone.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>

    @inlinable
    public static var kind: LockKind { .pthread }

    public init() {
        mutex = allocateShared(initial: pthread_mutex_t())
        let error = pthread_mutex_init(mutex, nil)
        precondition(error == 0, "pthread_mutex_init failed with errno \(error)")
    }

    public func destroy() {
        let error = pthread_mutex_destroy(mutex)
        precondition(error == 0, "pthread_mutex_destroy failed with errno \(error): is it held?")
        freeShared(mutex, count: 1)
    }

    // A mutex of this type reports no error to its rightful users: the results are always 0.

    @inlinable
    public func lock() { _ = pthread_mutex_lock(mutex) }

    @inlinable
    public func unlock() { _ = pthread_mutex_unlock(mutex) }

    @inlinable
    public func tryLock() -> Bool { pthread_mutex_trylock(mutex) == 0 }
}
