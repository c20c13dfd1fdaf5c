import Testing

@testable import Results

/// Expected figures come from SciPy 1.17 and NumPy 2.4.
struct StatisticsTests {
    static let nine = [12.5, 3.25, 8.0, 15.75, 9.5, 7.125, 11.0, 2.0, 30.0]
    static let ten = nine + [4.5]

    @Test func medianOfOddAndEvenCounts() {
        #expect(Statistics.median(Self.nine) == 9.5)
        #expect(Statistics.median(Self.ten) == 8.75)
        #expect(Statistics.median([7]) == 7)
        #expect(Statistics.median([]) == nil)
    }

    @Test(arguments: [
        (0, 2.0), (0.1, 3.125), (0.25, 5.15625), (0.333, 7.117125), (0.5, 8.75),
        (0.9, 17.175), (0.99, 28.7175), (1, 30.0),
    ])
    func quantileIsTypeSeven(share: Double, expected: Double) throws {
        let found = try #require(Statistics.quantile(Self.ten, share))
        #expect(abs(found - expected) < 1e-12)
    }

    @Test func medianAbsoluteDeviation() {
        #expect(Statistics.medianAbsoluteDeviation(Self.nine) == 3)
        #expect(Statistics.medianAbsoluteDeviation(Self.ten) == 4)
        #expect(Statistics.medianAbsoluteDeviation([]) == nil)
    }

    @Test func geometricMean() throws {
        let found = try #require(Statistics.geometricMean(Self.nine))
        #expect(abs(found - 8.48793048882523) < 1e-12)
        #expect(Statistics.geometricMean([]) == nil)
        #expect(Statistics.geometricMean([1, 0]) == nil)
        #expect(Statistics.geometricMean([1, -2]) == nil)
    }

    @Test func jainIndex() throws {
        #expect(try abs(#require(Statistics.jainIndex([1, 2, 3, 4])) - 5.0 / 6) < 1e-15)
        #expect(Statistics.jainIndex([5, 5, 5]) == 1)
        #expect(try abs(#require(Statistics.jainIndex([0, 0, 9])) - 1.0 / 3) < 1e-15)
        #expect(Statistics.jainIndex([0, 0]) == nil)
        #expect(Statistics.jainIndex([]) == nil)
        #expect(Statistics.jainIndex([1, -1]) == nil)
    }

    /// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    @Test func holmKeepsTheOrderGiven() {
        let found = Statistics.holmAdjusted([0.01, 0.04, 0.03, 0.005])
        for (value, expected) in zip(found, [0.03, 0.06, 0.06, 0.02]) {
            #expect(abs(value - expected) < 1e-15)
        }
        #expect(Statistics.holmAdjusted([0.6, 0.7]) == [1, 1])
        #expect(Statistics.holmAdjusted([]).isEmpty)
    }

    /// With an odd count the median of a resample is one of the values, with a probability that
    /// the binomial distribution gives exactly: the ends do not depend on the random numbers.
    @Test(arguments: [1, 2, 99] as [UInt64])
    func bootstrapEndsAreThoseOfTheExactDistribution(seed: UInt64) {
        let seven = Statistics.bootstrapMedian([100, 101, 99, 103, 98, 102, 97], seed: seed)
        #expect(seven == Interval(lower: 98, upper: 102, level: 0.95))
        let wide = Self.nine + [10.25, 10.5, 13, 6.5, 5.5, 14, 16, 9]
        let seventeen = Statistics.bootstrapMedian(wide, seed: seed)
        #expect(seventeen == Interval(lower: 7.125, upper: 13, level: 0.95))
        let narrower = Statistics.bootstrapMedian(
            Self.nine, level: 0.9, resamples: 20_000, seed: seed)
        #expect(narrower == Interval(lower: 7.125, upper: 12.5, level: 0.9))
    }

    @Test func bootstrapDependsOnNeitherOrderNorCall() {
        let values = Self.ten
        let first = Statistics.bootstrapMedian(values, seed: 5)
        #expect(first != nil)
        #expect(first == Statistics.bootstrapMedian(values.reversed(), seed: 5))
        #expect(Statistics.bootstrapMedian([1, 2, 3, 4], seed: 5) == nil)
        #expect(
            Statistics.bootstrapMedian([4, 4, 4, 4, 4], seed: 5)
                == Interval(lower: 4, upper: 4, level: 0.95))
    }

    @Test func ratioPairsRoundsByIndex() throws {
        // Every round is worth a different level; only pairing shows the ratios.
        let below = [0: 1.0, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 9: 100]
        let above = [0: 1.1, 1: 2.3, 2: 3.2, 3: 4.1, 4: 5.6, 5: 6.6, 6: 7.9, 8: 1]
        let found = try #require(Statistics.pairedRatio(above, below, seed: 3))
        #expect(found.pairs == 7)
        #expect(abs(found.ratio - 1.1) < 1e-12)
        let interval = try #require(found.interval)
        #expect(abs(interval.lower - 1.0666666666666667) < 1e-12)
        #expect(abs(interval.upper - 1.1285714285714286) < 1e-12)
    }

    @Test func ratioWithoutEnoughPairs() throws {
        #expect(Statistics.pairedRatio([0: 1], [1: 1], seed: 1) == nil)
        let two = try #require(Statistics.pairedRatio([0: 2, 1: 8], [0: 1, 1: 1], seed: 1))
        #expect(abs(two.ratio - 4) < 1e-12)
        #expect(two.interval == nil)
        let partly = Statistics.pairedRatio([0: 0, 1: 6], [0: 1, 1: 2], seed: 1)
        #expect(partly?.pairs == 1)
    }

    @Test func reachIsTheLargerSide() {
        let interval = Interval(lower: 9, upper: 12, level: 0.95)
        #expect(interval.relativeReach(from: 10) == 0.2)
        #expect(interval.relativeReach(from: 0) == nil)
    }
}
