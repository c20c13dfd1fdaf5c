import Testing

@testable import Reports
@testable import Results

@Suite struct KneeTableTests {
    private func point(_ rate: Double, _ p99Ns: Double) -> KneeTable.Point {
        KneeTable.Point(offeredPerSecond: rate, p99Ns: p99Ns)
    }

    @Test func theKneeIsBelowTheFirstRateThatGoesBeyond() {
        let points = [point(3, 9_000), point(1, 100), point(4, 20_000), point(2, 200)]
        #expect(KneeTable.knee(points).within == point(3, 9_000))
        #expect(KneeTable.knee(points).beyond == point(4, 20_000))
    }

    @Test func aRateThatRecoversDoesNotCount() {
        let points = [point(1, 100), point(2, 20_000), point(3, 100)]
        #expect(KneeTable.knee(points).within == point(1, 100))
    }

    @Test func noKneeWhereEveryRateIsOnOneSide() {
        #expect(KneeTable.knee([point(1, 100), point(2, 10_000)]).beyond == nil)
        #expect(KneeTable.knee([point(1, 10_001)]).within == nil)
        #expect(KneeTable.knee([]).within == nil)
    }

    @Test func aSweepsNamesDifferInTheirNumber() {
        #expect(KneeTable.family(of: "load-10") == "load")
        #expect(KneeTable.family(of: "load-10") == KneeTable.family(of: "load-9"))
        for name in ["poisson-1m", "trace-numpy", "load", "load-", "-10", ""] {
            #expect(KneeTable.family(of: name) == nil, "\(name)")
        }
    }

    @Test func aSweepHasATableAndTwoRatesDoNot() {
        var run = SyntheticRun()
        for (place, rate) in [1e6, 2e6, 4e6].enumerated() {
            run.addRoundTrip(
                "spsc", medianNs: 100, tailNs: place == 2 ? 50_000 : 1_000, blame: TailBlame())
            let last = run.document.cells.count - 1
            run.document.cells[last].measure = .openLoop
            run.document.cells[last].key.workload = "load-\(place)"
            run.document.cells[last].offeredPerSecond = rate
        }
        let text = RunReport.text(run.document, Style())
        #expect(text.contains("ring · load · same-l3 · 1 to 1\n"))
        #expect(text.contains("2.00 M/s"))
        #expect(text.split(separator: "\n").allSatisfy { TextWidth.columns(String($0)) <= 80 })
        run.document.cells.removeLast()
        #expect(!RunReport.text(run.document, Style()).contains("· load ·"))
    }
}
