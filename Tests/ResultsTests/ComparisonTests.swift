import Histogram
import Testing

@testable import Results

@Suite("Comparing two runs") struct ComparisonTests {
    static func rounds(
        _ rates: [Int], canaryNs: Double = 290, switches: Int = 0
    ) -> [RoundRecord] {
        rates.enumerated().map { index, rate in
            Sample.round(
                index, canaryNs: canaryNs, bursts: [Sample.burst(rate, switches: switches)])
        }
    }

    static func run(_ cells: [CellRecord], fingerprint: String? = "f00d") -> RunDocument {
        var document = Sample.document(cells: cells, rounds: 20)
        document.environment["fingerprint"] = fingerprint
        return document
    }

    static let nine = [980, 985, 990, 995, 1000, 1005, 1010, 1015, 1020]

    private func reason(_ old: [CellRecord], _ new: [CellRecord]) throws -> String {
        let rows = try RunComparison(Self.run(old), Self.run(new)).rows
        guard case .incomparable(let reason) = rows[0].outcome else { return "compared" }
        return reason
    }

    @Test("a slower build is slower, the same build is the same")
    func verdicts() throws {
        let old = Sample.cell("spsc", rounds: Self.rounds(Self.nine))
        let cases: [(Double, RunComparison.Verdict)] = [
            (0.8, .slower), (1.2, .faster), (0.985, .unclear),
        ]
        for (factor, expected) in cases {
            let rates = Self.nine.map { Int(Double($0) * factor) }
            let new = Sample.cell("spsc", rounds: Self.rounds(rates))
            let row = try RunComparison(Self.run([old]), Self.run([new])).rows[0]
            guard case .changes(let changes) = row.outcome else {
                Issue.record("not compared")
                return
            }
            #expect(changes.map(\.verdict) == [expected])
            #expect(abs(changes[0].ratio.ratio - factor) < 0.001)
        }
        var options = RunComparison.Options()
        options.tolerance = 0.04
        let same = try RunComparison(Self.run([old]), Self.run([old]), options: options).rows[0]
        guard case .changes(let changes) = same.outcome else { throw Missing() }
        #expect(changes[0].verdict == .same && changes[0].ratio.ratio == 1)
    }

    struct Missing: Error {}

    @Test("each reason not to compare a cell is given")
    func reasons() throws {
        let whole = Sample.cell("spsc", rounds: Self.rounds(Self.nine))
        #expect(try reason([whole], [whole]) == "compared")
        #expect(try reason([], [whole]) == "only in the second run")
        #expect(try reason([whole], []) == "only in the first run")
        let few = Sample.cell("spsc", rounds: Self.rounds([1000, 1001, 1002, 1003]))
        #expect(try reason([whole], [few]).hasPrefix("too few clean rounds: 9, then 4"))
        var other = whole
        other.measure = .latency
        #expect(try reason([whole], [other]).hasPrefix("other measure"))
        var (left, right) = (whole, whole)
        left.workloadFingerprint = "1"
        right.workloadFingerprint = "2"
        #expect(try reason([left], [right]).hasPrefix("other workload"))
        let moved = Sample.cell("spsc", rounds: Self.rounds(Self.nine, canaryNs: 1145))
        #expect(try reason([whole], [moved]).contains("290 ns, then 1145 ns"))
        let absurd = Sample.cell("spsc", rounds: Self.rounds(Self.nine, canaryNs: 1e300))
        #expect(try reason([whole], [absurd]).contains("290 ns, then 1e+300 ns"))
        var broken = whole
        broken.rounds[3].check.violations = ["lost"]
        #expect(try reason([broken], [whole]).contains("check failed"))
    }

