/// The page requests of all address spaces, in order of arrival, and who is handling which.
///
/// Overlap: any number of threads. Progress: `push` and `take` hold the lock for a few
/// instructions; a drain waits for handlers.
@usableFromInline
struct LateFaultQueue<Lock: LockPrimitive>: BitwiseCopyable, @unchecked Sendable {
    /// What each worker is doing.
    @usableFromInline
    struct Desk: ~Copyable {
        /// The place in the queue of what it handles, plus one; 0 for nothing.
        @usableFromInline let handling = PaddedAtomic<UInt64>(0)
        /// Whether it waits for the handlers' lock.
        @usableFromInline let isBlocked = PaddedAtomic<Bool>(false)
    }

    @usableFromInline let lock = Lock()
    /// Address spaces' words, by place in the queue.
    @usableFromInline let ring: SharedCells<UInt64>
    @usableFromInline let mask: UInt64
    /// Taken and queued so far. Written with the lock held.
    @usableFromInline let head: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let tail: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let desks: UnsafeMutablePointer<Desk>
    @usableFromInline let deskCount: Int

    @usableFromInline
    init(capacity: Int, workers: Int) {
        ring = allocateShared(zeroed: UInt64.self, count: capacity)
        mask = UInt64(capacity - 1)
        head = allocateShared(initial: PaddedAtomic<UInt64>(0))
        tail = allocateShared(initial: PaddedAtomic<UInt64>(0))
        desks = allocateShared(count: workers) { _ in Desk() }
        deskCount = workers
    }

    @usableFromInline
    func destroy() {
        lock.destroy()
        freeShared(ring, count: Int(mask + 1))
        freeShared(head, count: 1)
        freeShared(tail, count: 1)
        freeShared(desks, count: deskCount)
    }

    /// False where the queue is full.
    @inlinable
    func push(_ word: UInt64) -> Bool {
        lock.lock()
        // Relaxed: both change with the lock held.
        let end = tail.pointee.value.load(ordering: .relaxed)
        let hasRoom = end &- head.pointee.value.load(ordering: .relaxed) <= mask  // as above
        if hasRoom {
            ring[Int(truncatingIfNeeded: end & mask)] = word
            // ORDER faults.tail, release side. Pairs with the load in drain().
            // Keeps: nothing but the number; whoever drains has stopped who pushes.
            tail.pointee.value.store(end &+ 1, ordering: .releasing)
        }
        lock.unlock()
        return hasRoom
    }

    /// The oldest, now on that desk; nil where none is queued.
    @inlinable
    func take(_ desk: Int) -> UInt64? {
        lock.lock()
        // Relaxed: both change with the lock held.
        let next = head.pointee.value.load(ordering: .relaxed)
        if next == tail.pointee.value.load(ordering: .relaxed) {  // as above
            lock.unlock()
            return nil
        }
        let word = ring[Int(truncatingIfNeeded: next & mask)]
        // Relaxed: published by the store of the head.
        desks[desk].handling.value.store(next &+ 1, ordering: .relaxed)
        // ORDER faults.head, release side. Pairs with the load in drain().
        // Keeps: the desk's word before the head that shows the request as taken.
        // If relaxed: a drain can find the request neither queued nor handled.
        head.pointee.value.store(next &+ 1, ordering: .releasing)
        lock.unlock()
        return word
    }

    /// What was on the desk has been answered.
    @inlinable
    func finish(_ desk: Int) {
        // ORDER faults.handled, release side. Pairs with the load in drain().
        // Keeps: the handler's last access before the drain returns.
        // If relaxed: a PASID can be reused under a handler.
        desks[desk].handling.value.store(0, ordering: .releasing)
    }

    /// Returns when everything queued before the call has been handled. False where that cannot
    /// come to pass, because a handler waits for a lock that the caller holds.
    @inlinable
    func drain(callerHoldsHandlers: Bool) -> Bool {
        // ORDER faults.tail, acquire side. Pairs with push(_:).
        // Keeps: every request of a device that the caller has stopped.
        let end = tail.pointee.value.load(ordering: .acquiring)
        var wait = SpinWait()
        // ORDER faults.head, acquire side. Pairs with take(_:).
        // Keeps: the desks of what has been taken.
        // If relaxed: a request that was just taken can be overlooked.
        while head.pointee.value.load(ordering: .acquiring) < end {
            if callerHoldsHandlers && isBlocked(before: end) { return false }
            wait.wait()
        }
        for desk in 0..<deskCount {
            while true {
                // ORDER faults.handled, acquire side. Pairs with finish(_:).
                // Keeps: the handler's last access before the caller goes on.
                // If relaxed: a PASID can be reused under a handler.
                let handling = desks[desk].handling.value.load(ordering: .acquiring)
                if handling == 0 || handling > end { break }
                if callerHoldsHandlers && isBlocked(before: end) { return false }
                wait.wait()
            }
        }
        return true
    }

    /// Whether a handler that a drain up to `end` needs waits for the handlers' lock.
    @inlinable
    func isBlocked(before end: UInt64) -> Bool {
        (0..<deskCount).contains { desk in
            // Relaxed: asked again and again until one of them holds for ever.
            let handling = desks[desk].handling.value.load(ordering: .relaxed)
            return handling != 0 && handling <= end
                && desks[desk].isBlocked.value.load(ordering: .relaxed)  // as above
        }
    }

    @inlinable
    var count: Int {
        // Relaxed: a guess.
        let taken = head.pointee.value.load(ordering: .relaxed)
        return Int(tail.pointee.value.load(ordering: .relaxed) &- taken)  // as above
    }
}
