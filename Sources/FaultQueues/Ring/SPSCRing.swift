import FaultModel

// spsc: one ring per producer, each with one writer and one reader.
//
// Each side keeps its own counter in its endpoint and a cached copy of the other side's, which it
// reads again only when the copy says full or empty. A request costs one slot write and one store
// of the tail; a batch costs one store of the head. Counters run freely and are masked on use.
// With several producers the consumer looks at their lanes in turn and stays with one until it is
// empty.
//
// S1. head ≤ tail ≤ head + usable, in free-running counters, in each lane.
// S2. Slots head ..< tail belong to the consumer, the others to the producer.
// S3. While an overflow is pending the producer's cached head is tail − usable, so that its fast
//     path always ends in `enqueueSlow`.
//
//     at the same time   enqueue(A)  enqueue(B)  dequeue
//     enqueue(A)         no          yes         yes
//     dequeue            yes         yes         no
//
// Progress: every operation is wait-free. A stalled producer blocks nobody; a stalled consumer lets
// rings fill.

/// Bounded single-producer single-consumer rings with cached counters.
public final class SPSCRing: PageRequestRing, @unchecked Sendable {
    public static let structure = "spsc"
    public static let lockKind: LockKind? = nil
    public static let limits = RingLimits(producers: 256, consumers: 1)
    public static let provenance = Provenance(
        models: "VT-d page-request queue, one device per ring",
        keeps: "head and tail registers, N-1 usable, head written once per batch, sticky overflow",
        departs: "one ring per device instead of one per IOMMU; polls instead of an interrupt",
        omits: "page-request-pending status bit")

    /// One lane's shared words; each pair of lines has one writer.
    @usableFromInline
    struct Lane: ~Copyable {
        /// Next slot that the device writes. Written by the producer, read by the consumer.
        @usableFromInline let tail = PaddedAtomic<UInt64>(0)
        /// Next slot that software reads. Written by the consumer, read by the producer.
        @usableFromInline let head = PaddedAtomic<UInt64>(0)
        @usableFromInline let overflow = RingOverflow()
        /// Fixed after init.
        @usableFromInline let slots: SharedCells<PageRequest>
        /// Keeps the next lane's tail, which another thread writes, out of the line of `slots`.
        private let padding = InlineArray<15, UInt64>(repeating: 0)

        init(slots: SharedCells<PageRequest>) { self.slots = slots }
    }

    private let configuration: RingConfiguration
    private let lanes: UnsafeMutablePointer<Lane>
    private let positions: UnsafeMutablePointer<Consumer.Position>
    /// Written by makeProducer, which one thread calls at a time.
    private let lanesTaken = SharedAtomic<Int>(0)

    public init(_ configuration: RingConfiguration) {
        self.configuration = configuration
        let count = configuration.producers
        lanes = allocateShared(count: count) { _ in
            Lane(slots: allocateShared(zeroed: PageRequest.self, count: configuration.capacity))
        }
        positions = allocateShared(zeroed: Consumer.Position.self, count: count)
    }

    deinit {
        for lane in 0..<configuration.producers {
            freeShared(lanes[lane].slots, count: configuration.capacity)
        }
        freeShared(lanes, count: configuration.producers)
        freeShared(positions, count: configuration.producers)
    }

    public func makeProducer() -> Producer {
        let lane = lanesTaken.wrappingAdd(1, ordering: .relaxed).oldValue  // callers are serialised
        precondition(lane < configuration.producers, "more producers than the ring was made for")
        return Producer(
            lane: lanes + lane, slots: lanes[lane].slots,
            mask: UInt64(configuration.capacity - 1), usable: UInt64(configuration.usable),
            policy: configuration.overflow)
    }

    public func makeConsumer() -> Consumer {
        Consumer(
            lanes: lanes, positions: positions, count: configuration.producers,
            mask: UInt64(configuration.capacity - 1),
            perEntry: configuration.headUpdate == .perEntry,
            needsEmpty: configuration.overflow == .sticky)
    }

    /// A device's end of its own lane.
    public struct Producer: RingProducer {
        let lane: UnsafeMutablePointer<Lane>
        let slots: SharedCells<PageRequest>
        let mask: UInt64
        let usable: UInt64
        let policy: OverflowPolicy
        /// This side's truth; the lane's copy is what the consumer sees.
        var tail: UInt64 = 0
        /// The head when it was last looked at; never ahead of the true one.
        var cachedHead: UInt64 = 0

        @inline(never)
        public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            // A tail call, so that the fast path saves no register: in front of slots whose lines
            // are far away, every store counts that takes a place in the store buffer.
            if tail &- cachedHead >= usable { return enqueueSlow(request) }
            put(request)
            return .enqueued
        }

