/// A run in figures: its cells in groups that can be compared, and what its reader must know.
public struct RunSummary: Sendable {
    public let states: MachineStates
    /// In the suite's order of their first cells.
    public let groups: [WorkloadGroup]
    /// The document's notes, then what the figures themselves say.
    public let notes: [String]

    /// Every interval is reproducible: its random choices derive from the document's seed.
    public init(of document: RunDocument) {
        let states = MachineStates(of: document)
        self.states = states
        var order: [WorkloadGroup.Key] = []
        var members: [WorkloadGroup.Key: [CellSummary]] = [:]
        for cell in document.cells {
            let key = WorkloadGroup.Key(of: cell)
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(
                CellSummary(cell: cell, states: states, seed: document.seed))
        }
        groups = order.map {
            WorkloadGroup(key: $0, summaries: members[$0] ?? [], document: document)
        }
        notes = document.notes + Self.notes(of: document, states: states)
    }

    private static func notes(of document: RunDocument, states: MachineStates) -> [String] {
        var notes: [String] = []
        if let share = states.usableShare, share < MachineStates.usableShareLimit {
            notes.append(
                "Only \(states.usableRounds) of \(states.rounds) rounds are usable: the machine was"
                    + " often in its slow state. Repeat the run before quoting it.")
        }
        if document.finishedAt == nil {
            let wanted = document.suite.rounds * document.cells.count
            notes.append("The run is not finished: \(states.rounds) of \(wanted) rounds.")
        }
        return notes
    }
}

/// Schemes under one workload, at one placement, with as many threads, measured in the same way.
public struct WorkloadGroup: Sendable {
    public struct Key: Sendable, Hashable {
        public let subject: String
        public let workload: String
        public let placement: String
        public let producers: Int
        public let consumers: Int
        public let measure: CellMeasure

        public init(of cell: CellRecord) {
            subject = cell.key.subject
            workload = cell.key.workload
            placement = cell.key.placement
            producers = cell.key.producers
            consumers = cell.key.consumers
            measure = cell.measure
        }
    }

    /// What the rows are compared with.
    public enum Reference: Sendable, Equatable {
        /// The control scheme, measured in the same run.
        case control
        /// The row with the best headline, where the group has no control with figures.
        case best
        /// No row has figures.
        case none
    }

    public struct Row: Sendable {
        public let summary: CellSummary
        /// Of the headline against the reference, paired by round; nil for the reference itself
        /// and where no round is in both.
        public let ratio: RatioEstimate?
        /// Latencies: of p99, in the same way.
        public let tailRatio: RatioEstimate?
        public let isReference: Bool
        /// Share of what the path between the cores allows, 0…1 or a little above; nil where that
        /// is unknown.
        public let limitShare: Double?
    }

    /// A plain ring in C: the same code in every run, so that runs can be compared through it.
    public static let controlStructure = "spsc-c"

    public let key: Key
    public let reference: Reference
    /// The best headline first, then those without figures, each by name.
    public let rows: [Row]

    init(key: Key, summaries: [CellSummary], document: RunDocument) {
        self.key = key
        let isHigherBetter = key.measure == .throughput
        let shown = summaries.sorted { Self.precedes($0, $1, isHigherBetter: isHigherBetter) }
        let control = shown.firstIndex {
            $0.key.structure == Self.controlStructure && $0.headline != nil
        }
        let best = shown.firstIndex { $0.headline != nil }
        reference = control != nil ? .control : best != nil ? .best : .none
        let limit = Self.limit(of: key, document: document)
        let referenceIndex = control ?? best
        rows = shown.enumerated().map { index, summary in
            let other = referenceIndex.flatMap { $0 == index ? nil : shown[$0] }
            return Row(
                summary: summary,
                ratio: other.flatMap {
                    Statistics.pairedRatio(
                        summary.headlineByRound, $0.headlineByRound, seed: document.seed)
                },
                tailRatio: other.flatMap {
                    Statistics.pairedRatio(
                        summary.tailByRound, $0.tailByRound, seed: document.seed)
                },
                isReference: referenceIndex == index,
                limitShare: Self.share(of: summary, limit: limit))
        }
    }

    /// The limit in the headline's unit.
    ///
    /// Throughput: a request crosses once from a producer's core to a consumer's, so the side with
    /// fewer threads bounds the rate. Round trips: the core-to-core round trip at this placement.
    /// Open loops and single operations: none. None where threads share CPUs.
    private static func limit(of key: Key, document: RunDocument) -> Double? {
        switch key.measure {
        case .throughput:
            guard let transferNs = document.floor.transferNs[key.placement], transferNs > 0 else {
                return nil
            }
            return Double(min(key.producers, key.consumers)) * 1e9 / transferNs
        case .roundTrip:
            return document.floor.roundTripNs[key.placement]
        case .openLoop, .latency:
            return nil
        }
    }

    private static func share(of summary: CellSummary, limit: Double?) -> Double? {
        guard let limit, limit > 0, let headline = summary.headline, headline > 0 else {
            return nil
        }
        return summary.measure == .throughput ? headline / limit : limit / headline
    }

    private static func precedes(
        _ left: CellSummary, _ right: CellSummary, isHigherBetter: Bool
    ) -> Bool {
        switch (left.headline, right.headline) {
        case (let leftFigure?, let rightFigure?) where leftFigure != rightFigure:
            return (leftFigure > rightFigure) == isHigherBetter
        case (.some, nil): return true
        case (nil, .some): return false
        default: return left.key.label < right.key.label
        }
    }
}

extension CellSummary {
    /// p99 of each usable round, by round index.
    fileprivate var tailByRound: [Int: Double] {
        latency?.p99NsByRound ?? [:]
    }
}

extension CellKey {
    /// What a table's row is called: the scheme as a user types it, with its node memory where that
    /// is not the usual pool.
    public var label: String {
        guard let nodeMemory, nodeMemory != "pool" else { return scheme }
        return "\(scheme)+\(nodeMemory)"
    }
}
