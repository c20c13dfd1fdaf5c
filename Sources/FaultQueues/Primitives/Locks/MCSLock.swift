// mcs: a queue of waiters, each of which spins on a line of its own.
//
// Models   the lock of Mellor-Crummey and Scott (1991) in the form of the K42 system (Krieger and
//          others, "A simple and correct MCS-style lock"), which the kernel's queued spin lock and
//          the spinners of its mutex resemble.
// Keeps    one queue node per waiter; the waiter's node is moved into the lock when its turn comes,
// so
//          that `lock` and `unlock` take no node.
// Departs  a waiter yields the CPU when its spin has taken too long.
// Omits    per-CPU nodes, the pending bit.
//
// Idea: the lock is itself a node, the holder's. `tail` names the last of the queue. A waiter's
// node is on its own stack, and lives exactly while it waits: from the exchange that makes it the
// tail until its owner, now the holder, has put the lock's node in its place.
//
//     tail nil: free          tail == the lock: held, nobody waits
//
//     tail ─────────────────────────────▶ waiter n
//     the lock ─next─▶ waiter 1 ─next─▶ … ─next─▶ waiter n      (a `next` may lag behind `tail`)
//
// Invariants
//  1. `tail` is nil exactly while the lock is free; then the lock's `next` is nil too.
//  2. A node's `next` is written once per wait, by the thread that replaced it as tail; the lock's
//     also by the holder, but only before it makes the lock the tail, or when it is not the tail.
//  3. A waiter leaves only when no thread will touch its node again: it has either replaced its
//  node
//     as tail by the lock, or seen the link of the thread that did.
//  4. A node's address may come back as tail (the same thread waits again): an exchange that
//     succeeds on it is right whichever of the two waits it read, since only the tail matters.
//
// Overlap and progress: `lock`, `tryLock` and `unlock` overlap freely. `tryLock` is wait-free.
// Entering the queue is lock-free. `lock` blocks: a stalled holder blocks every waiter, and so does
// a stalled waiter, from the moment when its turn comes. `unlock` waits for a successor that has
// become the tail but has not linked itself yet.

/// A place in the queue: the holder's (the lock itself) or a waiter's (on its stack).
@usableFromInline
struct MCSNode: ~Copyable {
    /// Used in the lock alone: the last of the queue. Written by every thread that arrives or
    /// leaves.
    @usableFromInline let tail = SharedAtomic<UnsafeMutablePointer<MCSNode>?>(nil)
    /// The next in the queue; written by that thread, and in the lock by the holder.
    @usableFromInline let next = SharedAtomic<UnsafeMutablePointer<MCSNode>?>(nil)
    /// Used in a waiter's node alone: cleared by the thread that passes the lock on.
    @usableFromInline let isWaiting = SharedAtomic<Bool>(true)

    @usableFromInline init() {}
}

/// First-come queue lock without a node argument.
public struct MCSLock: LockPrimitive, @unchecked Sendable {
    @usableFromInline let own: UnsafeMutablePointer<MCSNode>

    @inlinable
    public static var kind: LockKind { .mcs }

    public init() {
        own = allocateShared(initial: MCSNode())
    }

    public func destroy() {
        freeShared(own, count: 1)
    }

    @inlinable
    public func lock() {
        if !tryLock() { lockSlow() }
    }

    @inlinable
    public func unlock() {
        // Relaxed: a link that is missed makes the exchange fail.
        if own.pointee.next.load(ordering: .relaxed) != nil || !leaveUnlessQueued() {
            passOn()
        }
    }

    @inlinable
    public func tryLock() -> Bool {
        own.pointee.tail.compareExchange(
            expected: nil, desired: own,
            // ORDER mcs.section, acquire side. Pairs with the exchange in leaveUnlessQueued().
            // Keeps: the section's reads after the lock was seen free.
            // If relaxed: this holder can miss the last section's writes.
            successOrdering: .acquiring,
            // Relaxed: a failure reads nothing that the lock protects.
            failureOrdering: .relaxed
        ).exchanged
    }

    /// Frees the lock if nobody has queued.
    @inlinable
    func leaveUnlessQueued() -> Bool {
        own.pointee.tail.compareExchange(
            expected: own, desired: nil,
            // ORDER mcs.section, release side. Pairs with the exchange in tryLock().
            // Keeps: what the holder wrote, before the tail that says free.
            // If relaxed: the next holder can miss the last section's writes.
            successOrdering: .releasing,
            // Relaxed: a failure says that someone has queued; passOn() orders what follows.
            failureOrdering: .relaxed
        ).exchanged
    }

