/// What changed between two runs, cell by cell.
///
/// The rounds of the two are independent: they were not interleaved, so whatever the machine did
/// between the runs is part of every change. `fqbench gate` is for decisions.
public struct RunComparison: Sendable {
    public struct Options: Sendable {
        /// Runs of different machines: only changes of ratios to the control are shown.
        public var acrossMachines = false
        /// Of the intervals, 0 ..< 1.
        public var level = 0.95
        /// Changes below this share are called none even where they are certain.
        public var tolerance = 0.02

        public init() {}
    }

    /// What a change means, at the level of the options.
    public enum Verdict: String, Sendable, Codable {
        case slower, faster
        /// The interval lies within the tolerance.
        case same
        /// The interval reaches into the tolerance and out of it, or does not exist.
        case unclear
    }

    /// One figure of one cell in both runs.
    public struct Change: Sendable, Equatable {
        public let figure: CellFigure
        /// Medians over usable rounds, in the figure's unit, or as a ratio to the control.
        public let before: Double
        public let after: Double
        /// after / before, with its interval from resampling the rounds of each run.
        public let ratio: RatioEstimate
        public let roundsBefore: Int
        public let roundsAfter: Int
        public let verdict: Verdict
        /// The same for the ratios to the control scheme of each run, which cancels what made the
        /// whole machine slower; nil without a control.
        public let controlled: RatioEstimate?
    }

    public enum Outcome: Sendable, Equatable {
        case changes([Change])
        /// Why there is nothing to compare, as a clause.
        case incomparable(String)
    }

    public struct Row: Sendable, Equatable {
        public let key: CellKey
        public let measure: CellMeasure
        public let outcome: Outcome
    }

    public let before: RunDocument
    public let after: RunDocument
    public let options: Options
    /// In the order of the second run, then what only the first has.
    public let rows: [Row]
    /// Sentences that a reader must know.
    public let notes: [String]

    /// - Throws: `ComparisonRefusal` where the environments differ, unless told to compare them.
    public init(
        _ before: RunDocument, _ after: RunDocument, options: Options = Options()
    ) throws(ComparisonRefusal) {
        if !options.acrossMachines { try ComparisonRefusal.check(before, after) }
        self.before = before
        self.after = after
        self.options = options
        let comparer = CellComparer(before, after, options: options)
        rows =
            after.cells.map { comparer.row(of: $0.key) }
            + before.cells.filter { cell in !after.cells.contains { $0.key == cell.key } }
            .map { comparer.row(of: $0.key) }
        notes = Self.notes(before, after, comparer)
    }

    private static func notes(
        _ before: RunDocument, _ after: RunDocument, _ comparer: CellComparer
    ) -> [String] {
        var notes: [String] = []
        let states = [("first", comparer.statesBefore), ("second", comparer.statesAfter)]
        for (name, states) in states {
            if let share = states.usableShare, share < MachineStates.usableShareLimit {
                notes.append(
                    "Only \(states.usableRounds) of \(states.rounds) rounds of the \(name) run "
                        + "are usable: the machine was often in its slow state.")
            }
        }
        let areKnown = (before.cells + after.cells).allSatisfy { $0.workloadFingerprint != nil }
        if before.suite.fingerprint != after.suite.fingerprint, !areKnown {
            notes.append(
                "The suites differ in their rounds, cells or parameters, and the files do not say "
                    + "which: workloads of one name are taken to be equal.")
        }
        for (name, document) in [("first", before), ("second", after)]
        where document.finishedAt == nil {
            notes.append("The \(name) run is not finished.")
        }
        for (name, document) in [("first", before), ("second", after)]
        where document.build["dirty"] == "true" {
            notes.append("The \(name) run's build had uncommitted changes.")
        }
        return notes
    }
}

/// Why two runs are not compared at all: one line.
public enum ComparisonRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case differentEnvironments(differences: [String])

    public var description: String {
        switch self {
        case .differentEnvironments(let differences):
            let shown = differences.prefix(4).joined(separator: "; ")
            let rest = differences.count > 4 ? "; and \(differences.count - 4) more" : ""
            return oneLine(
                "the runs are from different machines or settings (\(shown)\(rest)); "
                    + "--across-machines compares ratios to the control scheme alone")
        }
    }

    /// Refuses two runs whose environments have different fingerprints, and names what differs.
    static func check(
        _ before: RunDocument, _ after: RunDocument
    ) throws(ComparisonRefusal) {
        let key = ResumeIdentity.environmentFingerprintKey
        if let fingerprint = before.environment[key], fingerprint == after.environment[key] {
            return
        }
        let all = Set(before.environment.keys).union(after.environment.keys).subtracting([key])
        var differences = all.sorted().filter(isSetting).compactMap { name -> String? in
            let (left, right) = (before.environment[name], after.environment[name])
            return left == right
                ? nil : "\(name): \(left ?? "not recorded"), then \(right ?? "not recorded")"
        }
        if differences.isEmpty { differences = ["their fingerprints differ"] }
        throw .differentEnvironments(differences: differences)
    }

    /// What varies from minute to minute is no reason.
    private static func isSetting(_ name: String) -> Bool {
        !["load.", "run.", "steal", "nice"].contains { name.hasPrefix($0) }
    }
}
