import FaultModel
import CPlatform
import Testing

@testable import FaultQueues
@testable import Harness

/// Every check of rings is seen to fail: on a ring with one fault, and never on the same ring
/// without it.
@Suite(.serialized)
struct TwinRingTests {
    /// Sequences that one fault may take to be seen.
    static let mostSequences = 200_000

    @Test
    func theTwinWithoutFaultPasses() {
        for policy in OverflowPolicy.allCases {
            #expect(paths(policy).firstDivergence(TwinRing.init) == nil)
            #expect(paths(policy).count <= Self.mostSequences)
            let outcome = exercise(policy, seed: testSeed, patience: 5_000_000)
                .run(TwinRing.init)
            #expect(outcome.isSound, "FQBENCH_TEST_SEED=\(testSeed): \(outcome)")
        }
    }

    @Test(arguments: RingFault.sequential)
    func sequencesOfCallsCatch(_ fault: RingFault) {
        let divergence = OverflowPolicy.allCases.lazy.compactMap { policy in
            paths(policy).firstDivergence { TwinRing($0, fault: fault) }
        }.first
        #expect(divergence != nil, "\(fault)")
    }

    /// One thread's calls do not show them: the exercise is what catches these. Some are data
    /// races, which ThreadSanitizer would report.
    @Test(.enabled(if: !fq_tsan_enabled()), arguments: RingFault.concurrent)
    func threadsCatch(_ fault: RingFault) {
        for policy in OverflowPolicy.allCases {
            #expect(paths(policy).firstDivergence { TwinRing($0, fault: fault) } == nil)
        }
        let outcome = firstCaught(fault, policy: .wait)
        #expect(!outcome.isSound, "\(fault), FQBENCH_TEST_SEED=\(testSeed): \(outcome)")
    }

    /// The exercise sees what sequences see too, but for a write past the limit.
    @Test(arguments: RingFault.sequential.filter { $0 != .exceedsLimit })
    func threadsCatchWhatSequencesCatch(_ fault: RingFault) {
        let outcomes = OverflowPolicy.allCases.map { firstCaught(fault, policy: $0) }
        #expect(
            outcomes.contains { !$0.isSound },
            "\(fault), FQBENCH_TEST_SEED=\(testSeed): \(outcomes)")
    }

    /// The sentences name the guarantee that was broken.
    @Test(arguments: [
        (RingFault.clearsOverflowOnDequeue, OverflowPolicy.sticky, "R5"),
        (.clearsOverflowOnRoom, .toggle, "R5"), (.acknowledgesBeforeEmpty, .sticky, "R6"),
        (.overflowsUnderWait, .wait, "R7"),
    ])
    func theGuaranteeIsNamed(_ fault: RingFault, policy: OverflowPolicy, name: String) {
        let outcome = firstCaught(fault, policy: policy)
        #expect(
            outcome.violations.contains { $0.hasPrefix(name) },
            "\(fault), FQBENCH_TEST_SEED=\(testSeed): \(outcome)")
    }

    private func paths(_ policy: OverflowPolicy) -> RingPaths {
        let configuration = RingConfiguration(capacity: 4, overflow: policy)
        return RingPaths(
            configuration: configuration, batching: .whole,
            fills: Array(0...configuration.usable), length: 5)
    }

    /// The patience is short where a fault may stop the ring for good.
    private func exercise(
        _ policy: OverflowPolicy, seed: UInt64, patience: Int = 20_000
    ) -> RingExercise {
        RingExercise(
            configuration: RingConfiguration(capacity: 4, producers: 2, overflow: policy),
            consumers: policy == .sticky ? 1 : 2, requestsPerProducer: 500, longestBatch: 3,
            seed: seed, watchesOverflow: policy != .wait, patience: patience)
    }

    /// Runs the exercise until it sees something, at most fifty times. That threads gave up is not
    /// enough, as a machine under load makes them wait as well: a ring whose head has stopped has
    /// no room afterwards either.
    private func firstCaught(_ fault: RingFault, policy: OverflowPolicy) -> RingOutcome {
        var outcome = RingOutcome()
        for attempt in UInt64(0)..<50 where outcome.isSound {
            outcome = exercise(policy, seed: testSeed &+ attempt).run {
                TwinRing($0, fault: fault)
            }
            outcome.violations.removeAll { $0.contains("gave up") }
        }
        return outcome
    }
}
