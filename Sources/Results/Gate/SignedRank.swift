import Foundation

/// Wilcoxon's signed-rank test, the estimate and the interval that belong to it.
///
/// Where the labels of what is compared were drawn at random, the signs of the differences are
/// random too if there is no effect: the test then keeps its level whatever the noise looks like.
/// Ranks keep single outliers, of which shared machines have many, from deciding anything.
/// Source: Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 3.1 to 3.3.
public enum SignedRank {
    /// How likely so large a sum of positive ranks is if the values are symmetric around `shift`
    /// or below it. Exact up to 64 values without ties; ties count as the next smaller sum, which
    /// errs towards a larger p-value. Beyond, the normal approximation with its corrections.
    public static func pValue(of values: [Double], above shift: Double) -> Double {
        let differences = values.map { $0 - shift }.filter { $0 != 0 }
        guard !differences.isEmpty else { return 1 }
        let ordered = differences.sorted { abs($0) < abs($1) }
        let count = ordered.count
        var sum = 0.0
        var tieCorrection = 0.0
        var start = 0
        while start < count {
            var end = start + 1
            while end < count, abs(ordered[end]) == abs(ordered[start]) { end += 1 }
            let rank = Double(start + end + 1) / 2
            for value in ordered[start..<end] where value > 0 { sum += rank }
            let ties = Double(end - start)
            tieCorrection += ties * ties * ties - ties
            start = end
        }
        if count <= exactLimit { return exactTail(count: count, from: Int(sum.rounded(.down))) }
        let n = Double(count)
        let variance = n * (n + 1) * (2 * n + 1) / 24 - tieCorrection / 48
        guard variance > 0 else { return sum > 0 ? 0 : 1 }
        return Normal.upperTail((sum - n * (n + 1) / 4 - 0.5) / variance.squareRoot())
    }

    /// How likely so small a sum is if the values are symmetric around `shift` or above it.
    public static func pValue(of values: [Double], below shift: Double) -> Double {
        pValue(of: values.map { -$0 }, above: -shift)
    }

    /// Hodges and Lehmann's estimate of the centre: the median of the means of all pairs, each
    /// value with itself included. Nil for none.
    public static func centre(of values: [Double]) -> Double? {
        Statistics.median(pairMeans(values))
    }

    /// The values of the centre that the test would not refuse, two-sided, at 1 − `level`. Nil
    /// where no interval reaches the level.
    public static func interval(for values: [Double], level: Double) -> Interval? {
        precondition(level > 0 && level < 1, "a level of confidence is between 0 and 1")
        let tail = (1 - level) / 2
        let count = values.count
        let means = pairMeans(values).sorted()
        // How many of the smallest means lie outside.
        var cut: Int
        if count <= exactLimit {
            cut = 0
            while cut < means.count / 2,
                exactTail(count: count, from: means.count - cut) <= tail
            { cut += 1 }
        } else {
            let n = Double(count)
            let deviation = (n * (n + 1) * (2 * n + 1) / 24).squareRoot()
            cut = Int((n * (n + 1) / 4 - Normal.upperQuantile(tail) * deviation).rounded(.down))
        }
        guard cut > 0 else { return nil }
        return Interval(lower: means[cut - 1], upper: means[means.count - cut], level: level)
    }

    private static func pairMeans(_ values: [Double]) -> [Double] {
        var means: [Double] = []
        means.reserveCapacity(values.count * (values.count + 1) / 2)
        for (index, value) in values.enumerated() {
            for other in values[index...] { means.append((value + other) / 2) }
        }
        return means
    }

    static let exactLimit = 64

    /// P(sum of positive ranks ≥ `from`) of `count` values, 1…64.
    static func exactTail(count: Int, from: Int) -> Double {
        let tail = tails[count]
        return from <= 0 ? 1 : from < tail.count ? tail[from] : 0
    }

    /// By number of values: the upper tail at each sum from 0.
    private static let tails: [[Double]] = {
        var tails: [[Double]] = [[1]]
        var shares = [1.0]
        for rank in 1...exactLimit {
            var next = [Double](repeating: 0, count: shares.count + rank)
            for (sum, share) in shares.enumerated() {
                next[sum] += share / 2
                next[sum + rank] += share / 2
            }
            shares = next
            var tail = next
            for sum in (0..<(tail.count - 1)).reversed() { tail[sum] += tail[sum + 1] }
            // The sum of all shares may come out a rounding above 1.
            tails.append(tail.map { min($0, 1) })
        }
        return tails
    }()
}

/// The standard normal distribution.
public enum Normal {
    /// P(Z > z).
    public static func upperTail(_ z: Double) -> Double { erfc(z / 2.0.squareRoot()) / 2 }

    /// The z with P(Z > z) = `tail`, which is between 0 and 1.
    public static func upperQuantile(_ tail: Double) -> Double {
        precondition(tail > 0 && tail < 1, "a tail is between 0 and 1")
        var (low, high) = (-40.0, 40.0)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if upperTail(middle) > tail { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}

extension Statistics {
    /// The interval of Clopper and Pearson for a probability, from `successes` in `trials`.
    public static func proportionInterval(
        successes: Int, trials: Int, level: Double = 0.95
    ) -> Interval {
        precondition(trials > 0 && (0...trials).contains(successes), "successes are of the trials")
        let tail = (1 - level) / 2
        /// P(at least `count` successes) at probability `p`.
        func atLeast(_ count: Int, _ p: Double) -> Double {
            guard count > 0 else { return 1 }
            return (count...trials).reduce(0) { sum, k in
                let logChoose =
                    lgamma(Double(trials + 1)) - lgamma(Double(k + 1))
                    - lgamma(Double(trials - k + 1))
                let logP = Double(k) * log(p) + Double(trials - k) * log1p(-p)
                return sum + exp(logChoose + logP)
            }
        }
        func root(_ isBelow: (Double) -> Bool) -> Double {
            var (low, high) = (0.0, 1.0)
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if isBelow(middle) { low = middle } else { high = middle }
            }
            return (low + high) / 2
        }
        let lower = successes == 0 ? 0 : root { atLeast(successes, $0) < tail }
        let upper = successes == trials ? 1 : root { atLeast(successes + 1, $0) < 1 - tail }
        return Interval(lower: lower, upper: upper, level: level)
    }
}
