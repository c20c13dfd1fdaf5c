import FaultModel

// mpmc: one ring, many devices, several fault threads.
//
// Producers are those of mpsc. A consumer claims a run of filled positions by compare-exchange on
// `claimed`, copies them, and then gives them back in order: `head`, which producers go by, moves
// only over runs whose copies are done. A consumer that finishes before its turn leaves a mark at
// its run's first position and goes on; whoever has the turn takes marked runs along.
//
//     finished[p]   written by   meaning at position p of a run p ..< e
//     ≤ p           –            left over from an earlier lap
//     e             consumer     the copies up to e are done, but p's turn had not come
//
// Q1. head ≤ claimed ≤ tail ≤ head + usable.
// Q2. A slot is written only by the producer that claimed its position; read only by the consumer
//     that claimed it, before head passes it.
// Q3. While the overflow flag is set the tail stands still.
//
//     at the same time   enqueue   dequeue   acknowledge
//     enqueue            yes       yes       yes
//     dequeue            yes       yes       yes
//
// Progress: claims and returns are lock-free. A producer that stalls between its claim and its fill
// blocks the consumers at that position. A consumer that stalls while it copies blocks no other
// consumer, but head stops at its run, and the ring fills behind it.

/// Bounded multi-producer multi-consumer ring with the hand-over tag in the slot.
public final class MPMCRing: PageRequestRing, @unchecked Sendable {
    public static let structure = "mpmc"
    public static let lockKind: LockKind? = nil
    public static let limits = RingLimits(producers: 256, consumers: 256)
    public static let provenance = Provenance(
        models: "original: several fault threads on one ring; after Vyukov's bounded queue (2010)",
        keeps: "per-slot sequence, claims by compare-exchange on head and tail",
        departs: "consumers write no slot: runs are given back in order, out-of-turn ones marked",
        omits: "page-request-pending status bit")

    @usableFromInline
    struct ConsumerControl: ~Copyable {
        /// Next position that no consumer has claimed. Written and read by consumers.
        let claimed = PaddedAtomic<UInt64>(0)

        init() {}
    }

    private let configuration: RingConfiguration
    private let control: UnsafeMutablePointer<ClaimControl>
    private let consumers: UnsafeMutablePointer<ConsumerControl>
    private let slots: TaggedSlots
    private let finished: UnsafeMutablePointer<SharedAtomic<UInt64>>

    public init(_ configuration: RingConfiguration) {
        self.configuration = configuration
        control = allocateShared(initial: ClaimControl())
        consumers = allocateShared(initial: ConsumerControl())
        slots = TaggedSlots(capacity: configuration.capacity)
        finished = allocateShared(count: configuration.capacity) { _ in SharedAtomic<UInt64>(0) }
    }

    deinit {
        freeShared(control, count: 1)
        freeShared(consumers, count: 1)
        slots.deallocate()
        freeShared(finished, count: configuration.capacity)
    }

    public func makeProducer() -> ClaimingProducer {
        ClaimingProducer(control: control, slots: slots, configuration: configuration)
    }

    public func makeConsumer() -> Consumer {
        Consumer(
            control: control, consumers: consumers, slots: slots, finished: finished,
            perEntry: configuration.headUpdate == .perEntry,
            needsEmpty: configuration.overflow == .sticky)
    }

    /// A fault thread's end.
    public struct Consumer: RingConsumer {
        let control: UnsafeMutablePointer<ClaimControl>
        let consumers: UnsafeMutablePointer<ConsumerControl>
        let slots: TaggedSlots
        let finished: UnsafeMutablePointer<SharedAtomic<UInt64>>
        let perEntry: Bool
        let needsEmpty: Bool

