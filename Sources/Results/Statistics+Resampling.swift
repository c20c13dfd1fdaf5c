import FaultModel
import Foundation

extension Statistics {
    /// The ratio of the medians of two independent samples, with a percentile-bootstrap interval in
    /// which the rounds of each are resampled by themselves. Nil where either has none or a median
    /// is not above 0.
    ///
    /// Every two streams of random numbers are used both ways round, and the ends of the interval
    /// are the same ranks from below and from above. So the ratio the other way round has the
    /// reciprocals of both ends, whatever the seed, up to a rounding.
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
        ratios.reserveCapacity(resamples + 1)
        let (tops, bottoms) = (numerator.sorted(), denominator.sorted())
        for _ in 0..<(resamples + 1) / 2 {
            let one = SeededGenerator(seed: generator.next())
            let other = SeededGenerator(seed: generator.next())
            for (left, right) in [(one, other), (other, one)] {
                let (top, bottom) = (resampledMedian(tops, left), resampledMedian(bottoms, right))
                if top > 0, bottom > 0 { ratios.append(top / bottom) }
            }
        }
        guard !ratios.isEmpty else { return nil }
        ratios.sort()
        let rank = Int((1 - level) / 2 * Double(ratios.count - 1))
        let interval = Interval(
            lower: ratios[rank], upper: ratios[ratios.count - 1 - rank], level: level)
        return RatioEstimate(ratio: above / below, interval: interval, pairs: pairs)
    }

    private static func resampledMedian(_ sorted: [Double], _ start: SeededGenerator) -> Double {
        var generator = start
        var hits = [Int](repeating: 0, count: sorted.count)
        for _ in sorted.indices {
            hits[Int(UInt64(sorted.count).multipliedFullWidth(by: generator.next()).high)] += 1
        }
        return median(of: sorted, hits: hits)
    }
}
