import FaultModel
import Foundation

/// Runs of one suite on one kind of machine over time, cell by cell, with their change points.
public struct RunHistory: Sendable {
    public struct Options: Sendable {
        /// How often a history without any change may show one, over all its series.
        public var level = 0.05
        public var seed: UInt64 = 1
        /// Which cells get a series. The others still count where they are what a series is
        /// compared with.
        public var isWanted: @Sendable (CellKey) -> Bool = { _ in true }

        public init() {}
    }

    /// What a series' values are.
    public enum Reference: String, Sendable, Codable {
        /// Ratios to the control scheme in the same run.
        case control
        /// How many times the scheme's usual figure it is, over how many times theirs the other
        /// structures under the same workload reached in the same run: `RunShifts`.
        case group
        /// Plain figures: some run has too little to compare with.
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
        public fileprivate(set) var changes: [Change]
    }

    /// One run, without its rounds.
    public struct Run: Sendable, Equatable {
        public let file: String
        public let startedAt: String
        public let commit: String?
    }

    /// A file's name and what is in it.
    public typealias NamedRun = (file: String, document: RunDocument)

    /// Ascending by their start.
    public let runs: [Run]
    public let series: [Series]
    /// How many of the series have enough runs to show a change.
    public let searchable: Int
    /// Below this, no number of runs would show a change in so many series.
    public let leastLevel: Double
    /// Sentences that a reader must know.
    public let notes: [String]

    /// Fewest other structures that a series without a control is compared with.
    public static let leastOthers = RunShifts.leastVotes
    private static let mostPermutations = 200_000

    /// - Parameter runs: In any order, of one suite and one environment, none twice.
    public init(_ runs: [NamedRun], options: Options = Options()) {
        let ordered = runs.sorted {
            ($0.document.startedAt, $0.file) < ($1.document.startedAt, $1.file)
        }
        self.runs = ordered.map {
            Run(
                file: $0.file, startedAt: $0.document.startedAt,
                commit: $0.document.build[ResumeIdentity.commitKey])
        }
        let collector = HistoryCollector(ordered.map(\.document), options)
        var series = collector.series()
        let level = options.level / Double(max(series.count, 1))
        for index in series.indices {
            series[index].changes = Self.changes(
                series[index].values.map(\.relative), level: level, of: series.count,
                seed: options.seed)
        }
        self.series = series
        searchable = series.count { ChangePoints.leastPValue(count: $0.values.count) <= level }
        leastLevel = Double(series.count) / Double(Self.mostPermutations)
        notes = collector.notes + Self.shortness(series.count, searchable, level: options.level)
    }

    /// The runs without copies of others (`a.json` beside `a.json.xz`), and the names of the files
    /// left out. Of two states of one run, the one with more rounds stays.
    public static func withoutCopies(_ runs: [NamedRun]) -> (runs: [NamedRun], copies: [String]) {
        func rounds(_ run: NamedRun) -> Int {
            run.document.cells.reduce(0) { $0 + $1.rounds.count }
        }
        var kept: [NamedRun] = []
        var copies: [String] = []
        for run in runs {
            guard let place = kept.firstIndex(where: { isSame($0.document, run.document) }) else {
                kept.append(run)
                continue
            }
            if rounds(run) > rounds(kept[place]) {
                copies.append(kept[place].file)
                kept[place] = run
            } else {
                copies.append(run.file)
            }
        }
        return (kept, copies)
    }

    private static func isSame(_ left: RunDocument, _ right: RunDocument) -> Bool {
        let key = ResumeIdentity.environmentFingerprintKey
        return left.environment[key] == right.environment[key]
            && RunIdentity(of: left).difference(from: RunIdentity(of: right)) == nil
    }

    /// Searched in logarithms, so that a rise and a fall by one factor weigh the same.
    ///
    /// - Parameters:
    ///   - level: Of this series alone.
    ///   - count: Series in all.
    private static func changes(
        _ values: [Double], level: Double, of count: Int, seed: UInt64
    ) -> [Change] {
        // Enough for ten orders to be as good by chance at the level.
        let permutations = Int(min(Double(mostPermutations), 10 / level))
        let points = ChangePoints.find(
            in: values.map { log($0) }, level: level, permutations: permutations, seed: seed)
        let ends = [0] + points.map(\.index) + [values.count]
        return points.enumerated().compactMap { place, point in
            guard let before = Statistics.median(Array(values[ends[place]..<point.index])),
                let after = Statistics.median(Array(values[point.index..<ends[place + 2]]))
            else { return nil }
            return Change(
                index: point.index, ratio: after / before,
                pValue: min(1, point.pValue * Double(count)))
        }
    }

    /// What to say where there are too few runs.
    private static func shortness(_ count: Int, _ searchable: Int, level: Double) -> [String] {
        guard searchable < count else { return [] }
        var needed = 2 * ChangePoints.minimumSide
        while ChangePoints.leastPValue(count: needed) > level / Double(count) { needed += 1 }
        return [
            "\(count - searchable) of the \(count) series have too few runs to show any change: "
                + "for a level of \(level) over all of them each needs \(needed)."
        ]
    }
}
