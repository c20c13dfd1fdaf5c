import FaultModel

// mpsc: one ring, many devices, one fault thread.
//
// A producer claims a position on the tail and fills its slot, whose tag says that it is ready. The
// consumer follows the tags and never reads the tail; it writes nothing but the head, once a batch.
//
// M1. head ≤ tail ≤ head + usable.
// M2. A slot is written only by the producer that claimed its position, read only by the consumer
//     after the tag of that lap.
// M3. While the overflow flag is set the tail stands still.
//
//     at the same time   enqueue   dequeue   acknowledge
//     enqueue            yes       yes       yes
//     dequeue            yes       no        no
//
// Progress: enqueue is lock-free, dequeue wait-free. A producer that stalls between its claim and
// its fill blocks the consumer at that position, as a device that has moved the tail register and
// not yet written its descriptor would.

/// Bounded multi-producer single-consumer ring with the hand-over tag in the slot.
public final class MPSCRing: PageRequestRing, @unchecked Sendable {
    public static let structure = "mpsc"
    public static let lockKind: LockKind? = nil
    public static let limits = RingLimits(producers: 256, consumers: 1)
    public static let provenance = Provenance(
        models: "VT-d page-request queue, all devices of an IOMMU in one ring",
        keeps: "one ring per IOMMU, N-1 usable, head written once per batch, sticky overflow",
        departs:
            "devices claim by compare-exchange where hardware serialises them; a slot is a line",
        omits: "page-request-pending status bit")

    private let configuration: RingConfiguration
    private let control: UnsafeMutablePointer<ClaimControl>
    private let slots: TaggedSlots

    public init(_ configuration: RingConfiguration) {
        self.configuration = configuration
        control = allocateShared(initial: ClaimControl())
        slots = TaggedSlots(capacity: configuration.capacity)
    }

    deinit {
        freeShared(control, count: 1)
        slots.deallocate()
    }

    public func makeProducer() -> ClaimingProducer {
        ClaimingProducer(control: control, slots: slots, configuration: configuration)
    }

    public func makeConsumer() -> Consumer {
        Consumer(
            control: control, slots: slots, perEntry: configuration.headUpdate == .perEntry,
            needsEmpty: configuration.overflow == .sticky)
    }

    /// The fault thread's end.
    public struct Consumer: RingConsumer {
        let control: UnsafeMutablePointer<ClaimControl>
        let slots: TaggedSlots
        let perEntry: Bool
        let needsEmpty: Bool
        /// This side's truth; the shared copy is what producers see.
        var head: UInt64 = 0

        @inline(never)
        public mutating func dequeue(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int {
            var count = 0
            while count < limit && slots.isFilled(head) {
                buffer[count] = slots.request(head)
                count &+= 1
                head &+= 1
                if perEntry { publishHead() }
            }
            if count > 0 && !perEntry { publishHead() }
            return count
        }

        @inline(__always)
        private func publishHead() {
            // ORDER ring.claim-freed, release side. Pairs with the load in makeRoomSlow().
            // Keeps: the reads of the slots before the head that frees them (M2).
            // If relaxed: a producer can overwrite a slot that is still being read.
            control.pointee.head.value.store(head, ordering: .releasing)
        }

        @inline(never)
        public mutating func acknowledgeOverflow() -> Bool {
            control.pointee.tail.acknowledgeOverflow(head: head, needsEmpty: needsEmpty)
        }
    }
}
