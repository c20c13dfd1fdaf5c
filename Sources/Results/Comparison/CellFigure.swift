import Foundation
import Histogram

/// A figure of a cell by which two runs or two builds are compared.
public enum CellFigure: String, Sendable, Codable, CaseIterable {
    /// Operations per second: the median of a round's clean bursts.
    case throughput
    /// Percentiles of a round's latencies, in nanoseconds.
    case p50, p99

    /// Whether a larger figure is the better one.
    public var isHigherBetter: Bool { self == .throughput }

    /// The figures that a cell of this kind has.
    public static func all(of measure: CellMeasure) -> [CellFigure] {
        measure == .throughput ? [.throughput] : [.p50, .p99]
    }
}

extension CellRecord {
    /// One figure of each round that saw the machine in its usual state, by round index. Rounds
    /// without the figure (no clean burst, too few samples for the percentile) are absent.
    ///
    /// - Parameters:
    ///   - states: Of the run that the cell is from.
    ///   - stepNs: The clock's step, for `smoothPercentileNs`.
    public func byRound(
        _ figure: CellFigure, states: MachineStates, stepNs: Double
    ) -> [Int: Double] {
        let usable = rounds.filter { states.isUsable($0, placement: key.placement) }
        let onlyClean = usable.contains { $0.bursts.contains(where: \.isClean) }
        return usable.reduce(into: [:]) { figures, round in
            figures[round.index] = round.value(of: figure, onlyClean: onlyClean, stepNs: stepNs)
        }
    }
}

extension RoundRecord {
    /// A figure of this round alone; nil where it has none.
    ///
    /// - Parameter onlyClean: Whether bursts in which a thread was preempted are left out.
    public func value(of figure: CellFigure, onlyClean: Bool = true, stepNs: Double) -> Double? {
        switch figure {
        case .throughput:
            let counted = bursts.filter { $0.durationNs > 0 && ($0.isClean || !onlyClean) }
            return Statistics.median(counted.map(\.rate)).flatMap { $0 > 0 ? $0 : nil }
        case .p50, .p99:
            guard let text = latencyHistogram,
                let histogram = try? HistogramCodec.decode(text)
            else { return nil }
            let perMille: UInt64 = figure == .p50 ? 500 : 990
            return histogram.smoothPercentileNs(perMille: perMille, stepNs: stepNs)
        }
    }
}

extension Histogram<UInt64> {
    /// The percentile with the clock's steps smoothed out; nil where fewer than ten samples lie
    /// above it.
    ///
    /// A clock that steps by 10 ns says 100 or 110 and nothing between, so that a median near 100
    /// moves by 10 % or not at all. Here each sample stands for an interval as wide as the step
    /// (or as its bucket, where that is wider) around what was recorded. How the samples are shared
    /// out between two steps then decides where the percentile lies between them. For comparing
    /// alone: tables show what was recorded.
    ///
    /// - Parameter perMille: 0…999.
    public func smoothPercentileNs(perMille: UInt64, stepNs: Double) -> Double? {
        guard percentileNs(perMille: perMille) != nil else { return nil }
        let target = Double(totalCount) * Double(perMille) / 1000
        let centre = valueAtPercentile(Double(perMille) / 10)
        let reach = 2 * Self.width(of: self, at: centre, stepNs: stepNs)
        var low = Double(centre) - reach
        var high = Double(centre) + reach
        var below = 0.0
        var near: [(middle: Double, width: Double, count: Double)] = []
        for bucket in recordedValues() {
            let width = Self.width(of: self, at: bucket.value, stepNs: stepNs)
            let middle = Double(medianEquivalentForValue(bucket.value))
            if middle + width / 2 <= low {
                below += Double(bucket.count)
            } else if middle - width / 2 < high {
                near.append((middle, width, Double(bucket.count)))
            }
        }
        for _ in 0..<48 {
            let middle = (low + high) / 2
            let sum = near.reduce(below) { sum, bucket in
                let share = (middle - bucket.middle) / bucket.width + 0.5
                return sum + bucket.count * Swift.min(Swift.max(share, 0), 1)
            }
            if sum < target { low = middle } else { high = middle }
        }
        return Swift.max((low + high) / 2, 0)
    }

    private static func width(of histogram: Self, at value: UInt64, stepNs: Double) -> Double {
        Swift.max(stepNs, Double(histogram.sizeOfEquivalentRangeForValue(value)), 1)
    }
}
