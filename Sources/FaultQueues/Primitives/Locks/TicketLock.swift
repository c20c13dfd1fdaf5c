// ticket: two counters, first come first served.
//
// Models   the kernel's spin lock of 2.6.25 to 4.1 (x86, `arch_spin_lock` with head and tail).
// Keeps    one atomic add to queue, a plain store to pass on, both counters in one line.
// Departs  64-bit counters that never wrap; a waiter pauses in proportion to its place and yields
// the
//          CPU when that has taken too long, where the kernel may simply spin.
// Omits    the paravirtual slow path.
//
// Idea: take a number, wait until it is called.
//
//     next == serving: free
//     next == serving + 1: held          next == serving + 1 + n: held, n threads wait
//
//     lock: my = next++, wait for serving == my          unlock: serving++
//
// Invariants
//  1. serving <= next; `next` grows by one for every `lock` and every successful `tryLock`.
//  2. Only the holder writes `serving`, whose value is the holder's number.
//
// Overlap and progress: `lock`, `tryLock` and `unlock` overlap freely. `tryLock` and `unlock` are
// wait-free. `lock` enters the queue in one step and then blocks: a stalled holder blocks every
// waiter, and so does a stalled waiter, from the moment when its turn comes.

/// The counters of a ticket lock.
@usableFromInline
struct TicketLockStorage: ~Copyable {
    /// The number that the next thread gets; written by every thread that arrives.
    @usableFromInline let next = SharedAtomic<UInt64>(0)
    /// The number whose turn it is; written by the holder alone.
    @usableFromInline let serving = SharedAtomic<UInt64>(0)

    @usableFromInline init() {}
}

/// First-come lock on two counters.
public struct TicketLock: LockPrimitive, @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutablePointer<TicketLockStorage>

    /// Pauses for each thread ahead, about 0.11 µs on the development machine: one hand-over.
    static let pausesPerPlace: UInt64 = 4
    /// No burst counts more threads ahead than this, so that a waiter soon looks again.
    static let mostPlaces: UInt64 = 16

    @inlinable
    public static var kind: LockKind { .ticket }

    public init() {
        storage = allocateShared(initial: TicketLockStorage())
    }

    public func destroy() {
        freeShared(storage, count: 1)
    }

    @inlinable
    public func lock() {
        // Relaxed: the number orders threads, not memory; `serving` does that.
        let mine = storage.pointee.next.wrappingAdd(1, ordering: .relaxed).oldValue
        if !isServing(mine) { lockSlow(mine) }
    }

    @inlinable
    public func unlock() {
        // Relaxed: this thread wrote the value, or read it when its turn came.
        let mine = storage.pointee.serving.load(ordering: .relaxed)
        // ORDER ticket.section, release side. Pairs with the loads in isServing() and tryLock().
        // Keeps: what the holder wrote, before the number that calls the next thread.
        // If relaxed: the next holder can miss the last section's writes.
        storage.pointee.serving.store(mine &+ 1, ordering: .releasing)
    }

    @inlinable
    public func tryLock() -> Bool {
        // ORDER ticket.section, acquire side. Pairs with the store in unlock().
        // Keeps: the section's reads after the last holder's number was passed.
        // If relaxed: this holder can miss the last section's writes.
        let serving = storage.pointee.serving.load(ordering: .acquiring)
        // Since serving <= next and neither goes back, next == serving at the exchange means that
        // nobody holds the lock or waits. Relaxed: as in lock(), the number orders no memory.
        return storage.pointee.next.compareExchange(
            expected: serving, desired: serving &+ 1,
            successOrdering: .relaxed, failureOrdering: .relaxed
        ).exchanged
    }

    @inlinable
    func isServing(_ number: UInt64) -> Bool {
        // ORDER ticket.section, acquire side. Pairs with the store in unlock().
        // Keeps: the section's reads after this thread's number was called.
        // If relaxed: this holder can miss the last section's writes.
        storage.pointee.serving.load(ordering: .acquiring) == number
    }

    @usableFromInline @inline(never)
    func lockSlow(_ mine: UInt64) {
        var pausesLeft = UInt64(SpinWait.pausesBeforeYield)
        while !isServing(mine) {
            if pausesLeft == 0 {
                SpinWait.yieldProcessor()
                continue
            }
            // Relaxed: only how long to wait. At least 1, as the turn may have come by now.
            let ahead = mine &- storage.pointee.serving.load(ordering: .relaxed)
            let wanted = max(1, min(ahead, Self.mostPlaces)) * Self.pausesPerPlace
            let pauses = min(wanted, pausesLeft)
            SpinWait.pause(times: UInt32(pauses))
            pausesLeft -= pauses
        }
    }

    /// Threads that have queued behind the holder. The caller holds the lock.
    var waiterCount: Int {
        // Relaxed: a count that a test polls.
        let next = storage.pointee.next.load(ordering: .relaxed)
        let serving = storage.pointee.serving.load(ordering: .relaxed)  // The caller's own.
        return Int(next - serving) - 1
    }
}
