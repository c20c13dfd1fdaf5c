import FaultModel
import FaultOracle

@testable import FaultQueues
@testable import Harness

/// Producers and consumers that take turns, a call each, every one on a thread of its own and in a
/// seeded order. A turn is passed on by relaxed atomics, which order nothing: whatever a call needs
/// of another thread's earlier call, the ring itself has to order. ThreadSanitizer then reports a
/// missing order in the first turns, where threads that race have to meet by chance.
///
/// The consumers of `MPMCRing` also stop between claim and hand-back, so that runs come back out of
/// turn.
struct RingTurns: Sendable {
    var configuration: RingConfiguration
    var consumers = 1
    var turns: Int
    var seed: UInt64

    static let longestBatch = 4

    /// Memory of one run that its threads share.
    struct Room<Ring: PageRequestRing>: @unchecked Sendable {
        let turn: UnsafeMutablePointer<PaddedAtomic<Int>>
        let producers: UnsafeMutablePointer<Ring.Producer>
        let consumers: UnsafeMutablePointer<Ring.Consumer>
        /// One of each thread; nil until it ends.
        let accepted: UnsafeMutablePointer<UInt64>
        let views: UnsafeMutablePointer<DeliveryView?>
    }

    /// What was wrong, a sentence each.
    func violations(_ type: any PageRequestRing.Type) -> [String] {
        func open<Ring: PageRequestRing>(_: Ring.Type) -> [String] { violations(of: Ring.self) }
        return open(type)
    }

    private func violations<Ring: PageRequestRing>(of _: Ring.Type) -> [String] {
        let ring = Ring(configuration)
        let producers = configuration.producers
        let room = Room<Ring>(
            turn: allocateShared(initial: PaddedAtomic(0)),
            producers: allocateShared(count: producers) { _ in ring.makeProducer() },
            consumers: allocateShared(count: consumers) { _ in ring.makeConsumer() },
            accepted: allocateShared(zeroed: UInt64.self, count: producers),
            views: allocateShared(count: consumers) { _ in nil })
        var random = SeededGenerator(seed: seed)
        let order = (0..<turns).map { _ in Int(random.next() % UInt64(producers + consumers)) }
        DedicatedThread.run(producers + consumers) { thread in
            if thread < producers {
                produce(room, as: thread, order)
            } else {
                consume(room, as: thread - producers, order)
            }
        }
        // What is left comes out by the first consumer, which takes its place behind the others.
        let rest = Drain(room.consumers[0], producerCount: producers)
        let views = (0..<consumers).compactMap { room.views[$0] } + [rest.view]
        var violations = DeliveryCheck.violations(
            in: views, accepted: (0..<producers).map { room.accepted[$0] })
        room.consumers[0] = rest.consumer
        violations += RingRefit(configuration).violations(
            ring, producers: room.producers, consumer: room.consumers)
        withExtendedLifetime(ring) {}
        freeShared(room.turn, count: 1)
        freeShared(room.producers, count: producers)
        freeShared(room.consumers, count: consumers)
        freeShared(room.accepted, count: producers)
        freeShared(room.views, count: consumers)
        return violations
    }

    /// Runs the body in each of the thread's turns.
    private func takeTurns(
        _ turn: UnsafeMutablePointer<PaddedAtomic<Int>>, as thread: Int, _ order: [Int],
        _ body: () -> Void
    ) {
        for number in order.indices where order[number] == thread {
            var spin = SpinWait()
            while turn.pointee.value.load(ordering: .relaxed) != number { spin.wait() }
            body()
            turn.pointee.value.store(number + 1, ordering: .relaxed)
        }
    }

    private func produce<Ring: PageRequestRing>(_ room: Room<Ring>, as number: Int, _ order: [Int])
    {
        var producer = room.producers[number]
        var tag = SequenceTag(producer: number)
        takeTurns(room.turn, as: number, order) {
            if producer.enqueue(TaggedRequest.make(tag)) == .enqueued { tag.advance() }
        }
        room.producers[number] = producer
        room.accepted[number] = tag.sequence
    }

    private func consume<Ring: PageRequestRing>(_ room: Room<Ring>, as number: Int, _ order: [Int])
    {
        var consumer = room.consumers[number]
        var check = DeliveryCheck(producerCount: configuration.producers)
        var random = SeededGenerator(seed: seed, stream: UInt64(number))
        let buffer = UnsafeMutablePointer<PageRequest>.allocate(capacity: Self.longestBatch)
        defer { buffer.deallocate() }
        /// The run that this consumer has copied and not given back.
        var held: Range<UInt64>?
        let stalling = consumer as? MPMCRing.Consumer
        takeTurns(room.turn, as: configuration.producers + number, order) {
            let choice = random.next()
            let limit = 1 + Int(choice % UInt64(Self.longestBatch))
            var count = 0
            if let run = held {
                if choice >> 8 % 2 == 0 { return }
                stalling?.giveBack(from: run.lowerBound, to: run.upperBound)
                held = nil
            } else if let stalling, choice >> 8 % 2 == 0 {
                let run = stalling.claimOnly(limit: limit)
                for position in run {
                    buffer[count] = stalling.slots.request(position)
                    count += 1
                }
                if !run.isEmpty { held = run }
            } else {
                count = consumer.dequeue(into: buffer, limit: limit)
                if count == 0 { _ = consumer.acknowledgeOverflow() }
            }
            for place in 0..<count { check.observe(buffer[place]) }
        }
        if let run = held { stalling?.giveBack(from: run.lowerBound, to: run.upperBound) }
        room.consumers[number] = consumer
        room.views[number] = check.view
    }

    /// Takes what is left in a ring, when all threads have ended.
    private struct Drain<Consumer: RingConsumer> {
        let view: DeliveryView
        private(set) var consumer: Consumer

        init(_ consumer: Consumer, producerCount: Int) {
            self.consumer = consumer
            var check = DeliveryCheck(producerCount: producerCount)
            let buffer = UnsafeMutablePointer<PageRequest>.allocate(capacity: longestBatch)
            defer { buffer.deallocate() }
            var count = 0
            repeat {
                count = self.consumer.dequeue(into: buffer, limit: longestBatch)
                for place in 0..<count { check.observe(buffer[place]) }
            } while count > 0
            view = check.view
        }
    }
}
