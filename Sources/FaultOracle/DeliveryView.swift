/// What one consumer saw of a run: the result of a `DeliveryCheck`, as a value.
public struct DeliveryView: Hashable, Sendable {
    /// One entry per producer, in order.
    public var producers: [ProducerView]
    /// Requests that named a producer out of range.
    public var strays: StrayView

    /// What one consumer saw of one producer.
    public struct ProducerView: Hashable, Sendable, BitwiseCopyable {
        /// Over all that was delivered.
        public var totals = SequenceTotals()
        /// One more than the last sequence delivered; 0 before the first.
        public var nextSequence: UInt64 = 0
        /// Deliveries whose sequence did not exceed that of the one before.
        public var orderBreaks: UInt64 = 0
        /// The first of them: the sequence before it, and its own.
        public var firstBreak: (after: UInt64, sequence: UInt64) {
            (firstBreakAfter, firstBreakSequence)
        }
        /// Deliveries whose address is not that of their tag.
        public var torn: UInt64 = 0
        /// The sequence that the first of them claims.
        public var firstTornSequence: UInt64 = 0

        @usableFromInline var firstBreakAfter: UInt64 = 0
        @usableFromInline var firstBreakSequence: UInt64 = 0

        /// Nothing seen yet.
        @inlinable
        public init() {}
    }

    /// Deliveries that no producer can have sent.
    public struct StrayView: Hashable, Sendable, BitwiseCopyable {
        /// How many.
        public var count: UInt64 = 0
        /// The tag of the first.
        public var firstTag: UInt64 = 0

        /// Nothing seen yet.
        @inlinable
        public init() {}
    }

    /// - Parameter producers: One entry per producer, in order.
    public init(producers: [ProducerView], strays: StrayView = StrayView()) {
        self.producers = producers
        self.strays = strays
    }
}
