import FaultModel
import Foundation

/// An interval of confidence.
public struct Interval: Sendable, Equatable {
    /// In the unit of what was estimated.
    public let lower: Double
    public let upper: Double
    /// 0…1: how often such an interval covers the truth.
    public let level: Double

    /// `lower` must not exceed `upper`.
    public init(lower: Double, upper: Double, level: Double) {
        precondition(lower <= upper, "an interval runs from its lower to its upper end")
        self.lower = lower
        self.upper = upper
        self.level = level
    }

    /// The larger distance from `estimate` to an end, as a share of it; nil where it is zero.
    public func relativeReach(from estimate: Double) -> Double? {
        guard estimate != 0 else { return nil }
        return max(abs(upper - estimate), abs(estimate - lower)) / abs(estimate)
    }
}

/// How two cells compare over the rounds that both finished.
public struct RatioEstimate: Sendable, Equatable {
    /// exp of the median over rounds of log(numerator / denominator); over 0.
    public let ratio: Double
    /// Nil with too few pairs.
    public let interval: Interval?
    /// Rounds that both have.
    public let pairs: Int

    public init(ratio: Double, interval: Interval?, pairs: Int) {
        self.ratio = ratio
        self.interval = interval
        self.pairs = pairs
    }
}

/// Pure functions on samples. None depends on the order of its input, unless it says so; nil means
/// that the figure does not exist for this input.
public enum Statistics {
    /// Fewer rounds give no interval: the whole range of 4 values covers their median in 87.5 % of
    /// cases only, whatever is resampled.
    public static let minimumRoundsForInterval = 5
    /// Resamples of a bootstrap, unless asked otherwise.
    public static let defaultResamples = 2000

    /// The middle value, or the mean of the two in the middle. Nil for none.
    public static func median(_ values: [Double]) -> Double? { quantile(values, 0.5) }

    /// The quantile by linear interpolation between order statistics: type 7 of Hyndman and Fan
    /// (The American Statistician 50, 1996), the default of R and NumPy.
    ///
    /// - Parameter share: 0…1.
    public static func quantile(_ values: [Double], _ share: Double) -> Double? {
        precondition((0...1).contains(share), "a quantile's share is within 0…1")
        guard !values.isEmpty else { return nil }
        return quantile(sorted: values.sorted(), share)
    }

    /// The median distance from the median, not scaled. Nil for none.
    public static func medianAbsoluteDeviation(_ values: [Double]) -> Double? {
        guard let centre = median(values) else { return nil }
        return median(values.map { abs($0 - centre) })
    }

    /// Nil for none, and where a value is not above 0.
    public static func geometricMean(_ values: [Double]) -> Double? {
        guard !values.isEmpty, values.allSatisfy({ $0 > 0 }) else { return nil }
        return exp(values.reduce(0) { $0 + log($1) } / Double(values.count))
    }

    /// Jain's index (sum x)^2 / (n · sum x^2): 1 for equal shares, 1/n where one has everything.
    /// Nil for none, for a negative share, and where all are zero.
    ///
    /// Source: Jain, Chiu and Hawe, DEC-TR-301, 1984.
    public static func jainIndex(_ shares: [Double]) -> Double? {
        guard let largest = shares.max(), largest > 0, shares.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        // Scaled first, so that squares of large counts keep their precision.
        let scaled = shares.map { $0 / largest }
        let sum = scaled.reduce(0, +)
        return sum * sum / (Double(scaled.count) * scaled.reduce(0) { $0 + $1 * $1 })
    }

    /// Holm's step-down correction of p-values, in the order given; each at most 1.
    ///
    /// Source: Holm, Scandinavian Journal of Statistics 6, 1979.
    public static func holmAdjusted(_ pValues: [Double]) -> [Double] {
        precondition(
            pValues.allSatisfy { (0...1).contains($0) }, "a p-value is within 0…1")
        var adjusted = pValues
        var running = 0.0
        let ascending = pValues.indices.sorted { pValues[$0] < pValues[$1] }
        for (rank, index) in ascending.enumerated() {
            running = max(running, min(1, Double(pValues.count - rank) * pValues[index]))
            adjusted[index] = running
        }
        return adjusted
    }

    /// Percentile bootstrap of the median. The values are one figure per round: resampling single
    /// samples would pretend that those of one round are independent.
    ///
    /// - Parameters:
    ///   - perRound: Finite. Fewer than `minimumRoundsForInterval` give nil.
    ///   - level: 0 ..< 1, of confidence.
    ///   - seed: The same input and seed give the same interval.
    public static func bootstrapMedian(
        _ perRound: [Double], level: Double = 0.95, resamples: Int = defaultResamples,
        seed: UInt64
    ) -> Interval? {
        precondition(level > 0 && level < 1, "a level of confidence is between 0 and 1")
        precondition(resamples > 0, "a bootstrap needs resamples")
        guard perRound.count >= minimumRoundsForInterval else { return nil }
        let sorted = perRound.sorted()
        var generator = SeededGenerator(seed: seed)
        var hits = [Int](repeating: 0, count: sorted.count)
        var medians: [Double] = []
        medians.reserveCapacity(resamples)
        for _ in 0..<resamples {
            for index in hits.indices { hits[index] = 0 }
            for _ in sorted.indices {
                hits[Int(UInt64(sorted.count).multipliedFullWidth(by: generator.next()).high)] += 1
            }
            medians.append(median(of: sorted, hits: hits))
        }
        medians.sort()
        let tail = (1 - level) / 2
        return Interval(
            lower: quantile(sorted: medians, tail), upper: quantile(sorted: medians, 1 - tail),
            level: level)
    }

    /// How many times larger `numerator` is, paired by round, so that what slows a whole round
    /// cancels out. Nil where no round is in both; values not above 0 are left out.
    ///
    /// - Parameters:
    ///   - numerator: A figure by round index.
    ///   - denominator: Of the other cell, by round index.
    public static func pairedRatio(
        _ numerator: [Int: Double], _ denominator: [Int: Double], level: Double = 0.95,
        resamples: Int = defaultResamples, seed: UInt64
    ) -> RatioEstimate? {
        let logs = numerator.keys.sorted().compactMap { round -> Double? in
            guard let above = numerator[round], let below = denominator[round] else { return nil }
            return above > 0 && below > 0 ? log(above / below) : nil
        }
        guard let middle = median(logs) else { return nil }
        let interval = bootstrapMedian(logs, level: level, resamples: resamples, seed: seed)
        return RatioEstimate(
            ratio: exp(middle),
            interval: interval.map {
                Interval(lower: exp($0.lower), upper: exp($0.upper), level: level)
            }, pairs: logs.count)
    }

    /// The median of a resample, given how often each of the sorted values was drawn.
    static func median(of sorted: [Double], hits: [Int]) -> Double {
        let lowRank = (sorted.count - 1) / 2
        let highRank = sorted.count / 2
        var seen = 0
        var low: Double?
        for (value, count) in zip(sorted, hits) {
            seen += count
            if low == nil, seen > lowRank { low = value }
            if seen > highRank { return ((low ?? value) + value) / 2 }
        }
        preconditionFailure("a resample has as many draws as values")
    }

    private static func quantile(sorted: [Double], _ share: Double) -> Double {
        let position = share * Double(sorted.count - 1)
        let below = Int(position.rounded(.down))
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }
}
