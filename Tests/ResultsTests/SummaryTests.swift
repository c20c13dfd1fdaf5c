import Histogram
import Testing

@testable import Results

struct SummaryTests {
    static func summary(_ cell: CellRecord) -> CellSummary {
        let document = Sample.document(cells: [cell], rounds: 100)
        return CellSummary(cell: cell, states: MachineStates(of: document), seed: 1)
    }

    static func latencyCell(_ rounds: [RoundRecord]) -> CellRecord {
        CellRecord(key: Sample.key("spsc"), measure: .roundTrip, rounds: rounds)
    }

    @Test func headlineIsTheMedianOfCleanBursts() throws {
        let bursts = [
            Sample.burst(1000), Sample.burst(3000), Sample.burst(2000),
            Sample.burst(500, switches: 2),
        ]
        let figures = try #require(
            Self.summary(Sample.cell("spsc", rounds: [Sample.round(0, bursts: bursts)])).throughput)
        #expect(figures.medianPerSecond == 2e6)
        #expect(figures.isFromCleanBursts)
        #expect(figures.markedShare == 0.25)
        #expect(figures.markedCost == 4)
        #expect(figures.failedTriesPerOperation == 0.1)
        #expect(figures.medianPerSecondByRound == [0: 2e6])
        #expect(figures.interval == nil)
        #expect(figures.fairness == nil)
        #expect(figures.bytesPerOperation == nil)
    }

    @Test func withoutACleanBurstAllAreShown() throws {
        let bursts = [Sample.burst(1000, switches: 1), Sample.burst(3000, switches: 1)]
        let figures = try #require(
            Self.summary(Sample.cell("spsc", rounds: [Sample.round(0, bursts: bursts)])).throughput)
        #expect(figures.medianPerSecond == 2e6)
        #expect(!figures.isFromCleanBursts)
        #expect(figures.markedCost == nil)
        #expect(figures.medianPerSecondByRound == [0: 2e6])
    }

    @Test func fairnessAndBytesCountProducers() throws {
        let threads = [
            Sample.thread("producer", operations: 1, bytes: 40),
            Sample.thread("producer", operations: 3, bytes: 40),
            Sample.thread("consumer", operations: 4, bytes: 16),
        ]
        let even = [
            Sample.thread("producer", operations: 2), Sample.thread("producer", operations: 2),
        ]
        let cell = Sample.cell(
            "mpsc", rounds: [Sample.round(0, threads: threads), Sample.round(1, threads: even)])
        let figures = try #require(Self.summary(cell).throughput)
        #expect(try abs(#require(figures.fairness) - 0.9) < 1e-12)
        #expect(figures.bytesPerOperation == 96.0 / 8)
        let unknown = Sample.cell(
            "mpsc",
            rounds: [
                Sample.round(0, threads: [Sample.thread("producer", operations: 1, bytes: nil)])
            ]
        )
        #expect(Self.summary(unknown).throughput?.bytesPerOperation == nil)
    }

    @Test func whatWasMeasuredBesideTheHeadlineIsMergedOverUsableRounds() throws {
        func encoded(_ values: [UInt64]) throws -> String {
            var histogram = Histogram<UInt64>(
                highestTrackableValue: 1_000_000, numberOfSignificantValueDigits: .three)
            for value in values { histogram.record(value) }
            return try HistogramCodec.encode(histogram)
        }
        var rounds = [Sample.round(0), Sample.round(1)]
        rounds[0].otherLatencies = ["flush": try encoded([UInt64](repeating: 100, count: 30))]
        rounds[0].counts = ["retries": 3]
        rounds[1].otherLatencies = ["flush": try encoded([UInt64](repeating: 200, count: 10))]
        rounds[1].counts = ["retries": 4, "timeouts": 1]
        let summary = Self.summary(Sample.cell("spsc", rounds: rounds))
        let flush = try #require(summary.otherLatencies["flush"])
        #expect(flush.samples == 40)
        #expect(flush.p50Ns == 100)
        #expect(flush.p99Ns == nil)
        #expect(flush.maxNs == 200)
        #expect(summary.counts == ["retries": 7, "timeouts": 1])

        rounds[1].check.violations = ["1 group lost"]
        let failed = Self.summary(Sample.cell("spsc", rounds: rounds))
        #expect(failed.otherLatencies.isEmpty)
        #expect(failed.counts.isEmpty)
    }

    @Test func slowRoundsAreLeftOut() throws {
        var rounds = (0..<8).map { Sample.round($0, canaryNs: 290 + Double($0)) }
        rounds[3] = Sample.round(3, canaryNs: 1145, bursts: [Sample.burst(1)])
        rounds[4].canaryBeforeNs = 1145
        rounds[5].canaryBeforeNs = nil
        rounds[5].canaryAfterNs = nil
        let document = Sample.document(cells: [Sample.cell("spsc", rounds: rounds)], rounds: 8)
        let states = MachineStates(of: document)
        #expect(states.rounds == 8)
        #expect(states.usableRounds == 6)
        #expect(states.lowerModeNs["same-l3"]! < 300)
        #expect(
            rounds.map { states.isUsable($0, placement: "same-l3") }
                == [true, true, true, false, false, true, true, true])
        let summary = CellSummary(cell: document.cells[0], states: states, seed: 1)
        #expect(summary.usableRounds == 6)
        #expect(summary.throughput?.medianPerSecondByRound.keys.sorted() == [0, 1, 2, 5, 6, 7])
        #expect(summary.throughput?.interval == Interval(lower: 1e6, upper: 1e6, level: 0.95))
        #expect(RunSummary(of: document).notes.count == 1)
    }

    @Test func eachPlacementHasItsOwnStates() {
        var far = Sample.cell("spsc", rounds: [Sample.round(0, canaryNs: 900)])
        far.key.placement = "cross-numa"
        let near = Sample.cell("spsc", rounds: [Sample.round(0), Sample.round(1)])
        let states = MachineStates(of: Sample.document(cells: [near, far]))
        #expect(states.usableRounds == 3)
        #expect(states.lowerModeNs == ["same-l3": 290, "cross-numa": 900])
    }

    @Test func fewUsableRoundsAreSaid() {
        let rounds = (0..<10).map { Sample.round($0, canaryNs: $0 < 5 ? 290 : 1145) }
        let document = Sample.document(cells: [Sample.cell("spsc", rounds: rounds)], rounds: 10)
        let notes = RunSummary(of: document).notes
        #expect(notes.contains { $0.hasPrefix("Only 5 of 10 rounds are usable") })
        #expect(notes.contains("The run is not finished: 10 of 10 rounds."))
    }

    @Test func aFailedCheckHidesEveryFigure() {
        let rounds = [
            Sample.round(0), Sample.round(1, canaryNs: 9000, violations: ["lost 2", "lost 3"]),
        ]
        let summary = Self.summary(Sample.cell("spsc", rounds: rounds))
        guard case .failed(let violations) = summary.outcome else {
            Issue.record("figures of a failed cell: \(summary.outcome)")
            return
        }
        #expect(violations == ["round 1: lost 2", "round 1: lost 3"])
        #expect(summary.headline == nil)
        #expect(summary.headlineByRound.isEmpty)
    }

    @Test func nothingToShowHasAReason() {
        func reason(_ cell: CellRecord) -> String? {
            if case .missing(let reason) = Self.summary(cell).outcome { return reason }
            return nil
        }
        #expect(reason(Sample.cell("spsc")) == "no round finished")
        let idle = [Sample.round(0, bursts: [])]
        #expect(reason(Sample.cell("spsc", rounds: idle)) == "no operation counted")
        #expect(reason(Self.latencyCell([Sample.round(0)])) == "no latency recorded")
        var damaged = Sample.round(0)
        damaged.latencyHistogram = "HIST"
        #expect(reason(Self.latencyCell([damaged])) == "the histogram has 3 bytes, expected 40")
    }

    @Test(
        arguments: [
            (19, [false, false, false, false]), (20, [true, false, false, false]),
            (99, [true, false, false, false]), (100, [true, true, false, false]),
            (999, [true, true, false, false]), (1000, [true, true, true, false]),
            (9999, [true, true, true, false]), (10000, [true, true, true, true]),
        ] as [(UInt64, [Bool])])
    func percentilesNeedTenSamplesAbove(count: UInt64, shown: [Bool]) throws {
        let cell = Self.latencyCell([Sample.round(0, histogram: Sample.ramp(count))])
        let figures = try #require(Self.summary(cell).latency)
        let found = [figures.p50Ns, figures.p90Ns, figures.p99Ns, figures.p999Ns]
        #expect(found.map { $0 != nil } == shown)
        #expect(figures.maxNs >= Double(count))
    }

    @Test func latenciesAreMergedNeverAveraged() throws {
        let rounds = [
            Sample.round(
                0, histogram: Sample.ramp(1000), blame: TailBlame(preemption: 1, scheme: 2)),
            Sample.round(
                1, histogram: Sample.ramp(3000, offset: 1000), blame: TailBlame(preemption: 4)),
        ]
        let figures = try #require(Self.summary(Self.latencyCell(rounds)).latency)
        #expect(figures.samples == 4000)
        #expect(figures.p50Ns == 2000)
        #expect(figures.p50NsByRound == [0: 500, 1: 2501])
        #expect(figures.tailBlame == TailBlame(preemption: 5, scheme: 2))
        #expect(figures.tailBlame.total == 7)
    }

    @Test func blameSumsStopAtTheLargestInteger() {
        let large = TailBlame(preemption: .max, stolen: 1)
        #expect(large.adding(large).preemption == .max)
        #expect(large.total == .max)
    }
}