        @inline(never)
        public mutating func dequeue(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int {
            guard perEntry else { return takeRun(into: buffer, limit: limit) }
            var taken = 0
            while taken < limit && takeRun(into: buffer + taken, limit: 1) == 1 { taken &+= 1 }
            return taken
        }

        @inline(__always)
        private func takeRun(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int {
            var start = consumers.pointee.claimed.value.load(ordering: .relaxed)  // confirmed below
            var end = start
            while true {
                end = start
                let farthest = start &+ UInt64(truncatingIfNeeded: limit)
                while end != farthest && slots.isFilled(end) { end &+= 1 }
                if end == start {
                    let now = consumers.pointee.claimed.value.load(ordering: .relaxed)  // compared
                    if now == start { return 0 }
                    start = now
                    continue
                }
                let (exchanged, now) = consumers.pointee.claimed.value.compareExchange(
                    expected: start, desired: end,
                    successOrdering: .relaxed,  // the tags were acquired; this picks an owner
                    failureOrdering: .relaxed)  // looks again
                if exchanged { break }
                start = now
            }
            let count = Int(truncatingIfNeeded: end &- start)
            for place in 0..<count {
                buffer[place] = slots.request(start &+ UInt64(truncatingIfNeeded: place))
            }
            giveBack(from: start, to: end)
            return count
        }

        /// Moves head over the run, or marks it for whoever has the turn.
        @inline(__always)
        func giveBack(from start: UInt64, to end: UInt64) {
            // ORDER ring.mpmc-turn, acquire side. Pairs with the writes of head below.
            // Keeps: earlier consumers' copies before this one's move of the head past them.
            // If relaxed: a producer can overwrite a slot whose copy it cannot know to be done.
            if control.pointee.head.value.load(ordering: .acquiring) != start {
                markSlow(from: start, to: end)
                return
            }
            // Nobody else moves the head from `start`: the run there is this one, and unmarked.
            // ORDER ring.claim-freed, release side. Pairs with the load in makeRoomSlow().
            // ORDER ring.mpmc-turn, release side. Pairs with the load above and, as both are
            // sequentially consistent, with the store and load in markSlow(): of a consumer that
            // moves the head and one that marks the next run, at least one sees the other.
            // Keeps: the copies before the head that frees their slots.
            // If weaker: both miss each other, and the head stops for good.
            _ = control.pointee.head.value.exchange(end, ordering: .sequentiallyConsistent)
            takeAlong(from: end)
        }

        /// Leaves a mark, and moves the head itself if the turn came in the meantime.
        @inline(never)
        private func markSlow(from start: UInt64, to end: UInt64) {
            let mark = finished + Int(truncatingIfNeeded: start & slots.mask)
            // ORDER ring.mpmc-mark, ring.mpmc-turn. Pairs with the load in takeAlong();
            // sequentially consistent for the reason given in giveBack().
            // Keeps: the copies before the mark that lets another consumer free their slots.
            mark.pointee.store(end, ordering: .sequentiallyConsistent)
            if control.pointee.head.value.load(ordering: .sequentiallyConsistent) == start {
                takeAlong(from: start)
            }
        }

        /// Moves the head over marked runs from `position`, as long as no other does.
        @inline(__always)
        private func takeAlong(from position: UInt64) {
            var position = position
            while true {
                let mark = finished + Int(truncatingIfNeeded: position & slots.mask)
                // ORDER ring.mpmc-mark, acquire side; sequentially consistent as said in
                // giveBack(). Keeps: the marked run's copies before the head that frees their
                // slots.
                let end = mark.pointee.load(ordering: .sequentiallyConsistent)
                if Int64(bitPattern: end &- position) <= 0 { return }
                // ORDER ring.claim-freed, ring.mpmc-turn: as in giveBack().
                let moved = control.pointee.head.value.compareExchange(
                    expected: position, desired: end,
                    successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed
                ).exchanged
                if !moved { return }
                position = end
            }
        }

        @inline(never)
        public mutating func acknowledgeOverflow() -> Bool {
            let head = control.pointee.head.value.load(ordering: .relaxed)  // stands still if empty
            return control.pointee.tail.acknowledgeOverflow(head: head, needsEmpty: needsEmpty)
        }
    }
}
