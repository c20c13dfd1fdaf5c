import FaultModel
import Histogram
import Results

/// Documents as a run would write them, from a few figures per scheme.
struct SyntheticRun {
    var document: RunDocument
    private var generator: SeededGenerator

    init(seed: UInt64 = 1, rounds: Int = 8) {
        generator = SeededGenerator(seed: seed)
        document = RunDocument(
            startedAt: "2026-11-21T07:30:00Z", finishedAt: "2026-11-21T07:31:30Z", seed: seed,
            suite: SuiteRecord(name: "quick", rounds: rounds, fingerprint: "0123456789abcdef"),
            environment: ["cpu.model": "AMD EPYC 7R13 Processor", "kernel.release": "6.18.0"],
            build: ["commit": "4f1fe0b9ff50", "dirty": "true", "configuration": "release"],
            topology: TopologyRecord(
                summary: "1 package, 1 NUMA node, 1 L3, 2 cores, 2 PUs", allowedCPUs: [0, 1],
                placements: ["same-l3": [0, 1]]),
            clock: ClockRecord(
                ticksPerSecond: 2.445e9, calibrationNs: 3e8, costNs: 20.04, stepNs: 10,
                isInvariant: true),
            floor: FloorRecord(
                emptyLoopNs: 0.41, nullSchemeNs: 1.23, localAtomicAddNs: 5.02,
                roundTripNs: ["same-l3": 288.6], transferNs: ["same-l3": 1.64],
                stampingNs: 22.4),
            cells: [])
    }

    static func key(
        _ scheme: String, workload: String, producers: Int = 1
    ) -> CellKey {
        let parts = scheme.split(separator: "/", maxSplits: 1).map(String.init)
        return CellKey(
            subject: "ring", structure: parts.first ?? "", lockKind: parts.dropFirst().first,
            workload: workload, placement: "same-l3", producers: producers, consumers: 1)
    }

    /// A throughput cell: its rate, how many bursts in ten are preempted, what they cost.
    mutating func addThroughput(
        _ scheme: String, perSecond: Double, preempted: Int = 2, cost: Double = 2,
        producers: Int = 1, slowRounds: Set<Int> = [], violations: [String] = []
    ) {
        let rounds = (0..<document.suite.rounds).map { index in
            let bursts = (0..<10).map { burst in
                let isPreempted = burst < preempted
                let rate = perSecond * (0.98 + 0.04 * generator.nextUnit())
                return BurstRecord(
                    durationNs: 2e6,
                    operations: Int(rate * 2e-3 / (isPreempted ? cost : 1)),
                    failedTries: 100, involuntarySwitches: isPreempted ? 1 : 0,
                    voluntarySwitches: 0)
            }
            let threads = (0...producers).map { thread in
                ThreadRecord(
                    role: thread < producers ? "producer" : "consumer", cpu: thread % 2,
                    operations: 1000 * (thread + 1), failedTries: 0, allocatedBytes: 0,
                    waitedNs: nil, minorFaults: 0)
            }
            return round(
                index, isSlow: slowRounds.contains(index), bursts: bursts, threads: threads,
                violations: index == 3 ? violations : [])
        }
        document.cells.append(
            CellRecord(
                key: Self.key(scheme, workload: "drain", producers: producers),
                measure: .throughput, rounds: rounds))
    }

    /// A round-trip cell: a body around its median and one slow sample in every hundred.
    mutating func addRoundTrip(
        _ scheme: String, medianNs: Double, tailNs: Double, blame: TailBlame,
        samples: Int = 2000
    ) {
        let rounds = (0..<document.suite.rounds).map { index in
            var histogram = Histogram<UInt64>(
                highestTrackableValue: 10_000_000_000, numberOfSignificantValueDigits: .three)
            for sample in 0..<samples {
                let centre = sample % 80 == 0 ? tailNs : medianNs
                histogram.record(UInt64(centre * (0.9 + 0.2 * generator.nextUnit())))
            }
            var record = round(index, isSlow: false, bursts: [], threads: [], violations: [])
            record.latencyHistogram = try! HistogramCodec.encode(histogram)
            record.tailBlame = blame
            return record
        }
        document.cells.append(
            CellRecord(
                key: Self.key(scheme, workload: "ping"), measure: .roundTrip, rounds: rounds))
    }

    private mutating func round(
        _ index: Int, isSlow: Bool, bursts: [BurstRecord], threads: [ThreadRecord],
        violations: [String]
    ) -> RoundRecord {
        RoundRecord(
            index: index, canaryBeforeNs: isSlow ? 1145 : 290, canaryAfterNs: 291, bursts: bursts,
            threads: threads,
            check: CheckRecord(accepted: 1000, delivered: 1000, violations: violations))
    }

    /// The document that the golden texts show.
    static var golden: RunDocument {
        var run = SyntheticRun()
        run.addThroughput("locked/pthread", perSecond: 9.1e6, preempted: 3, cost: 1.9)
        run.addThroughput("spsc-c", perSecond: 118e6, slowRounds: [2])
        run.addThroughput("spsc", perSecond: 121e6, cost: 1.1)
        run.addThroughput("locked/ticket", perSecond: 7.4e6, preempted: 4, cost: 2.9)
        run.addThroughput(
            "mpmc", perSecond: 44e6, violations: ["2 requests lost", "order of group 17 broken"])
        run.addRoundTrip(
            "spsc", medianNs: 301, tailNs: 900, blame: TailBlame(preemption: 31, scheme: 19))
        run.addRoundTrip(
            "locked/pthread", medianNs: 3400, tailNs: 61_000,
            blame: TailBlame(preemption: 12, stolen: 2, scheme: 86))
        run.addRoundTrip(
            "spsc-c", medianNs: 305, tailNs: 1200,
            blame: TailBlame(preemption: 9, machineState: 20))
        run.document.notes = ["No cross-numa placement here."]
        return run.document
    }
}