struct WorkloadGroupTests {
    static func cell(_ structure: String, _ rates: [Int], violations: [String] = []) -> CellRecord {
        Sample.cell(
            structure,
            rounds: rates.enumerated().map {
                Sample.round(
                    $0.offset, bursts: [Sample.burst($0.element)], violations: violations)
            })
    }

    static func group(_ cells: [CellRecord]) throws -> WorkloadGroup {
        let summary = RunSummary(of: Sample.document(cells: cells, rounds: 9))
        #expect(summary.groups.count == 1)
        return try #require(summary.groups.first)
    }

    @Test func rowsAreComparedWithTheControlRoundByRound() throws {
        let group = try Self.group([
            Self.cell("spsc", [200, 440, 600, 1000, 1200]),
            Self.cell("spsc-c", [100, 200, 300, 400, 500]),
            Self.cell("mpsc", [300, 600, 900, 1200, 1500]),
        ])
        #expect(group.reference == .control)
        #expect(group.rows.map(\.summary.key.structure) == ["mpsc", "spsc", "spsc-c"])
        #expect(group.rows.map { $0.ratio?.ratio.rounded(digits: 9) } == [3, 2.2, nil])
        #expect(group.rows.map(\.isReference) == [false, false, true])
        // 0.9 million a second of the 500 that 2 ns a request allow.
        #expect(group.rows[0].limitShare == 0.0018)
    }

