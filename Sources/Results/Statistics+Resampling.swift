import FaultModel
import Foundation

extension Statistics {
    /// The ratio of the medians of two independent samples, with a percentile-bootstrap interval in
    /// which the rounds of each are resampled by themselves. Nil where either has none or a median
    /// is not above 0.
    ///
    /// - Parameters:
    ///   - numerator: One figure per round, finite. With fewer than `minimumRoundsForInterval` on
    ///     either side there is no interval.
    ///   - seed: The same input and seed give the same interval.
    public static func ratioOfMedians(
        _ numerator: [Double], to denominator: [Double], level: Double = 0.95,
        resamples: Int = defaultResamples, seed: UInt64
    ) -> RatioEstimate? {
        guard let above = median(numerator), let below = median(denominator), above > 0, below > 0
        else { return nil }
        let pairs = min(numerator.count, denominator.count)
        guard pairs >= minimumRoundsForInterval else {
            return RatioEstimate(ratio: above / below, interval: nil, pairs: pairs)
        }
        var generator = SeededGenerator(seed: seed)
        var ratios: [Double] = []
        ratios.reserveCapacity(resamples)
        let (tops, bottoms) = (numerator.sorted(), denominator.sorted())
        for _ in 0..<resamples {
            let top = resampledMedian(tops, &generator)
            let bottom = resampledMedian(bottoms, &generator)
            if bottom > 0 { ratios.append(top / bottom) }
        }
        let tail = (1 - level) / 2
        guard let lower = quantile(ratios, tail), let upper = quantile(ratios, 1 - tail) else {
            return nil
        }
        return RatioEstimate(
            ratio: above / below, interval: Interval(lower: lower, upper: upper, level: level),
            pairs: pairs)
    }

    private static func resampledMedian(
        _ sorted: [Double], _ generator: inout SeededGenerator
    ) -> Double {
        var hits = [Int](repeating: 0, count: sorted.count)
        for _ in sorted.indices {
            hits[Int(UInt64(sorted.count).multipliedFullWidth(by: generator.next()).high)] += 1
        }
        return median(of: sorted, hits: hits)
    }
}
