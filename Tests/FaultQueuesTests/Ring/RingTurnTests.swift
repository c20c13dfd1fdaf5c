import CPlatform
import FaultModel
import Testing

@testable import FaultQueues

/// R1 and R2 with a known order of calls, and the orderings of memory beneath them.
@Suite(.serialized)
struct RingTurnTests {
    @Test(arguments: allRings, HeadUpdate.allCases)
    func threadsTakeTurns(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        for policy in OverflowPolicy.allCases {
            for (producers, consumers) in [(1, 1), (2, min(3, type.limits.consumers))] {
                let turns = RingTurns(
                    configuration: RingConfiguration(
                        capacity: 4, producers: producers, overflow: policy,
                        headUpdate: headUpdate),
                    consumers: consumers, turns: 500, seed: testSeed)
                let violations = turns.violations(type)
                #expect(
                    violations == [],
                    "\(type.structure), \(turns), FQBENCH_TEST_SEED=\(testSeed)")
            }
        }
    }
}