    @Test func withoutAControlTheBestIsTheMeasure() throws {
        let failed = Self.cell("spsc-c", [100], violations: ["lost 2"])
        let group = try Self.group([
            failed, Self.cell("spsc", [200]), Self.cell("mpsc", [400]), Sample.cell("mpmc"),
        ])
        #expect(group.reference == .best)
        #expect(
            group.rows.map(\.summary.key.structure) == ["mpsc", "spsc", "mpmc", "spsc-c"])
        #expect(group.rows[1].ratio?.ratio.rounded(digits: 9) == 0.5)
        let none = try Self.group([failed])
        #expect(none.reference == .none)
    }

    /// A request takes 2 ns from core to core: 500 million a second for each pair of threads.
    @Test func theLimitIsThePathBetweenTheCores() throws {
        let group = try Self.group([Self.cell("spsc", [50_000])])
        #expect(group.rows[0].limitShare == 0.1)
        var cell = Self.cell("mpmc", [50_000])
        cell.key.producers = 3
        cell.key.consumers = 2
        var document = Sample.document(cells: [cell])
        #expect(RunSummary(of: document).groups[0].rows[0].limitShare == 0.05)
        document.floor.transferNs = [:]
        #expect(RunSummary(of: document).groups[0].rows[0].limitShare == nil)
    }

    @Test func roundTripsAreMeasuredAgainstTheCores() throws {
        let cell = CellRecord(
            key: Sample.key("spsc"), measure: .roundTrip,
            rounds: [Sample.round(0, histogram: Sample.ramp(1000, offset: 80))])
        let row = try Self.group([cell]).rows[0]
        #expect(row.summary.headline == 580)
        #expect(row.limitShare == 0.5)
    }

    @Test func differentThreadsAreDifferentGroups() {
        var wide = Self.cell("mpsc", [1])
        wide.key.producers = 4
        let document = Sample.document(cells: [Self.cell("mpsc", [1]), wide])
        #expect(RunSummary(of: document).groups.map(\.key.producers) == [1, 4])
    }
}

extension Double {
    fileprivate func rounded(digits: Int) -> Double {
        let scale = (0..<digits).reduce(1.0) { power, _ in power * 10 }
        return (self * scale).rounded() / scale
    }
}
