import FaultModel
import FaultOracle
import FaultQueues

extension PageRequestRing {
    /// Structure and lock kind, as in a list of schemes.
    public static var name: String { LockKind.schemeName(structure, lockKind) }

    /// Each producer has a ring of its own.
    static var hasLanes: Bool { structure == "spsc" || structure == "spsc-c" }

    static func batching(_ headUpdate: HeadUpdate) -> Batching {
        if hasLanes { return .lanes }
        return structure == "locked" && headUpdate == .perEntry ? .single : .whole
    }
}

/// A ring with all of its producers and one consumer, used by one thread.
final class RingSubject<Ring: PageRequestRing> {
    let configuration: RingConfiguration
    let ring: Ring
    var producers: [Ring.Producer]
    var consumer: Ring.Consumer
    let buffer: UnsafeMutablePointer<PageRequest>
    let bufferCount: Int

    init(
        _ configuration: RingConfiguration, bufferCount: Int = 8,
        make: (RingConfiguration) -> Ring = Ring.init
    ) {
        self.configuration = configuration
        let ring = make(configuration)
        self.ring = ring
        producers = (0..<configuration.producers).map { _ in ring.makeProducer() }
        consumer = ring.makeConsumer()
        self.bufferCount = bufferCount
        buffer = .allocate(capacity: bufferCount)
        buffer.initialize(repeating: Self.unused, count: bufferCount)
    }

    deinit { buffer.deallocate() }

    /// Never enqueued: lies where nothing was delivered.
    static var unused: PageRequest {
        PageRequest(header: .max, address: .max, privateData0: 0, privateData1: 0)
    }

    func enqueue(_ number: UInt64, by producer: Int = 0) -> EnqueueOutcome {
        producers[producer].enqueue(TaggedRequest.make(SequenceTag(rawValue: number)))
    }

    /// The numbers of what one call delivered; nil where a request was not whole or the call wrote
    /// past its limit.
    func dequeue(limit: Int) -> [UInt64]? {
        precondition(limit < bufferCount, "a place is left to see that it is not written")
        buffer[limit] = Self.unused
        let count = consumer.dequeue(into: buffer, limit: limit)
        guard count >= 0, count <= limit, buffer[limit] == Self.unused else { return nil }
        var numbers: [UInt64] = []
        numbers.reserveCapacity(count)
        for place in 0..<count {
            guard TaggedRequest.isWhole(buffer[place]) else { return nil }
            numbers.append(buffer[place].privateData0)
        }
        return numbers
    }

    func acknowledge() -> Bool { consumer.acknowledgeOverflow() }
}
