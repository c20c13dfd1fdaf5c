import FaultModel

/// Checks what one consumer takes out of a ring, inside its measured loop: order for each producer,
/// conservation of what was sent, and slots read while they were written.
///
/// One thread owns a check. After the loop its `view` goes to `violations(in:accepted:)` together
/// with those of the other consumers.
///
/// A delivery costs one load and one store of four words, a multiplication for the sum, one for the
/// address, and three branches that go the same way as long as the ring is sound. Nothing is
/// allocated after `init`.
public struct DeliveryCheck: ~Copyable {
    @usableFromInline let slots: UnsafeMutablePointer<DeliveryView.ProducerView>
    @usableFromInline let strays: UnsafeMutablePointer<DeliveryView.StrayView>
    /// Producers 0 ..< `producerCount` may send.
    public let producerCount: Int

    /// - Precondition: `producerCount` is in 1…65536.
    public init(producerCount: Int) {
        precondition(
            (1...SequenceTag.producerLimit).contains(producerCount),
            "a check has 1 to 65536 producers")
        self.producerCount = producerCount
        slots = .allocate(capacity: producerCount)
        slots.initialize(repeating: DeliveryView.ProducerView(), count: producerCount)
        strays = .allocate(capacity: 1)
        strays.initialize(to: DeliveryView.StrayView())
    }

    deinit {
        slots.deallocate()
        strays.deallocate()
    }

    /// Takes note of one delivery. Called by the owner, in the order of delivery. Always inlined: a
    /// measured loop calls nothing but the scheme.
    @inlinable @inline(__always)
    public mutating func observe(_ request: PageRequest) {
        let tag = SequenceTag(rawValue: request.privateData0)
        guard tag.producer < producerCount else { return observeStray(tag) }
        let slot = slots + tag.producer
        let sequence = tag.sequence
        if sequence < slot.pointee.nextSequence || request.address != tag.address {
            observeViolation(tag, address: request.address)
        }
        slot.pointee.totals.add(sequence)
        slot.pointee.nextSequence = sequence &+ 1
    }

    @usableFromInline @inline(never)
    func observeStray(_ tag: SequenceTag) {
        if strays.pointee.count == 0 { strays.pointee.firstTag = tag.rawValue }
        strays.pointee.count += 1
    }

    @usableFromInline @inline(never)
    func observeViolation(_ tag: SequenceTag, address: UInt64) {
        let slot = slots + tag.producer
        if tag.sequence < slot.pointee.nextSequence {
            if slot.pointee.orderBreaks == 0 {
                slot.pointee.firstBreakAfter = slot.pointee.nextSequence - 1
                slot.pointee.firstBreakSequence = tag.sequence
            }
            slot.pointee.orderBreaks += 1
        }
        if address != tag.address {
            if slot.pointee.torn == 0 { slot.pointee.firstTornSequence = tag.sequence }
            slot.pointee.torn += 1
        }
    }

    /// Everything observed so far.
    public var view: DeliveryView {
        DeliveryView(
            producers: (0..<producerCount).map { slots[$0] }, strays: strays.pointee)
    }
}
