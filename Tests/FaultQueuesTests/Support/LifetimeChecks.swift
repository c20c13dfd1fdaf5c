@testable import Harness

/// Runs one list of the checks that `fqbench verify` has; the first difference, or nil.
func firstDifference(_ list: (LifetimeRun) -> Void) -> String? {
    let run = LifetimeRun(threads: ["list"])
    list(run)
    return run.violations.first?.sentence
}

/// Runs some rounds of an exercise; the first thing that was wrong, or nil.
func firstDifference(rounds: Int, _ exercise: (LifetimeRound) -> LifetimeRun) -> String? {
    for number in 0..<rounds {
        let run = exercise(LifetimeRound(seed: testSeed, number: number, turn: number, cpus: []))
        if let violation = run.violations.first { return violation.sentence }
    }
    return nil
}
