import FaultOracle
import FaultQueues

/// What `fqbench verify` runs: the trials of the schemes, and for each twin the trials that go on
/// until one of them kills it.
public struct VerifyPlan: Sendable {
    /// How long and how much.
    public struct Effort: Sendable {
        /// Operations of a sound scheme's check.
        public var operations: Int
        /// Seconds after which a check of a sound scheme begins no further round.
        public var seconds: Double
        /// Seconds for one check of a twin in the first pass over its checks; each of the three
        /// passes has four times as much as the one before.
        public var twinSeconds: Double

        public init(operations: Int, seconds: Double, twinSeconds: Double) {
            self.operations = operations
            self.seconds = seconds
            self.twinSeconds = twinSeconds
        }
    }

    public let seed: UInt64
    public let cpus: [Int]
    public let effort: Effort

    public init(seed: UInt64, cpus: [Int], effort: Effort) {
        self.seed = seed
        self.cpus = cpus
        self.effort = effort
    }

    /// The trial of a scheme. Its seed depends on its name, its check and the run's seed alone.
    public func trial(
        _ scheme: VerifySubject, _ check: VerifyCheck, pass: Int = 0
    ) -> VerifyTrial {
        VerifyTrial(
            area: scheme.subject, subject: scheme.name, check: check,
            seed: Self.mix(seed, "\(scheme.name) \(check) \(pass)"),
            operations: effort.operations, seconds: effort.seconds, cpus: cpus)
    }

    /// What killed a twin, or the last trial that did not.
    public struct Kill: Sendable {
        public let trial: VerifyTrial
        public let outcome: TrialOutcome
        /// Operations and seconds of all trials up to here.
        public let operations: Int
        public let seconds: Double
    }

    /// Runs a twin's checks, again and again with other seeds, until one fails.
    ///
    /// - Returns: Nil where the run was stopped.
    public func kill(
        _ twin: VerifyTwin, run: (VerifyTrial) throws -> TrialOutcome?
    ) rethrows -> Kill? {
        var operations = 0
        var seconds = 0.0
        var last: Kill?
        for pass in 0..<Self.twinPasses {
            for check in Self.twinOrder where twin.subject.checks.contains(check) {
                var trial = trial(twin.subject, check, pass: pass)
                // Lists first and short: what a list shows needs no threads.
                trial.operations = check == .lists ? 1 : Int.max
                trial.seconds = effort.twinSeconds * Double(1 << (2 * pass))
                guard let outcome = try run(trial) else { return nil }
                operations += outcome.operations
                seconds += outcome.seconds
                last = Kill(
                    trial: trial, outcome: outcome, operations: operations, seconds: seconds)
                if !outcome.holds { return last }
            }
        }
        return last
    }

    private static let twinPasses = 3
    /// What is quick first.
    private static let twinOrder: [VerifyCheck] = [
        .lists, .memory, .threads, .silent, .oneCPU, .stalls,
    ]

    /// FNV-1a over a name, from a seed.
    static func mix(_ seed: UInt64, _ name: String) -> UInt64 {
        name.utf8.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
