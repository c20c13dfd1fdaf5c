import FaultModel

// The kernel's unbound, unordered workqueue, as far as faults use it: an intrusive list of groups
// under one lock, workers that take from it, and a drain that waits for everything queued before.
//
// Draining is by colour, as flush_workqueue does it: every group carries the colour that was
// current when it was queued; a drain moves on to the next colour and waits until no group of an
// earlier one is queued or being handled. Drains are serialised, so two colours are enough.
//
//     at the same time   queue   take   finish   drain
//     any                waits   waits  waits    waits (drain: for another drain to end)
//
// Progress: blocking. A worker that stalls in a handler blocks every drain, nobody else.
// Lock nesting: `drainLock` outside `lock`; callers' locks outside both.

/// A workqueue of fault groups.
public struct Workqueue<Lock: LockPrimitive>: BitwiseCopyable, @unchecked Sendable {
    /// Protected by the lock.
    @usableFromInline
    struct State: BitwiseCopyable {
        @usableFromInline var first: UnsafeMutablePointer<FaultGroup>?
        @usableFromInline var last: UnsafeMutablePointer<FaultGroup>?
        @usableFromInline var colour = 0
        @usableFromInline var count = 0

        @inlinable
        init() {}
    }

    /// Groups queued or being handled, by colour. Written with the lock held, read by drains
    /// without it.
    @usableFromInline
    struct Unfinished: ~Copyable {
        @usableFromInline let even = PaddedAtomic<Int>(0)
        @usableFromInline let odd = PaddedAtomic<Int>(0)

        @inlinable
        init() {}
    }

    @usableFromInline let lock: Lock
    @usableFromInline let drainLock: Lock
    @usableFromInline let state: SharedCells<State>
    @usableFromInline let unfinished: UnsafeMutablePointer<Unfinished>

    @inlinable
    public init() {
        lock = Lock()
        drainLock = Lock()
        state = allocateShared(initial: State())
        unfinished = allocateShared(initial: Unfinished())
    }

    @inlinable
    public func deallocate() {
        lock.destroy()
        drainLock.destroy()
        freeShared(state, count: 1)
        freeShared(unfinished, count: 1)
    }

    /// Adds a group at the end. Uses its `next`.
    @inlinable
    public func queue(_ group: UnsafeMutablePointer<FaultGroup>) {
        group.pointee.next = nil
        lock.lock()
        let colour = state.pointee.colour
        // The colour travels in the bit that this queue has of the group's word.
        group.pointee.word = group.pointee.word & ~1 | UInt64(colour)
        add(1, to: colour)
        if let last = state.pointee.last {
            last.pointee.next = group
        } else {
            state.pointee.first = group
        }
        state.pointee.last = group
        state.pointee.count &+= 1
        lock.unlock()
    }

    /// The first group and its colour, or nil.
    @inlinable
    public func take() -> (group: UnsafeMutablePointer<FaultGroup>, colour: Int)? {
        lock.lock()
        guard let group = state.pointee.first else {
            lock.unlock()
            return nil
        }
        state.pointee.first = group.pointee.next
        if group.pointee.next == nil { state.pointee.last = nil }
        state.pointee.count &-= 1
        let colour = Int(group.pointee.word & 1)
        lock.unlock()
        return (group, colour)
    }

    /// A group of this colour has been handled.
    @inlinable
    public func finish(colour: Int) {
        // ORDER workqueue.finished, release side. Pairs with the load in drain().
        // Keeps: all that the handler did before the count that lets a drain return.
        // If relaxed: a drain can return before the handler's writes are visible.
        counter(colour) { $0.wrappingSubtract(1, ordering: .releasing) }
    }

    /// Returns when every group queued before the call has been handled. Holds no lock that a
    /// worker or a reporter needs.
    @inlinable
    public func drain() {
        drainLock.lock()
        lock.lock()
        let colour = state.pointee.colour
        state.pointee.colour = 1 - colour
        lock.unlock()
        var wait = SpinWait()
        while true {
            var left = 0
            // ORDER workqueue.finished, acquire side. Pairs with the subtraction in finish().
            // Keeps: the handlers' writes before whatever follows the drain.
            // If relaxed: the drain's caller can see a handler half done.
            counter(colour) { left = $0.load(ordering: .acquiring) }
            if left == 0 { break }
            wait.wait()
        }
        drainLock.unlock()
    }

    /// Groups queued and not yet taken.
    @inlinable
    public var count: Int {
        lock.lock()
        let count = state.pointee.count
        lock.unlock()
        return count
    }

    @inlinable @inline(__always)
    func add(_ number: Int, to colour: Int) {
        counter(colour) { $0.wrappingAdd(number, ordering: .relaxed) }  // under the lock
    }

    @inlinable @inline(__always)
    func counter(_ colour: Int, _ body: (borrowing SharedAtomic<Int>) -> Void) {
        if colour == 0 {
            body(unfinished.pointee.even.value)
        } else {
            body(unfinished.pointee.odd.value)
        }
    }
}