    @Test("other environments are refused with what differs, but for ratios to the control")
    func environments() throws {
        let cells = [
            Sample.cell("spsc", rounds: Self.rounds(Self.nine)),
            Sample.cell("spsc-c", rounds: Self.rounds(Self.nine)),
        ]
        var (old, new) = (Self.run(cells), Self.run(cells, fingerprint: "beef"))
        new.environment["kernel.release"] = "7.0.0"
        let error = #expect(throws: ComparisonRefusal.self) { try RunComparison(old, new) }
        #expect(error?.description.contains("kernel.release: 6.18.0, then 7.0.0") == true)
        var options = RunComparison.Options()
        options.acrossMachines = true
        // A machine twice as fast: no change of the ratio to the control.
        for index in new.cells.indices {
            new.cells[index].rounds = Self.rounds(Self.nine.map { $0 * 2 })
        }
        let rows = try RunComparison(old, new, options: options).rows
        guard case .changes(let changes) = rows[0].outcome else { throw Missing() }
        #expect(changes[0].ratio.ratio == 1 && changes[0].before == 1)
        #expect(rows[1].outcome == .incomparable("the control itself"))
        old.environment["fingerprint"] = nil
        new.environment["fingerprint"] = nil
        #expect(throws: ComparisonRefusal.self) { try RunComparison(old, new) }
    }

    /// The median of a resample of nine is the k-th value with the probability that the binomial
    /// distribution gives; the ends are quantiles of the ratio of two such, by enumeration.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func ratioOfMediansHasTheExactEnds(seed: UInt64) throws {
        let values = [1.0, 2, 4, 8, 16]
        let exact = [181, 811, 1141, 811, 181].map { Double($0) / 3125 }
        #expect(abs(exact.reduce(0, +) - 1) < 1e-12)
        var outcomes: [(ratio: Double, weight: Double)] = []
        for (top, p) in zip(values, exact) {
            for (bottom, q) in zip(values, exact) { outcomes.append((top / bottom, p * q)) }
        }
        outcomes.sort { $0.ratio < $1.ratio }
        func quantile(_ share: Double) -> Double {
            var sum = 0.0
            for outcome in outcomes {
                sum += outcome.weight
                if sum >= share { return outcome.ratio }
            }
            return outcomes[outcomes.count - 1].ratio
        }
        let found = try #require(
            Statistics.ratioOfMedians(values, to: values, resamples: 40_000, seed: seed))
        #expect(found.ratio == 1)
        #expect(found.interval?.lower == quantile(0.025))
        #expect(found.interval?.upper == quantile(0.975))
        #expect(Statistics.ratioOfMedians([1, 2], to: values, seed: 1)?.interval == nil)
        #expect(Statistics.ratioOfMedians([], to: values, seed: 1) == nil)
        #expect(Statistics.ratioOfMedians([0], to: values, seed: 1) == nil)
    }

    @Test("the other way round, a ratio and its interval are the reciprocals")
    func mirrored() throws {
        for seed in 1...40 as ClosedRange<UInt64> {
            let left = ChangePointTests.noise(9, seed: seed).map { 100 + $0 }
            let right = ChangePointTests.noise(8, seed: seed + 100).map { 102 + $0 }
            let there = try #require(Statistics.ratioOfMedians(left, to: right, seed: seed))
            let back = try #require(Statistics.ratioOfMedians(right, to: left, seed: seed))
            let (one, other) = (try #require(there.interval), try #require(back.interval))
            for product in [
                there.ratio * back.ratio, one.lower * other.upper, one.upper * other.lower,
            ] {
                #expect(abs(product - 1) < 1e-12, "\(there), \(back)")
            }
        }
    }

    /// 100 and 110 in equal parts: every sample stands for ten nanoseconds around it, so the mass
    /// is even from 95 to 115 and its middle is 105. Three in four at 100: a third of the way on.
    @Test func percentilesBetweenTheClocksSteps() throws {
        func histogram(_ low: UInt64, _ high: UInt64) -> Histogram<UInt64> {
            var histogram = Histogram<UInt64>(
                highestTrackableValue: 1_000_000, numberOfSignificantValueDigits: .three)
            histogram.record(100, count: low)
            histogram.record(110, count: high)
            return histogram
        }
        for (low, high, expected) in [
            (500, 500, 105.0), (750, 250, 95 + 20.0 / 3), (999, 1, 100.0),
        ]
            as [(UInt64, UInt64, Double)]
        {
            let found = try #require(
                histogram(low, high).smoothPercentileNs(perMille: 500, stepNs: 10))
            #expect(abs(found - expected) < 0.02, "\(low), \(high): \(found)")
        }
        #expect(histogram(500, 490).smoothPercentileNs(perMille: 990, stepNs: 10) == nil)
    }
}
