/// The overflow register pair of a ring with one producer.
///
///     raised   acknowledged   under .sticky   under .toggle
///     n        n              PRO clear       OVFLG = OVACKFLG
///     n + 1    n              PRO set         OVFLG ≠ OVACKFLG
///
/// The two change in turn: only the producer raises, only where nothing is pending; only the
/// consumer acknowledges, only where something is. The low bits are SMMUv3's OVFLG and OVACKFLG.
@usableFromInline
struct RingOverflow: ~Copyable {
    /// Written by the producer.
    @usableFromInline let raised: PaddedAtomic<UInt64>
    /// Written by the consumer.
    @usableFromInline let acknowledged: PaddedAtomic<UInt64>

    @usableFromInline
    init() {
        raised = PaddedAtomic(0)
        acknowledged = PaddedAtomic(0)
    }

    /// The producer's look: whether it must drop what it is offered.
    @usableFromInline
    func isPendingForProducer() -> Bool {
        // ORDER ring.overflow-acknowledged, acquire side. Pairs with the store in acknowledge().
        // Keeps: the consumer's emptying of the ring before the producer's next look at the head.
        // If relaxed: a producer that sees the flag cleared can still see the old, full head.
        let done = acknowledged.value.load(ordering: .acquiring)
        return raised.value.load(ordering: .relaxed) != done  // its own last store
    }

    /// Sets the flag. Called by the producer where nothing is pending.
    @usableFromInline
    func raise() {
        let current = raised.value.load(ordering: .relaxed)  // its own last store
        // ORDER ring.overflow-raised, release side. Pairs with the load in isPendingForConsumer().
        // Keeps: the producer's last accepted request before the flag.
        // If relaxed: the consumer can clear an overflow while an accepted request is unseen.
        raised.value.store(current &+ 1, ordering: .releasing)
    }

    /// The consumer's look: whether an overflow waits for it.
    @usableFromInline
    func isPendingForConsumer() -> Bool {
        // ORDER ring.overflow-raised, acquire side. Pairs with the store in raise().
        // Keeps: the requests accepted before the overflow, for the emptiness check that follows.
        // If relaxed: the emptiness check can miss the last of them.
        raised.value.load(ordering: .acquiring)
            != acknowledged.value.load(ordering: .relaxed)  // its own last store
    }

    /// Clears the flag. Called by the consumer where one is pending and it may.
    @usableFromInline
    func acknowledge() {
        let current = acknowledged.value.load(ordering: .relaxed)  // its own last store
        // ORDER ring.overflow-acknowledged, release side. Pairs with isPendingForProducer().
        // Keeps: the head that emptied the ring before the cleared flag.
        // If relaxed: a producer can find the flag clear and the ring still full.
        acknowledged.value.store(current &+ 1, ordering: .releasing)
    }
}
