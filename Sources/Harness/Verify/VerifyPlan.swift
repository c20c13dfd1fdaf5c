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

    /// The trial of a scheme. Its seed depends on its subject and name, its check and the run's
    /// seed alone.
    public func trial(
        _ scheme: VerifySubject, _ check: VerifyCheck, pass: Int = 0
    ) -> VerifyTrial {
        VerifyTrial(
            area: scheme.subject, subject: scheme.name, check: check,
            seed: Self.mix(seed, "\(scheme.subject) \(scheme.name) \(check) \(pass)"),
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

    /// Runs a twin's checks of one thread once each, until one fails: what needs no threads is
    /// found without them, side by side with other twins.
    ///
    /// - Returns: Nil where the run was stopped, or the twin has no such check.
    public func killAlone(
        _ twin: VerifyTwin, run: (VerifyTrial) throws -> TrialOutcome?
    ) rethrows -> Kill? {
        try kill(
            twin, after: nil, order: Self.twinOrder.filter { !$0.needsAllCPUs }, passes: 0..<1,
            run: run)
    }

    /// Runs a twin's checks, again and again with other seeds, until one fails. Those that
    /// `killAlone` ran are not begun again before the others had their turn.
    ///
    /// - Parameter before: What `killAlone` returned.
    /// - Returns: Nil where the run was stopped. A twin has at least one check.
    public func kill(
        _ twin: VerifyTwin, after before: Kill?, run: (VerifyTrial) throws -> TrialOutcome?
    ) rethrows -> Kill? {
        if let before, before.outcome.kills { return before }
        let first = try kill(
            twin, after: before, order: Self.twinOrder.filter(\.needsAllCPUs), passes: 0..<1,
            run: run)
        guard let first, !first.outcome.kills else { return first }
        return try kill(
            twin, after: first, order: Self.twinOrder, passes: 1..<Self.twinPasses, run: run)
    }

    private func kill(
        _ twin: VerifyTwin, after before: Kill?, order: [VerifyCheck], passes: Range<Int>,
        run: (VerifyTrial) throws -> TrialOutcome?
    ) rethrows -> Kill? {
        var last = before
        for pass in passes {
            for check in order where twin.subject.checks.contains(check) {
                var trial = trial(twin.subject, check, pass: pass)
                // Lists first and short: what a list shows needs no threads.
                trial.operations = check == .lists ? 1 : Int.max
                trial.isOfTwin = true
                trial.seconds = effort.twinSeconds * Double(1 << (2 * pass))
                guard let outcome = try run(trial) else { return nil }
                last = Kill(
                    trial: trial, outcome: outcome,
                    operations: (last?.operations ?? 0) + outcome.operations,
                    seconds: (last?.seconds ?? 0) + outcome.seconds)
                if outcome.kills { return last }
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