    @usableFromInline @inline(never)
    func passOn() {
        let first = Self.link(of: own)
        // ORDER mcs.turn, release side. Pairs with the loop in wait(in:).
        // Keeps: what the holder wrote, before the flag that ends the wait.
        // If relaxed: the next holder can miss the last section's writes.
        first.pointee.isWaiting.store(false, ordering: .releasing)
    }

    @usableFromInline @inline(never)
    func lockSlow() {
        // The node takes a pair of lines of its own. Asking for more than 16 bytes of alignment
        // would move it to the heap, so there is room to align it here.
        let room = 2 * sharedAlignment - 16
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { stack in
            let place = stack.baseAddress!.alignedUp(toMultipleOf: sharedAlignment)
            let node = place.bindMemory(to: MCSNode.self, capacity: 1)
            node.initialize(to: MCSNode())
            repeat {
                if enterQueue(with: node) { return wait(in: node) }
            } while !tryLock()
        }
    }

    /// Makes the node the last of the queue; false where the lock became free, or another thread
    /// queued first.
    private func enterQueue(with node: UnsafeMutablePointer<MCSNode>) -> Bool {
        // Relaxed: only compared; the exchange orders what it leads to.
        guard let last = own.pointee.tail.load(ordering: .relaxed) else { return false }
        let entered = own.pointee.tail.compareExchange(
            expected: last, desired: node,
            // ORDER mcs.node-made, both sides. Pairs with itself in the thread before and after,
            // and with the exchange in wait(in:).
            // Keeps: a node's (and the lock's) empty `next`, before the link that is written to it.
            // If relaxed: the empty `next` can overwrite the link, and the queue stops.
            successOrdering: .acquiringAndReleasing,
            failureOrdering: .relaxed
        ).exchanged
        guard entered else { return false }
        // ORDER mcs.link, release side. Pairs with the loop in link(of:).
        // Keeps: this node's `isWaiting` as made, before the link by which it is found.
        // If relaxed: the thread ahead can clear the flag before it is set, and this one waits on.
        last.pointee.next.store(node, ordering: .releasing)
        return true
    }

    /// Waits for the turn of a queued node, then puts the lock's own node in its place.
    private func wait(in node: UnsafeMutablePointer<MCSNode>) {
        var spin = SpinWait()
        // ORDER mcs.turn, acquire side. Pairs with the store in passOn().
        // Keeps: the section's reads after the flag was seen cleared.
        // If relaxed: this holder can miss the last section's writes.
        while node.pointee.isWaiting.load(ordering: .acquiring) { spin.wait() }

        // Relaxed: a link that is missed makes the exchange fail.
        if node.pointee.next.load(ordering: .relaxed) == nil {
            // Relaxed: the exchange that follows publishes it.
            own.pointee.next.store(nil, ordering: .relaxed)
            let nobodyBehind = own.pointee.tail.compareExchange(
                expected: node, desired: own,
                // ORDER mcs.node-made, release side. Pairs with the exchange in enterQueue(with:).
                // Keeps: the lock's empty `next`, before the link that is written to it.
                // If relaxed: the empty `next` can overwrite the link, and the queue stops.
                successOrdering: .releasing,
                failureOrdering: .relaxed
            ).exchanged
            if nobodyBehind { return }
        }
        // Relaxed: until the next passOn() of this very thread nobody else reads it.
        own.pointee.next.store(Self.link(of: node), ordering: .relaxed)
    }

    /// The successor of a node that is no longer the tail. It may have yet to link itself, so this
    /// waits for it.
    private static func link(
        of node: UnsafeMutablePointer<MCSNode>
    ) -> UnsafeMutablePointer<MCSNode> {
        var spin = SpinWait()
        while true {
            // ORDER mcs.link, acquire side. Pairs with the store in enterQueue(with:).
            // Keeps: the successor's `isWaiting` as made, before passOn() clears it.
            // If relaxed: the cleared flag can be overwritten, and the successor waits on.
            if let next = node.pointee.next.load(ordering: .acquiring) { return next }
            spin.wait()
        }
    }

    /// Threads that have queued behind the holder and linked themselves. The caller holds the lock,
    /// so no waiter leaves and every linked node stays valid.
    var waiterCount: Int {
        var count = 0
        // ORDER mcs.link, acquire side, as in successor(of:); here only to count.
        var place = own.pointee.next.load(ordering: .acquiring)
        while let node = place {
            count += 1
            place = node.pointee.next.load(ordering: .acquiring)
        }
        return count
    }
}
