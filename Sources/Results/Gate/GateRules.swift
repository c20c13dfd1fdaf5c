import Foundation

/// One figure of one cell, on which a gate decides.
public struct GateCell: Sendable, Hashable {
    public let key: CellKey
    public let figure: CellFigure

    public init(key: CellKey, figure: CellFigure) {
        self.key = key
        self.figure = figure
    }

    /// Figures that a gate decides on: throughput, and both percentiles of closed loops. The
    /// tails of open loops vary by factors from round to round, and threads that share CPUs are at
    /// the scheduler's mercy; both are measured elsewhere, not gated.
    public static func gated(_ key: CellKey, _ measure: CellMeasure) -> [GateCell] {
        guard measure != .openLoop, key.placement != "oversubscribed" else { return [] }
        return CellFigure.all(of: measure).map { GateCell(key: key, figure: $0) }
    }
}

/// One figure in one block: two processes of the base and two of the head visit a cell one after
/// the other, in the order A B B A or B A A B, which is drawn at random.
///
/// Swapping the builds swaps the sign of `slowdown` and nothing else. So where the builds are equal
/// it is as often positive as negative, and as large, whatever the noise looks like.
public struct GateSample: Sendable, Equatable {
    /// log of how many times slower the head's processes were than the base's, in the mean.
    public let slowdown: Double
    /// log of how many times slower one process of the base was than the other; nil where only one
    /// has the figure.
    public let calibration: Double?

    public init(slowdown: Double, calibration: Double?) {
        self.slowdown = slowdown
        self.calibration = calibration
    }

    /// From the logarithms of times; a process without the figure (the machine was in its slow
    /// state) is nil. Nil where one side has none.
    public init?(base: [Double?], head: [Double?]) {
        guard let below = Self.mean(base), let above = Self.mean(head) else { return nil }
        slowdown = above - below
        if let first = base.first ?? nil, let last = base.last ?? nil, base.count == 2 {
            calibration = last - first
        } else {
            calibration = nil
        }
    }

    private static func mean(_ values: [Double?]) -> Double? {
        let present = values.compactMap { $0 }
        return present.isEmpty ? nil : present.reduce(0, +) / Double(present.count)
    }

    /// The deviation of `slowdown` over that of `calibration` when builds are equal and noise
    /// independent: (1/2 + 1/2) of one process's variance, over 2.
    static let scale = 0.5.squareRoot()
}

/// What a gate takes for a regression, and how sure it must be.
public struct GateRules: Sendable, Equatable {
    /// Slowdowns up to this share are never a failure, per figure.
    public var tolerance = 0.02
    public var tailTolerance = 0.10
    /// A figure passes once a slowdown by this share is excluded.
    public var margin = 0.10
    public var tailMargin = 1.0
    /// How often a gate of equal builds may fail, over all its figures.
    public var falseAlarmRate = 0.005
    /// How often a figure may pass that is slower by its margin.
    public var missRate = 0.005
    /// Screening hands a figure on to confirmation where its p-value is at most this.
    public var suspicion = 0.15
    /// Share of the budget after which screening ends, decided or not.
    public var screeningShare = 0.5
    /// Blocks before the first look of screening and of confirmation; later looks come after √2
    /// times as many. With fewer blocks no p-value of a confirmation could be small enough.
    public var firstLook = 8
    public var firstConfirmation = 12

    public init() {}

    func toleranceLog(_ figure: CellFigure) -> Double {
        log1p(figure == .p99 ? tailTolerance : tolerance)
    }

    func marginLog(_ figure: CellFigure) -> Double {
        log1p(figure == .p99 ? tailMargin : margin)
    }

    /// The part of an error rate that the k-th look may spend, k from 1: all parts together are
    /// the whole.
    static func spent(_ rate: Double, look: Int) -> Double { rate / Double(look * (look + 1)) }

    /// After how many blocks of a phase the k-th look comes, k from 1.
    func blocks(beforeLook look: Int, in phase: GateProcedure.Phase) -> Int {
        let first = phase == .confirmation ? firstConfirmation : firstLook
        return Int((Double(first) * pow(2, Double(look - 1) / 2)).rounded())
    }
}
