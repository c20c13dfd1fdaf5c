import FaultModel

/// What producers and consumers of a ring with a shared tail have in common.
@usableFromInline
struct ClaimControl: ~Copyable {
    /// Written by every producer, read by them.
    let tail = TailRegister()
    /// Positions below it are free again. Written by consumers, read by producers that think the
    /// ring is full.
    let head = PaddedAtomic<UInt64>(0)

    init() {}
}

/// A device's end of a ring that many devices share: claims the next position by compare-exchange
/// on the tail, then fills the slot. Knows the head from a cached copy and reads it again only when
/// the copy says full.
public struct ClaimingProducer: RingProducer {
    let control: UnsafeMutablePointer<ClaimControl>
    let slots: TaggedSlots
    let usable: UInt64
    let policy: OverflowPolicy
    /// The head when it was last looked at; never ahead of the true one.
    var cachedHead: UInt64 = 0

    init(
        control: UnsafeMutablePointer<ClaimControl>, slots: TaggedSlots,
        configuration: RingConfiguration
    ) {
        self.control = control
        self.slots = slots
        usable = UInt64(configuration.usable)
        policy = configuration.overflow
    }

    @inline(never)
    public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
        let tail = control.pointee.tail.look()
        // With the overflow flag set the difference is huge: one comparison covers both. A tail
        // call, so that the fast path saves no register.
        guard tail &- cachedHead < usable, control.pointee.tail.claim(tail) == nil else {
            return enqueueSlow(request)
        }
        slots.fill(tail, request)
        return .enqueued
    }

    /// The same where the first try found no room or met another producer.
    @inline(never)
    mutating func enqueueSlow(_ request: PageRequest) -> EnqueueOutcome {
        var tail = control.pointee.tail.look()
        while true {
            if tail &- cachedHead >= usable {
                let outcome = makeRoomSlow(&tail)
                if outcome != .enqueued { return outcome }
                continue
            }
            guard let now = control.pointee.tail.claim(tail) else { break }
            tail = now
        }
        slots.fill(tail, request)
        return .enqueued
    }

    /// `.enqueued` where the caller should try again with the new `tail`, else what to answer.
    @inline(never)
    mutating func makeRoomSlow(_ tail: inout UInt64) -> EnqueueOutcome {
        if tail & TailRegister.overflowFlag != 0 { return .overflowed }
        if policy != .wait {
            let now = control.pointee.tail.lookBeforeHead()
            if now != tail {
                tail = now
                return .enqueued
            }
        }
        // ORDER ring.claim-freed, acquire side. Pairs with the consumers' writes of the head.
        // Keeps: a consumer's reads of the slot before this side's next write to it.
        // If relaxed: a new request can appear in the middle of the consumer's copy.
        let head = control.pointee.head.value.load(ordering: .acquiring)
        if head != cachedHead {
            // A head from after the tail was read can be past it: both are taken afresh.
            cachedHead = head
            tail = control.pointee.tail.look()
            return .enqueued
        }
        if policy == .wait { return .full }
        if let now = control.pointee.tail.raiseOverflow(at: tail) {
            tail = now
            return .enqueued
        }
        return .overflowed
    }
}
