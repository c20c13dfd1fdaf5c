import FaultModel

/// Where a series changes its distribution: E-divisive with a permutation test.
///
/// The best split of a stretch maximises the energy distance between its two sides, whatever their
/// distributions are. It counts where few random orders of the stretch have as good a split; then
/// both sides are searched in turn. Sources: Matteson and James, "A Nonparametric Approach for
/// Multiple Change Point Analysis of Multivariate Data" (2014), and its use on benchmarks by
/// MongoDB and by Hunter.
public enum ChangePoints {
    public struct Point: Sendable, Equatable {
        /// Of the first value after the change.
        public let index: Int
        /// Share of orders, this one included, with as good a split; above 0.
        public let pValue: Double

        public init(index: Int, pValue: Double) {
            self.index = index
            self.pValue = pValue
        }
    }

    /// Fewest values on a side: one value apart is an outlier, no change.
    public static let minimumSide = 2

    /// The changes, ascending by index.
    ///
    /// - Parameters:
    ///   - series: Finite, in order of time.
    ///   - level: Largest p-value of a change, 0…1.
    ///   - permutations: At least 1/level, or nothing is ever found. A stretch that cannot reach
    ///     the level any more is given up early.
    ///   - seed: The same input and seed give the same points.
    public static func find(
        in series: [Double], level: Double = 0.01, permutations: Int = 999, seed: UInt64
    ) -> [Point] {
        precondition((0...1).contains(level), "a level is within 0…1")
        var generator = SeededGenerator(seed: seed)
        var points: [Point] = []
        var stretches = [0..<series.count]
        while let stretch = stretches.popLast() {
            let values = Array(series[stretch])
            guard let best = bestSplit(of: values), best.distance > 0 else { continue }
            var asGood = 1
            let allowed = level * Double(permutations + 1)
            for _ in 0..<permutations where Double(asGood) <= allowed {
                guard let other = bestSplit(of: values.shuffled(using: &generator)) else { break }
                // Equal up to rounding is as good.
                if other.distance >= best.distance * (1 - 1e-12) { asGood += 1 }
            }
            let pValue = Double(asGood) / Double(permutations + 1)
            guard pValue <= level else { continue }
            let place = stretch.lowerBound + best.index
            points.append(Point(index: place, pValue: pValue))
            stretches += [stretch.lowerBound..<place, place..<stretch.upperBound]
        }
        return points.sorted { $0.index < $1.index }
    }

    /// The smallest p-value that any series of so many values can have: whatever its best split,
    /// orders within the two sides, and with the sides exchanged, have as good a one.
    public static func leastPValue(count: Int) -> Double {
        guard count >= 2 * minimumSide else { return 1 }
        // 2 / C(count, half): even halves leave the fewest such orders.
        let half = count / 2
        return (1...half).reduce(2) { $0 * Double($1) / Double(count - half + $1) }
    }

    /// The split with the largest energy distance, scaled by m·n/(m+n); nil where a side would be
    /// too short.
    static func bestSplit(of values: [Double]) -> (index: Int, distance: Double)? {
        let count = values.count
        guard count >= 2 * minimumSide else { return nil }
        // Sums of distances within the left side, within the right side and between them, kept up
        // while values move from right to left.
        var within = 0.0
        var between = 0.0
        var beyond = 0.0
        for i in 0..<count {
            for j in (i + 1)..<max(count, i + 1) { beyond += abs(values[i] - values[j]) }
        }
        var best: (index: Int, distance: Double)?
        for split in 1..<count {
            let moved = values[split - 1]
            var toLeft = 0.0
            var toRight = 0.0
            for i in 0..<(split - 1) { toLeft += abs(values[i] - moved) }
            for i in split..<count { toRight += abs(values[i] - moved) }
            within += toLeft
            between += toRight - toLeft
            beyond -= toRight
            guard split >= minimumSide, count - split >= minimumSide else { continue }
            let (m, n) = (Double(split), Double(count - split))
            let distance =
                m * n / (m + n)
                * (2 * between / (m * n) - 2 * within / (m * m) - 2 * beyond / (n * n))
            if best == nil || distance > best!.distance { best = (split, distance) }
        }
        return best
    }
}
