import CPlatform
import FaultModel
import Testing

@testable import FaultQueues

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

    /// Runs end out of turn and are handed back by others, again and again: many consumers with
    /// short batches on a ring of few slots. Were one hand-back lost, the head would stop, and with
    /// it the producers.
    @Test(arguments: [2, 4, 8], [1, 3])
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
