import FaultModel
import Foundation

/// Gates played out on the rounds of a result file, to count how often they cry wolf and what they
/// miss.
///
/// A block takes four rounds in a row from a random place of the file and gives them to the two
/// builds as A B B A or B A A B, as a real gate would, and so has the noise of that stretch, at the
/// same time for all cells. Every build is the same: what a gate finds is a false alarm, or
/// the slowdown that was planted by scaling the head's figures of one cell.
public struct RecordedGate: Sendable {
    /// What is done to the head's figures.
    public enum Plant: Sendable, Hashable {
        case nothing
        /// All figures of one cell are slower by this share. Each gate draws its cell from those
        /// whose throughput or median is gated.
        case median(Double)
        /// p99 of one cell is larger by this share.
        case tail(Double)
    }

    public struct Count: Sendable, Equatable {
        public let plant: Plant
        public let gates: Int
        /// Gates that failed on a figure of the planted cell; without a plant, that failed at all.
        public let found: Int
        /// Gates that failed on a figure where nothing was planted.
        public let falseAlarms: Int
        public let inconclusive: Int
        /// Medians over the gates.
        public let seconds: Double
        public let screeningBlocks: Double
    }

    /// Time of a gate's parts, in seconds.
    public struct Cost: Sendable {
        /// One visit to a cell.
        public var visit = 0.025
        /// What a block takes beside its visits.
        public var block = 0.3

        public init() {}
    }

    /// Rounds in a row that make a block.
    public static let visitsPerBlock = 4

    public let cells: [GateCell]
    public let rules: GateRules
    public let budgetSeconds: Double
    public let cost: Cost
    /// By cell: the log of the figure in each round, as a time; nil where there is none.
    private let series: [GateCell: [Double?]]
    private let rounds: Int

    /// - Throws: `GateRecordingError` where the file has too few rounds or no figure.
    public init(
        _ document: RunDocument, rules: GateRules = GateRules(), budgetSeconds: Double = 600,
        cost: Cost = Cost()
    ) throws(GateRecordingError) {
        self.rules = rules
        self.budgetSeconds = budgetSeconds
        self.cost = cost
        rounds = document.cells.map(\.rounds.count).min() ?? 0
        guard rounds >= 3 * Self.visitsPerBlock else {
            throw .tooFewRounds(found: rounds, expected: 3 * Self.visitsPerBlock)
        }
        let states = MachineStates(of: document)
        var series: [GateCell: [Double?]] = [:]
        var cells: [GateCell] = []
        for record in document.cells {
            for cell in GateCell.gated(record.key, record.measure) {
                let byRound = record.byRound(
                    cell.figure, states: states, stepNs: document.clock.stepNs)
                guard
                    GateFitness.isFit(
                        cell.figure, Array(byRound.values), stepNs: document.clock.stepNs),
                    byRound.count * 3 >= rounds
                else { continue }
                let sign = cell.figure.isHigherBetter ? -1.0 : 1.0
                series[cell] = record.rounds.map { byRound[$0.index].map { sign * log($0) } }
                cells.append(cell)
            }
        }
        guard !cells.isEmpty else { throw .nothingToGate }
        self.cells = cells
        self.series = series
    }

    /// Plays `gates` gates.
    public func play(_ plant: Plant, gates: Int, seed: UInt64) -> Count {
        var counts = (found: 0, falseAlarms: 0, inconclusive: 0)
        var seconds: [Double] = []
        var blocks: [Double] = []
        for gate in 0..<gates {
            var generator = SeededGenerator(seed: seed, stream: UInt64(gate))
            let target = target(of: plant, &generator)
            let (verdict, spent) = playOne(plant, target, &generator)
            let failed = verdict.rows.filter { $0.status == .failed }
            let hits = failed.contains { $0.cell.key == target }
            let strays = failed.contains { $0.cell.key != target }
            if plant == .nothing ? !failed.isEmpty : hits { counts.found += 1 }
            if strays { counts.falseAlarms += 1 }
            if verdict.outcome == .inconclusive { counts.inconclusive += 1 }
            seconds.append(spent)
            blocks.append(Double(verdict.screeningBlocks))
        }
        return Count(
            plant: plant, gates: gates, found: counts.found, falseAlarms: counts.falseAlarms,
            inconclusive: counts.inconclusive, seconds: Statistics.median(seconds) ?? 0,
            screeningBlocks: Statistics.median(blocks) ?? 0)
    }

    private func target(of plant: Plant, _ generator: inout SeededGenerator) -> CellKey? {
        switch plant {
        case .nothing: nil
        case .median:
            cells.filter { $0.figure != .p99 }.randomElement(using: &generator)?.key
        case .tail:
            cells.filter { $0.figure == .p99 }.randomElement(using: &generator)?.key
        }
    }

    private func playOne(
        _ plant: Plant, _ target: CellKey?, _ generator: inout SeededGenerator
    ) -> (GateVerdict, Double) {
        var procedure = GateProcedure(cells: cells, rules: rules)
        var seconds = 0.0
        while procedure.phase != .finished {
            let wanted = procedure.wanted
            let visits = Set(wanted.map(\.key)).count * Self.visitsPerBlock
            seconds += cost.block + cost.visit * Double(visits)
            procedure.add(
                block(of: wanted, plant, target, &generator), spent: seconds / budgetSeconds)
        }
        return (GateVerdict(of: procedure), seconds)
    }

    private func block(
        of wanted: [GateCell], _ plant: Plant, _ target: CellKey?,
        _ generator: inout SeededGenerator
    ) -> [GateCell: GateSample] {
        let start = Int.random(in: 0...(rounds - Self.visitsPerBlock), using: &generator)
        let isHeadFirst = Bool.random(using: &generator)
        var samples: [GateCell: GateSample] = [:]
        for cell in wanted {
            guard let values = series[cell] else { continue }
            let outer = [values[start], values[start + 3]]
            let inner = [values[start + 1], values[start + 2]]
            guard
                let sample = GateSample(
                    base: isHeadFirst ? inner : outer, head: isHeadFirst ? outer : inner)
            else { continue }
            let planted = cell.key == target ? Self.shift(plant, cell.figure) : 0
            samples[cell] = GateSample(
                slowdown: sample.slowdown + planted, calibration: sample.calibration)
        }
        return samples
    }

    private static func shift(_ plant: Plant, _ figure: CellFigure) -> Double {
        switch plant {
        case .nothing: 0
        case .median(let share): log1p(share)
        case .tail(let share): figure == .p99 ? log1p(share) : 0
        }
    }
}

/// Why no gate can be played on a recording: a clause.
public enum GateRecordingError: Error, Equatable, Sendable, CustomStringConvertible {
    case tooFewRounds(found: Int, expected: Int)
    case nothingToGate

    public var description: String {
        switch self {
        case .tooFewRounds(let found, let expected):
            "has cells with \(found) rounds, expected \(expected) or more"
        case .nothingToGate: "has no figure that a gate decides on"
        }
    }
}

/// Which figures are worth gating.
public enum GateFitness {
    /// A median below so many steps of the clock says more about the clock.
    public static let leastSteps = 4.0

    /// - Parameter values: Of the figure, over rounds.
    public static func isFit(_ figure: CellFigure, _ values: [Double], stepNs: Double) -> Bool {
        guard let median = Statistics.median(values), median > 0 else { return false }
        return figure == .throughput || median >= leastSteps * stepNs
    }
}
