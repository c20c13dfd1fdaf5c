import CPlatform
import FaultModel

// null: the protocol's calls with nothing in them. Not a ring: it delivers nothing. A measured loop
// over it costs what the harness costs, which is the floor beside which schemes are shown.

/// The floor of the harness: accepts everything, delivers nothing.
public final class NullRing: PageRequestRing, @unchecked Sendable {
    public static let structure = "null"
    public static let lockKind: LockKind? = nil
    public static let limits = RingLimits(producers: 256, consumers: 256)
    public static let provenance = Provenance(
        models: "original", keeps: "the calls", departs: "does nothing in them",
        omits: "everything else")

    public init(_ configuration: RingConfiguration) {}

    public func makeProducer() -> Producer { Producer() }
    public func makeConsumer() -> Consumer { Consumer() }

    /// Accepts and forgets.
    public struct Producer: RingProducer {
        @inline(never)
        public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            // Looks at the words without an instruction, so that neither they nor the call are
            // optimised away.
            fq_opaque(request.header)
            fq_opaque(request.address)
            fq_opaque(request.privateData0)
            fq_opaque(request.privateData1)
            return .enqueued
        }
    }

    /// Never has anything.
    public struct Consumer: RingConsumer {
        @inline(never)
        public mutating func dequeue(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int { 0 }

        public mutating func acknowledgeOverflow() -> Bool { false }
    }
}
