import Testing

@testable import Results

@Suite("The signed-rank test") struct SignedRankTests {
    /// Hollander and Wolfe's depression scores, as in R's help on wilcox.test: V = 40, p = 0.01953,
    /// estimate 0.46, 95 % interval 0.01 to 0.786.
    static let scores = [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01]

    @Test func depressionScores() throws {
        #expect(abs(SignedRank.pValue(of: Self.scores, above: 0) - 0.01953125) < 1e-12)
        #expect(try abs(#require(SignedRank.centre(of: Self.scores)) - 0.46) < 1e-12)
        let interval = try #require(SignedRank.interval(for: Self.scores, level: 0.95))
        #expect(abs(interval.lower - 0.01) < 1e-12 && abs(interval.upper - 0.786) < 1e-12)
    }

    /// Published critical values: P(T ≤ 8) for n = 10 is 0.0244, P(T ≤ 52) for n = 20 is 0.0242,
    /// P(T ≤ 0) for n = 6 is 1/64.
    @Test func publishedTables() {
        #expect(abs(SignedRank.exactTail(count: 10, from: 55 - 8) - 0.0244) < 5e-5)
        #expect(abs(SignedRank.exactTail(count: 20, from: 210 - 52) - 0.0242) < 5e-5)
        #expect(SignedRank.exactTail(count: 6, from: 21) == 1.0 / 64)
        #expect(SignedRank.exactTail(count: 6, from: 22) == 0)
        for count in 1...SignedRank.exactLimit {
            #expect(SignedRank.exactTail(count: count, from: 0) == 1)
            #expect((0...count).allSatisfy { SignedRank.exactTail(count: count, from: $0) <= 1 })
        }
    }

    @Test("all of one sign, none, and ties")
    func edges() {
        #expect(SignedRank.pValue(of: [1, 2, 3, 4], above: 0) == 1.0 / 16)
        #expect(SignedRank.pValue(of: [1, 2, 3, 4], below: 5) == 1.0 / 16)
        #expect(SignedRank.pValue(of: [], above: 0) == 1)
        #expect(SignedRank.pValue(of: [2, 2], above: 2) == 1)
        #expect(SignedRank.centre(of: []) == nil)
        // With ties the sum is cut to a whole one: never more certain than without them.
        #expect(SignedRank.pValue(of: [1, 1, 1, -1], above: 0) >= 5.0 / 16)
        #expect(SignedRank.interval(for: [1, 2, 3, 4], level: 0.95) == nil)
    }

    /// Beyond the exact limit the normal approximation takes over without a step.
    @Test func approximationJoinsTheExactTail() {
        let values = (1...64).map { Double($0 % 3 == 0 ? -$0 : $0) }
        let exact = SignedRank.pValue(of: values, above: 0)
        let more = SignedRank.pValue(of: values + [0.5], above: 0)
        #expect(exact > 1e-5 && exact < 0.01)
        #expect(abs(more / exact - 1) < 0.15, "\(exact), \(more)")
    }

    /// SciPy: wilcoxon(method="asymptotic", correction=True), above 0 and below 0.3, with
    /// one zero and several ties.
    @Test func approximationIsThatOfSciPy() {
        let values = [
            2.241, -2.356, 0.618, -0.368, -0.253, -0.016, -1.82, -0.032, -0.665, 3.523, 0.426,
            -0.153, -0.081, -0.468, -0.855, -0.191, 0.682, -0.039, 1.158, 0.0, 0.224, 1.746, 0.745,
            -0.305, 0.017, 0.741, 2.135, -0.07, -0.044, 1.202, -0.686, -0.092, 1.083, 0.78, 0.292,
            0.87, -2.628, 1.221, -0.76, -1.469, 0.476, 0.901, -0.245, -0.876, 0.226, 0.147, 1.606,
            0.947, 0.394, 1.312, -0.006, -0.726, 0.784, 0.783, -0.015, -0.583, 0.429, -2.294, 0.89,
            0.691, -1.439, 0.261, -0.764, 0.957, -1.834, -0.714, 0.91, 1.356, -1.958, -0.298, 0.528,
            -0.409, 1.791, -0.991, 0.555, -0.848, 1.606, 0.178, -0.172, -1.518,
        ]
        #expect(abs(SignedRank.pValue(of: values, above: 0) - 0.15295481306006675) < 1e-9)
        #expect(abs(SignedRank.pValue(of: values, below: 0.3) - 0.07475189766695288) < 1e-9)
    }

    /// SciPy: norm.isf and norm.sf.
    @Test func normalTail() {
        #expect(abs(Normal.upperQuantile(0.025) - 1.959963984540054) < 1e-9)
        #expect(abs(Normal.upperQuantile(0.2) - 0.8416212335729143) < 1e-9)
        #expect(abs(Normal.upperTail(3) - 0.0013498980316300933) < 1e-12)
        #expect(abs(Normal.upperQuantile(1e-6) - 4.753424308822899) < 1e-6)
    }

    /// SciPy: binomtest(…).proportion_ci(method="exact").
    @Test(arguments: [
        (0, 100, 0, 0.03621669264517641), (5, 10, 0.18708602844739855, 0.8129139715526016),
        (100, 100, 0.9637833073548236, 1), (95, 100, 0.8871650888945999, 0.9835681208204419),
    ])
    func proportions(successes: Int, trials: Int, lower: Double, upper: Double) {
        let found = Statistics.proportionInterval(successes: successes, trials: trials)
        #expect(abs(found.lower - lower) < 1e-6 && abs(found.upper - upper) < 1e-6, "\(found)")
    }
}
