import FaultModel
import FaultOracle
import FaultQueues

/// The checks of a ring.
struct RingTrialCheck<Ring: PageRequestRing> {
    let make: @Sendable (RingConfiguration) -> Ring

    func run(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        trial.check == .lists ? lists(trial, clock) : exercise(trial, clock)
    }

    /// Every sequence of calls on rings with 1, 2 and 3 usable entries, from every fill.
    private func lists(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        let longer = trial.operations > 1_000_000 ? 1 : 0
        for (capacity, overflow) in [
            (2, OverflowPolicy.wait), (2, .sticky), (2, .toggle), (4, .wait), (4, .sticky),
        ] {
            for headUpdate in HeadUpdate.allCases {
                for producers in 1...2 {
                    let configuration = RingConfiguration(
                        capacity: capacity, producers: producers, overflow: overflow,
                        headUpdate: headUpdate)
                    let paths = RingPaths(
                        configuration: configuration, batching: Ring.batching(headUpdate),
                        longestBatch: 2, fills: Array(0...configuration.usable),
                        length: 5 + longer)
                    outcome.rounds += paths.count
                    outcome.operations += paths.count * paths.length
                    if let difference = paths.firstDivergence(make) {
                        return outcome.differing(difference)
                    }
                }
            }
        }
        return outcome
    }

    /// Rounds after which every capacity, policy and number of threads has had its turn.
    private static var leastRounds: Int { 8 }

    private func exercise(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        while outcome.rounds < Self.leastRounds
            || (outcome.operations < trial.operations && !clock.isOver)
        {
            let result = Self.exercise(trial, round: outcome.rounds).run(make)
            outcome.operations += result.accepted + result.full + result.overflowed
            outcome.rounds += 1
            if !result.isSound {
                outcome.violations = result.violations.map { Violation(Self.rule(of: $0), $0) }
                outcome.steps = result.violations.map {
                    FailureStep(atUs: 0, sentence: $0, violations: [])
                }
                return outcome
            }
        }
        return outcome
    }

    /// Rounds differ in capacity, policy and threads.
    static func exercise(_ trial: VerifyTrial, round: Int) -> RingExercise {
        let policy = OverflowPolicy.allCases[round % 3]
        let consumers = min(2 - round % 2, Ring.limits.consumers)
        let producers = 1 + round / 3 % 3
        return RingExercise(
            configuration: RingConfiguration(
                capacity: [2, 4, 16, 64][round / 2 % 4], producers: producers, overflow: policy,
                headUpdate: HeadUpdate.allCases[round / 2 % 2]),
            consumers: consumers, requestsPerProducer: trial.check == .oneCPU ? 1000 : 5000,
            longestBatch: 1 + round % 8, seed: trial.seed &+ UInt64(round),
            onOneCPU: trial.check == .oneCPU, pauses: round % 4 != 3,
            watchesOverflow: policy != .wait && (producers == 1 || !Ring.hasLanes),
            patience: 2_000_000)
    }

    /// The invariants that a sentence of the ring's checks is about.
    static func rule(of sentence: String) -> Violation.Rule {
        if sentence.hasPrefix("R5") { return .invariant(20) }
        if sentence.hasPrefix("R6") { return .invariant(19) }
        return .oracle
    }
}
