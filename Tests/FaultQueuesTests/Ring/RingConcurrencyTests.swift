import CPlatform
import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// R1, R2, R4 to R7 between threads. The tests load the CPUs, so they run one after another.
@Suite(.serialized)
struct RingConcurrencyTests {
    /// A sanitizer takes ten times as long.
    static let scale = fq_tsan_enabled() ? 2 : 20

    @Test(arguments: allRings, HeadUpdate.allCases)
    func oneToOne(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        for capacity in [2, 16] {
            let exercise = RingExercise(
                configuration: RingConfiguration(capacity: capacity, headUpdate: headUpdate),
                requestsPerProducer: 1000 * Self.scale, seed: testSeed)
            check(exercise, type)
        }
    }

    /// Without pauses between calls the two sides meet at other places.
    @Test(arguments: allRings)
    func oneToOneAtFullSpeed(_ type: any PageRequestRing.Type) {
        let exercise = RingExercise(
            configuration: RingConfiguration(capacity: 256), requestsPerProducer: 5000 * Self.scale,
            longestBatch: 64, seed: testSeed, pauses: false)
        check(exercise, type)
    }

    @Test(arguments: allRings, [OverflowPolicy.wait, .toggle])
    func manyToOne(_ type: any PageRequestRing.Type, policy: OverflowPolicy) {
        for capacity in [2, 32] {
            let exercise = RingExercise(
                configuration: RingConfiguration(
                    capacity: capacity, producers: crowd, overflow: policy),
                requestsPerProducer: 300 * Self.scale, seed: testSeed)
            check(exercise, type)
        }
    }

    @Test(arguments: ringsOfManyConsumers, HeadUpdate.allCases)
    func manyToMany(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        for capacity in [2, 8, 64] {
            let exercise = RingExercise(
                configuration: RingConfiguration(
                    capacity: capacity, producers: 3, headUpdate: headUpdate),
                consumers: 3, requestsPerProducer: 300 * Self.scale, seed: testSeed)
            check(exercise, type)
        }
    }

    /// Runs end out of turn and are handed back by others: many consumers with short batches on few
    /// slots, which meet often, and with batches so uneven that a later one is done first. Were one
    /// hand-back lost, the head would stop, and with it the producers.
    @Test(arguments: [(2, 1), (4, 1), (4, 3), (8, 3), (64, 32), (512, 256)])
    func runsGivenBackOutOfTurn(capacity: Int, longestBatch: Int) {
        for (consumers, policy) in [(2, OverflowPolicy.toggle), (crowd, .wait)] {
            let exercise = RingExercise(
                configuration: RingConfiguration(
                    capacity: capacity, producers: 2, overflow: policy),
                consumers: consumers, requestsPerProducer: 1500 * Self.scale,
                longestBatch: longestBatch, seed: testSeed)
            check(exercise, MPMCRing.self)
        }
    }

    /// What two consumers of one drain share.
    private struct Drain: @unchecked Sendable {
        let consumers: UnsafeMutablePointer<MPMCRing.Consumer>
        let counts: UnsafeMutablePointer<Int>
    }

    /// Two consumers take a full ring apart, one request a call and nothing between the calls, so
    /// that a hand-back and a mark cross as often as they can. A mark that both miss stops the head
    /// for good, and the next fill finds less room.
    @Test
    func handBacksThatCross() {
        let subject = RingSubject<MPMCRing>(RingConfiguration(capacity: 16384, overflow: .toggle))
        let drain = Drain(
            consumers: allocateShared(count: 2) { _ in subject.ring.makeConsumer() },
            counts: allocateShared(zeroed: Int.self, count: 2))
        for round in 0..<(4 * Self.scale) {
            var fitted = 0
            while fitted < 16384, subject.enqueue(0) == .enqueued { fitted += 1 }
            #expect(fitted == 16384, "room left in round \(round)")
            if fitted < 16384 { break }
            DedicatedThread.run(2) { thread in
                var consumer = drain.consumers[thread]
                let buffer = UnsafeMutablePointer<PageRequest>.allocate(capacity: 1)
                var count = 0
                while consumer.dequeue(into: buffer, limit: 1) == 1 { count += 1 }
                drain.counts[thread] = count
                buffer.deallocate()
            }
            #expect(drain.counts[0] + drain.counts[1] == 16384, "delivered in round \(round)")
        }
        freeShared(drain.consumers, count: 2)
        freeShared(drain.counts, count: 2)
    }

    @Test(arguments: allRings)
    func oneCPUIsEnough(_ type: any PageRequestRing.Type) {
        for policy in OverflowPolicy.allCases {
            let exercise = RingExercise(
                configuration: RingConfiguration(capacity: 8, producers: 2, overflow: policy),
                consumers: min(2, type.limits.consumers), requestsPerProducer: 100 * Self.scale,
                seed: testSeed, onOneCPU: true)
            check(exercise, type)
        }
    }

    /// R5 and R6 as far as threads can see them.
    @Test(arguments: allRings, [OverflowPolicy.sticky, .toggle])
    func overflowBetweenThreads(_ type: any PageRequestRing.Type, policy: OverflowPolicy) {
        for (producers, consumers) in [(1, 1), (3, 1), (2, 2)]
        where consumers <= type.limits.consumers {
            // A run whose threads take turns by chance may meet no full ring; not all of them.
            var outcome = RingOutcome()
            for attempt in UInt64(0)..<100 where outcome.acknowledged == 0 {
                let exercise = RingExercise(
                    configuration: RingConfiguration(
                        capacity: 4, producers: producers, overflow: policy),
                    consumers: consumers, requestsPerProducer: 300 * Self.scale,
                    seed: testSeed &+ attempt, watchesOverflow: producers == 1 || !type.hasLanes)
                outcome = check(exercise, type)
            }
            #expect(outcome.overflowed > 0 && outcome.acknowledged > 0, "\(outcome)")
        }
    }

    @discardableResult
    private func check(
        _ exercise: RingExercise, _ type: any PageRequestRing.Type
    ) -> RingOutcome {
        let outcome = exercise.run(type)
        let expected = exercise.requestsPerProducer * exercise.configuration.producers
        #expect(
            outcome.isSound && outcome.accepted == expected,
            """
            \(type.structure) \(type.lockKind?.rawValue ?? ""), \(exercise), \
            FQBENCH_TEST_SEED=\(testSeed): \(outcome)
            """)
        return outcome
    }
}
