import FaultModel

/// A slot alone in its cache line, whose first word carries a tag in the twelve bits that a
/// request's header leaves free: the lap of the ring for which the slot is filled. The request and
/// its hand-over so travel in one line, with no separate array of sequence numbers, and no producer
/// writes to a line that a consumer or another producer is using.
///
///     slot's tag       written by   meaning at position p, lap L = p / capacity
///     L                –            not filled yet (left over from the lap before)
///     L + 1            producer     holds the request of position p
///
/// A tag only has to differ from that of the lap before, since the counters keep laps at most one
/// apart; twelve bits that wrap are enough.
@usableFromInline
struct TaggedSlot: ~Copyable {
    /// Header and tag; written last by the producer.
    @usableFromInline let header = SharedAtomic<UInt64>(0)
    @usableFromInline var address: UInt64 = 0
    @usableFromInline var privateData0: UInt64 = 0
    @usableFromInline var privateData1: UInt64 = 0
    private let padding = InlineArray<4, UInt64>(repeating: 0)

    init() {}
}

/// The slots of a ring, as a trivially copyable view.
@usableFromInline
struct TaggedSlots: BitwiseCopyable {
    let slots: UnsafeMutablePointer<TaggedSlot>
    let mask: UInt64
    let lapShift: UInt64

    init(capacity: Int) {
        slots = allocateShared(count: capacity) { _ in TaggedSlot() }
        mask = UInt64(capacity - 1)
        lapShift = UInt64(capacity.trailingZeroBitCount)
    }

    func deallocate() { freeShared(slots, count: Int(mask) + 1) }

    @inline(__always)
    private func slot(_ position: UInt64) -> UnsafeMutablePointer<TaggedSlot> {
        slots + Int(truncatingIfNeeded: position & mask)
    }

    /// The tag of a filled slot, in its place at the top of the word.
    @inline(__always)
    private func tag(_ position: UInt64) -> UInt64 { (position >> lapShift &+ 1) << 52 }

    /// Writes the request of a claimed position, then hands the slot over.
    @inline(__always)
    func fill(_ position: UInt64, _ request: PageRequest) {
        let slot = slot(position)
        slot.pointee.address = request.address
        slot.pointee.privateData0 = request.privateData0
        slot.pointee.privateData1 = request.privateData1
        // ORDER ring.slot-filled, release side. Pairs with the load in isFilled().
        // Keeps: the slot's other three words before the tag that hands it over.
        // If relaxed: the consumer can return the words of the slot's previous request.
        slot.pointee.header.store(request.header | tag(position), ordering: .releasing)
    }

    /// Whether the position's request is there; if so it may be read after.
    @inline(__always)
    func isFilled(_ position: UInt64) -> Bool {
        // ORDER ring.slot-filled, acquire side. Pairs with the store in fill().
        // Keeps: the producer's words before this side's reads of them.
        // If relaxed: the words of the slot's previous request can be read.
        let word = slot(position).pointee.header.load(ordering: .acquiring)
        return word & ~PageRequest.headerMask == tag(position)
    }

    /// The request of a filled position that the caller owns.
    @inline(__always)
    func request(_ position: UInt64) -> PageRequest {
        let slot = slot(position)
        return PageRequest(
            header: slot.pointee.header.load(ordering: .relaxed),  // owned since isFilled()
            address: slot.pointee.address, privateData0: slot.pointee.privateData0,
            privateData1: slot.pointee.privateData1)
    }
}
