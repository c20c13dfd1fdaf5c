import CPlatform
import Glibc

// pthread-adaptive: the C library's adaptive mutex.
//
// Models   `pthread_mutex_t` of glibc, type `PTHREAD_MUTEX_ADAPTIVE_NP`.
// Keeps    the library's own code: a call into it for every operation.
// Departs  nothing.
// Omits    nothing.
//
// Idea: the default mutex with a spin in front. A thread that finds the lock held tries again up to
// a bound that follows the recent waits (at most 100 tries, glibc's tunable), and only then parks.
//
//     0 free ──lock──▶ 1 held ──lock by another, spun in vain──▶ 2 held, someone may be parked
//     ▲                  │unlock                                   │unlock wakes one
//     └──────────────────┴─────────────────────────────────────────┘
//
// Invariants
//  1. At most one thread is between the return of `lock` and the call of `unlock`.
//  2. The storage holds an initialised mutex from `init` to `destroy` and never moves.
//
// Overlap and progress: as for `pthread`. A waiter on the holder's own CPU wastes at most its spin.
//
// NO ORDER: acquire and release are the library's contract, and ThreadSanitizer knows its
// functions.

/// The C library's adaptive mutex.
public struct PthreadAdaptiveLock: LockPrimitive, @unchecked Sendable {
    /// Written by the C library alone.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>

    @inlinable
    public static var kind: LockKind { .pthreadAdaptive }

    public init() {
        mutex = allocateShared(initial: pthread_mutex_t())
        let error = fq_adaptive_mutex_init(mutex)
        precondition(error == 0, "an adaptive mutex cannot be made: errno \(error)")
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
