import FaultModel

// locked: one ring, one lock, any kind of lock.
//
// Head, tail and the overflow flag are plain words in one line beside the lock's own; a producer
// holds the lock for one request, a consumer for one batch. The baseline that the others must beat,
// and the place where kinds of locks show their differences.
//
// L1. Everything in `State` and the slots is touched only with the lock held.
// L2. head ≤ tail ≤ head + usable.
//
//     at the same time   enqueue   dequeue   acknowledge
//     enqueue            waits     waits     waits
//     dequeue            waits     waits     waits
//
// Progress: blocking. A thread that stalls with the lock held blocks everyone.
// Lock nesting: none; one lock, nothing called while it is held.

/// Bounded ring under a lock of kind `Lock`.
public final class LockedRing<Lock: LockPrimitive>: PageRequestRing, @unchecked Sendable {
    public static var structure: String { "locked" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var limits: RingLimits { RingLimits(producers: 256, consumers: 256) }
    public static var provenance: Provenance {
        Provenance(
            models: "page-request queue under one lock: iopf_lock of intel/prq.c, held by all",
            keeps: "one lock over lookup and drain; head written once per batch, sticky overflow",
            departs: "devices take the lock too, where hardware writes without one",
            omits: "page-request-pending status bit")
    }

    /// Protected by the lock (L1).
    @usableFromInline
    struct State: BitwiseCopyable {
        @usableFromInline var head: UInt64 = 0
        @usableFromInline var tail: UInt64 = 0
        @usableFromInline var overflowPending = false

        @inlinable
        init() {}
    }

    @usableFromInline let configuration: RingConfiguration
    @usableFromInline let lock: Lock
    @usableFromInline let state: SharedCells<State>
    @usableFromInline let slots: SharedCells<PageRequest>

    @inlinable
    public init(_ configuration: RingConfiguration) {
        self.configuration = configuration
        lock = Lock()
        state = allocateShared(initial: State())
        slots = allocateShared(zeroed: PageRequest.self, count: configuration.capacity)
    }

    @inlinable
    deinit {
        lock.destroy()
        freeShared(state, count: 1)
        freeShared(slots, count: configuration.capacity)
    }

    @inlinable
    public func makeProducer() -> Producer {
        Producer(
            lock: lock, state: state, slots: slots, mask: UInt64(configuration.capacity - 1),
            usable: UInt64(configuration.usable), policy: configuration.overflow)
    }

    @inlinable
    public func makeConsumer() -> Consumer {
        Consumer(
            lock: lock, state: state, slots: slots, mask: UInt64(configuration.capacity - 1),
            perEntry: configuration.headUpdate == .perEntry,
            needsEmpty: configuration.overflow == .sticky)
    }

    /// A device's end.
    public struct Producer: RingProducer {
        @usableFromInline let lock: Lock
        @usableFromInline let state: SharedCells<State>
        @usableFromInline let slots: SharedCells<PageRequest>
        @usableFromInline let mask: UInt64
        @usableFromInline let usable: UInt64
        @usableFromInline let policy: OverflowPolicy

        @inlinable
        init(
            lock: Lock, state: SharedCells<State>, slots: SharedCells<PageRequest>, mask: UInt64,
            usable: UInt64, policy: OverflowPolicy
        ) {
            self.lock = lock
            self.state = state
            self.slots = slots
            self.mask = mask
            self.usable = usable
            self.policy = policy
        }

        @inlinable @inline(never)
        public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            lock.lock()
            let tail = state.pointee.tail
            if state.pointee.overflowPending {
                lock.unlock()
                return .overflowed
            }
            if tail &- state.pointee.head >= usable {
                if policy != .wait { state.pointee.overflowPending = true }
                lock.unlock()
                return policy == .wait ? .full : .overflowed
            }
            slots[Int(truncatingIfNeeded: tail & mask)] = request
            state.pointee.tail = tail &+ 1
            lock.unlock()
            return .enqueued
        }
    }

    /// A fault thread's end.
    public struct Consumer: RingConsumer {
        @usableFromInline let lock: Lock
        @usableFromInline let state: SharedCells<State>
        @usableFromInline let slots: SharedCells<PageRequest>
        @usableFromInline let mask: UInt64
        @usableFromInline let perEntry: Bool
        @usableFromInline let needsEmpty: Bool

        @inlinable
        init(
            lock: Lock, state: SharedCells<State>, slots: SharedCells<PageRequest>, mask: UInt64,
            perEntry: Bool, needsEmpty: Bool
        ) {
            self.lock = lock
            self.state = state
            self.slots = slots
            self.mask = mask
            self.perEntry = perEntry
            self.needsEmpty = needsEmpty
        }

        @inlinable @inline(never)
        public mutating func dequeue(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int {
            lock.lock()
            var head = state.pointee.head
            let available = Int(truncatingIfNeeded: state.pointee.tail &- head)
            // With the head written per entry the lock is held per entry as well.
            let count = min(available, perEntry ? 1 : limit)
            for offset in 0..<count {
                buffer[offset] = slots[Int(truncatingIfNeeded: head & mask)]
                head &+= 1
            }
            state.pointee.head = head
            lock.unlock()
            return count
        }

        @inlinable @inline(never)
        public mutating func acknowledgeOverflow() -> Bool {
            lock.lock()
            var acknowledged = false
            if state.pointee.overflowPending {
                acknowledged = !needsEmpty || state.pointee.head == state.pointee.tail
                if acknowledged { state.pointee.overflowPending = false }
            }
            lock.unlock()
            return acknowledged
        }
    }
}
