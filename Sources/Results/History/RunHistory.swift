import FaultModel
import Foundation

/// Runs of one suite on one kind of machine over time, cell by cell, with their change points.
public struct RunHistory: Sendable {
    public struct Options: Sendable {
        /// How often a history without any change may show one, over all its series.
        public var level = 0.05
        public var seed: UInt64 = 1

        public init() {}
    }

    /// What a series' values are.
    public enum Reference: String, Sendable, Codable {
        /// Ratios to the control scheme in the same run.
        case control
        /// Ratios to the median of the other schemes under the same workload in the same run.
        case group
        /// Plain figures: there is nothing to compare with.
        case none
    }

    public struct Value: Sendable, Equatable {
        /// Index into `runs`.
        public let run: Int
        /// In the figure's unit.
        public let plain: Double
        /// What change points are searched in.
        public let relative: Double
    }

    public struct Change: Sendable, Equatable {
        /// Index into the series' values of the first value after the change.
        public let index: Int
        /// Median after / median before, up to the neighbouring changes.
        public let ratio: Double
        /// Corrected for the number of series, at most 1.
        public let pValue: Double

        public var confidence: Double { 1 - pValue }
    }

    public struct Series: Sendable, Equatable {
        public let key: CellKey
        public let measure: CellMeasure
        public let figure: CellFigure
        public let reference: Reference
        /// Ascending by run.
        public let values: [Value]
        public let changes: [Change]
    }

    /// One run, without its rounds.
    public struct Run: Sendable, Equatable {
        public let file: String
        public let startedAt: String
        public let commit: String?
    }

    /// Ascending by their start.
    public let runs: [Run]
    public let series: [Series]

    /// - Parameter runs: Names and documents in any order, of one suite and one environment.
    public init(_ runs: [(file: String, document: RunDocument)], options: Options = Options()) {
        let ordered = runs.sorted {
            ($0.document.startedAt, $0.file) < ($1.document.startedAt, $1.file)
        }
        self.runs = ordered.map {
            Run(
                file: $0.file, startedAt: $0.document.startedAt,
                commit: $0.document.build[ResumeIdentity.commitKey])
        }
        var collector = HistoryCollector()
        for (index, run) in ordered.enumerated() { collector.add(run.document, index: index) }
        series = collector.series(options: options)
    }
}

/// Gathers each cell's figures run by run.
private struct HistoryCollector {
    struct Name: Hashable {
        let key: CellKey
        let measure: CellMeasure
        let figure: CellFigure
    }

    private var order: [Name] = []
    private var plain: [Name: [(run: Int, value: Double)]] = [:]
    private var toControl: [Name: [Int: Double]] = [:]
    private var toGroup: [Name: [Int: Double]] = [:]

    /// Fewest schemes beside one for their median to stand for the machine.
    private static let leastOthers = 3
    private static let mostPermutations = 200_000

    mutating func add(_ document: RunDocument, index: Int) {
        let states = MachineStates(of: document)
        var medians: [Name: Double] = [:]
        for cell in document.cells where cell.rounds.allSatisfy(\.check.holds) {
            for figure in CellFigure.all(of: cell.measure) {
                let byRound = cell.byRound(figure, states: states, stepNs: document.clock.stepNs)
                guard let median = Statistics.median(Array(byRound.values)), median > 0 else {
                    continue
                }
                let name = Name(key: cell.key, measure: cell.measure, figure: figure)
                if plain[name] == nil { order.append(name) }
                plain[name, default: []].append((index, median))
                medians[name] = median
            }
        }
        var groups: [String: [(Name, Double)]] = [:]
        for (name, median) in medians {
            let key = name.key
            let group =
                "\(key.subject) \(key.workload) \(key.placement) \(key.producers) "
                + "\(key.consumers) \(name.figure)"
            groups[group, default: []].append((name, median))
        }
        for members in groups.values {
            let control = members.first {
                $0.0.key.structure == WorkloadGroup.controlStructure
            }
            for (name, median) in members {
                if let control, control.0 != name {
                    toControl[name, default: [:]][index] = median / control.1
                }
                let others = members.filter { $0.0 != name }.map(\.1)
                if others.count >= Self.leastOthers, let middle = Statistics.median(others) {
                    toGroup[name, default: [:]][index] = median / middle
                }
            }
        }
    }

    func series(options: RunHistory.Options) -> [RunHistory.Series] {
        order.map { name in
            let values = plain[name] ?? []
            // One kind of value for the whole series, or a change of kind would look like one.
            let candidates: [(RunHistory.Reference, [Int: Double]?)] = [
                (.control, toControl[name]), (.group, toGroup[name]),
            ]
            let found = candidates.first { _, ratios in
                values.allSatisfy { ratios?[$0.run] != nil }
            }
            let points = values.map { value in
                RunHistory.Value(
                    run: value.run, plain: value.value,
                    relative: found?.1?[value.run] ?? value.value)
            }
            return RunHistory.Series(
                key: name.key, measure: name.measure, figure: name.figure,
                reference: found?.0 ?? .none, values: points,
                changes: changes(points.map(\.relative), options))
        }
    }

    /// Searched in logarithms, so that a rise and a fall by one factor weigh the same.
    private func changes(
        _ values: [Double], _ options: RunHistory.Options
    ) -> [RunHistory.Change] {
        let count = Double(max(order.count, 1))
        let level = options.level / count
        // Enough for ten orders to be as good by chance at the level.
        let points = ChangePoints.find(
            in: values.map { log($0) }, level: level,
            permutations: min(Self.mostPermutations, Int(10 / level)), seed: options.seed)
        let ends = [0] + points.map(\.index) + [values.count]
        return points.enumerated().compactMap { place, point in
            guard let before = Statistics.median(Array(values[ends[place]..<point.index])),
                let after = Statistics.median(Array(values[point.index..<ends[place + 2]]))
            else { return nil }
            return RunHistory.Change(
                index: point.index, ratio: after / before, pValue: min(1, point.pValue * count))
        }
    }
}
