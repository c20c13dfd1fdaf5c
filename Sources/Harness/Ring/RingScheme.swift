import FaultQueues

/// One scheme of the ring subject, with its measured loops specialised for it.
///
/// The catalogue makes one per scheme from the type alone. What crosses from the trial's threads
/// into a loop is one call of a closure per burst; inside the loop there is only the scheme.
public struct RingScheme: Sendable {
    /// `spsc`, `locked`, …
    public let structure: String
    public let lockKind: LockKind?
    public let provenance: Provenance
    public let limits: RingLimits
    /// The type, as `scripts/check-hot-loops` names it.
    public let implementation: String

    /// The scheme as `fqbench verify` checks it.
    public let verified: VerifySubject

    let make: @Sendable (RingConfiguration) -> any AnyObject & Sendable
    let makeProducer: @Sendable (any AnyObject & Sendable) -> RingProducerEnd
    let makeConsumer: @Sendable (any AnyObject & Sendable) -> RingConsumerEnd
    let makePair: @Sendable (any AnyObject & Sendable, any AnyObject & Sendable) -> RingPairEnd

    /// The scheme that `type` implements. Inlined, so that the closures are specialised for it.
    @inlinable @inline(__always)
    public init<Ring: PageRequestRing>(_ type: Ring.Type) {
        self.init(
            structure: Ring.structure, lockKind: Ring.lockKind, provenance: Ring.provenance,
            limits: Ring.limits, implementation: String(describing: Ring.self),
            make: { Ring($0) },
            makeProducer: { ring in
                let endpoint = allocateShared(
                    initial: unsafeDowncast(ring, to: Ring.self).makeProducer())
                return RingProducerEnd(
                    saturate: { measuredSaturation(&endpoint.pointee, &$0) },
                    replay: { measuredReplay(&endpoint.pointee, &$0, $1) },
                    call: { measuredCalls(&endpoint.pointee, count: $1, &$0) },
                    release: { freeShared(endpoint, count: 1) })
            },
            makeConsumer: { ring in
                let endpoint = allocateShared(
                    initial: unsafeDowncast(ring, to: Ring.self).makeConsumer())
                return RingConsumerEnd(
                    drain: { measuredDrain(&endpoint.pointee, &$0) },
                    release: { freeShared(endpoint, count: 1) })
            },
            makePair: { outbound, inbound in
                let producer = allocateShared(
                    initial: unsafeDowncast(outbound, to: Ring.self).makeProducer())
                let consumer = allocateShared(
                    initial: unsafeDowncast(inbound, to: Ring.self).makeConsumer())
                return RingPairEnd(
                    roundTrip: {
                        measuredRoundTrips(&producer.pointee, &consumer.pointee, &$0, &$1)
                    },
                    echo: { measuredEchoes(&producer.pointee, &consumer.pointee, &$0) },
                    release: {
                        freeShared(producer, count: 1)
                        freeShared(consumer, count: 1)
                    })
            },
            // Last: scripts/check-hot-loops knows the closures above by their numbers.
            verified: VerifySubject(ring: Ring.name) { Ring($0) })
    }

    @usableFromInline
    init(
        structure: String, lockKind: LockKind?, provenance: Provenance, limits: RingLimits,
        implementation: String,
        make: @escaping @Sendable (RingConfiguration) -> any AnyObject & Sendable,
        makeProducer: @escaping @Sendable (any AnyObject & Sendable) -> RingProducerEnd,
        makeConsumer: @escaping @Sendable (any AnyObject & Sendable) -> RingConsumerEnd,
        makePair:
            @escaping @Sendable (any AnyObject & Sendable, any AnyObject & Sendable) -> RingPairEnd,
        verified: VerifySubject
    ) {
        self.structure = structure
        self.lockKind = lockKind
        self.provenance = provenance
        self.limits = limits
        self.implementation = implementation
        self.verified = verified
        self.make = make
        self.makeProducer = makeProducer
        self.makeConsumer = makeConsumer
        self.makePair = makePair
    }

    /// As a user types it: `spsc`, `locked/ticket`.
    public var name: String { verified.name }
}

/// A producer's loops around one endpoint. One thread; the ring outlives it.
public struct RingProducerEnd {
    let saturate: (inout ProducerBurst) -> Void
    let replay: (inout ProducerBurst, UnsafeBufferPointer<ScheduledRequest>) -> Void
    let call: (inout ProducerBurst, Int) -> Void
    let release: () -> Void

    @usableFromInline
    init(
        saturate: @escaping (inout ProducerBurst) -> Void,
        replay: @escaping (inout ProducerBurst, UnsafeBufferPointer<ScheduledRequest>) -> Void,
        call: @escaping (inout ProducerBurst, Int) -> Void, release: @escaping () -> Void
    ) {
        self.saturate = saturate
        self.replay = replay
        self.call = call
        self.release = release
    }
}

/// A consumer's loop around one endpoint. One thread; the ring outlives it.
public struct RingConsumerEnd {
    let drain: (inout ConsumerBurst) -> Void
    let release: () -> Void

    @usableFromInline
    init(drain: @escaping (inout ConsumerBurst) -> Void, release: @escaping () -> Void) {
        self.drain = drain
        self.release = release
    }
}

/// The loops of one side of a round trip: the producer of one ring, the consumer of another.
public struct RingPairEnd {
    let roundTrip: (inout ProducerBurst, inout ConsumerBurst) -> Void
    let echo: (inout ConsumerBurst) -> Void
    let release: () -> Void

    @usableFromInline
    init(
        roundTrip: @escaping (inout ProducerBurst, inout ConsumerBurst) -> Void,
        echo: @escaping (inout ConsumerBurst) -> Void, release: @escaping () -> Void
    ) {
        self.roundTrip = roundTrip
        self.echo = echo
        self.release = release
    }
}