        /// The same after a fresh look at the head.
        @inline(never)
        mutating func enqueueSlow(_ request: PageRequest) -> EnqueueOutcome {
            let outcome = makeRoom()
            if outcome == .enqueued { put(request) }
            return outcome
        }

        /// Fills the next slot, which is free, and hands it over.
        @inline(__always)
        private mutating func put(_ request: PageRequest) {
            slots[Int(truncatingIfNeeded: tail & mask)] = request
            tail &+= 1
            // ORDER ring.spsc-filled, release side. Pairs with the load of tail in findWork().
            // Keeps: the slot's write before the tail that hands it over (S2).
            // If relaxed: the consumer can return the slot's previous request.
            lane.pointee.tail.value.store(tail, ordering: .releasing)
        }

        /// `.enqueued` where there is room after a fresh look at the head, else what to answer.
        @inline(__always)
        private mutating func makeRoom() -> EnqueueOutcome {
            if policy != .wait && lane.pointee.overflow.isPendingForProducer() {
                return .overflowed
            }
            // ORDER ring.spsc-freed, acquire side. Pairs with the stores of head in dequeue.
            // Keeps: the consumer's reads of the slot before this side's next write to it (S2).
            // If relaxed: a new request can appear in the middle of the consumer's copy.
            let head = lane.pointee.head.value.load(ordering: .acquiring)
            if tail &- head < usable {
                cachedHead = head
                return .enqueued
            }
            cachedHead = tail &- usable
            if policy == .wait { return .full }
            lane.pointee.overflow.raise()
            return .overflowed
        }
    }

    /// The fault thread's end of all lanes.
    public struct Consumer: RingConsumer {
        /// The consumer's place in one lane; only the consumer touches it.
        @usableFromInline
        struct Position: BitwiseCopyable {
            var head: UInt64 = 0
            var cachedTail: UInt64 = 0
        }

        let lanes: UnsafeMutablePointer<Lane>
        let positions: UnsafeMutablePointer<Position>
        let count: Int
        let mask: UInt64
        let perEntry: Bool
        let needsEmpty: Bool
        /// The lane being drained.
        var current = 0

        @inline(never)
        public mutating func dequeue(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int {
            var position = positions + current
            var available = position.pointee.cachedTail &- position.pointee.head
            if available == 0 {
                available = findWork()
                if available == 0 { return 0 }
                position = positions + current
            }
            let lane = lanes + current
            let slots = lane.pointee.slots
            let count = min(Int(truncatingIfNeeded: available), limit)
            var head = position.pointee.head
            // Loops that count by hand: a range would check that it is one, for every request of a
            // slow device.
            var place = 0
            if !perEntry {
                while place < count {
                    buffer[place] = slots[Int(truncatingIfNeeded: head & mask)]
                    head &+= 1
                    place &+= 1
                }
                // ORDER ring.spsc-freed, release side. Pairs with the load in makeRoom().
                // Keeps: the reads of the slots before the head that frees them (S2).
                // If relaxed: the producer can overwrite a slot that is still being read.
                lane.pointee.head.value.store(head, ordering: .releasing)
            } else {
                while place < count {
                    buffer[place] = slots[Int(truncatingIfNeeded: head & mask)]
                    head &+= 1
                    place &+= 1
                    // ORDER ring.spsc-freed, release side, once per entry; otherwise as above.
                    lane.pointee.head.value.store(head, ordering: .releasing)
                }
            }
            position.pointee.head = head
            return count
        }

        /// Looks at every lane once, beginning with the current one; leaves `current` at the first
        /// with requests and returns how many it has.
        @inline(__always)
        private mutating func findWork() -> UInt64 {
            var looked = 0
            while looked < count {
                let position = positions + current
                // ORDER ring.spsc-filled, acquire side. Pairs with the store of tail in put().
                // Keeps: the producer's slot writes before the reads in dequeue (S2).
                // If relaxed: a slot's previous request can be returned.
                let tail = lanes[current].tail.value.load(ordering: .acquiring)
                position.pointee.cachedTail = tail
                let available = tail &- position.pointee.head
                if available > 0 { return available }
                if count > 1 { current = current &+ 1 == count ? 0 : current &+ 1 }
                looked &+= 1
            }
            return 0
        }

        @inline(never)
        public mutating func acknowledgeOverflow() -> Bool {
            var acknowledged = false
            for lane in 0..<count where lanes[lane].overflow.isPendingForConsumer() {
                if needsEmpty {
                    let tail = lanes[lane].tail.value.load(ordering: .relaxed)  // flag acquired
                    if tail != positions[lane].head { continue }
                }
                lanes[lane].overflow.acknowledge()
                acknowledged = true
            }
            return acknowledged
        }
    }
}
