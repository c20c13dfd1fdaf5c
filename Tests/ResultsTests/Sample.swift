import Histogram

@testable import Results

/// Small documents by hand.
enum Sample {
    static func key(_ structure: String, workload: String = "drain") -> CellKey {
        CellKey(
            subject: "ring", structure: structure, workload: workload, placement: "same-l3",
            producers: 1, consumers: 1)
    }

    static func document(cells: [CellRecord] = [cell("spsc")], rounds: Int = 3) -> RunDocument {
        RunDocument(
            startedAt: "2026-11-21T07:30:00Z", seed: .max,
            suite: SuiteRecord(name: "quick", rounds: rounds, fingerprint: "0123456789abcdef"),
            environment: ["fingerprint": "f00d", "kernel.release": "6.18.0"],
            build: ["commit": "4f1fe0b9ff50"],
            topology: TopologyRecord(
                summary: "2 cores", allowedCPUs: [0, 1], placements: ["same-l3": [0, 1]]),
            clock: ClockRecord(
                ticksPerSecond: 2.445e9, calibrationNs: 3e8, costNs: 20, stepNs: 10,
                isInvariant: true),
            floor: FloorRecord(
                emptyLoopNs: 0.5, nullSchemeNs: 1.5, localAtomicAddNs: 5,
                roundTripNs: ["same-l3": 290], transferNs: ["same-l3": 2], stampingNs: -0.25),
            cells: cells)
    }

    static func cell(_ structure: String, rounds: [RoundRecord] = []) -> CellRecord {
        CellRecord(key: key(structure), measure: .throughput, rounds: rounds)
    }

    static func burst(_ operations: Int, switches: Int = 0) -> BurstRecord {
        BurstRecord(
            durationNs: 1e6, operations: operations, failedTries: operations / 10,
            involuntarySwitches: switches, voluntarySwitches: 0)
    }

    static func round(
        _ index: Int, canaryNs: Double? = 290, bursts: [BurstRecord] = [burst(1000)],
        threads: [ThreadRecord] = [], histogram: Histogram<UInt64>? = nil,
        blame: TailBlame? = nil, violations: [String] = []
    ) -> RoundRecord {
        RoundRecord(
            index: index, canaryBeforeNs: canaryNs, canaryAfterNs: canaryNs, bursts: bursts,
            threads: threads, latencyHistogram: histogram.map { try! HistogramCodec.encode($0) },
            tailBlame: blame,
            check: CheckRecord(accepted: 1000, delivered: 1000, violations: violations))
    }

    static func thread(_ role: String, operations: Int, bytes: Int? = 0) -> ThreadRecord {
        ThreadRecord(
            role: role, cpu: 0, operations: operations, failedTries: 0, allocatedBytes: bytes,
            waitedNs: nil, minorFaults: 0)
    }

    /// `count` samples from 1 upwards in nanoseconds: percentiles are plain to see.
    static func ramp(_ count: UInt64, offset: UInt64 = 0) -> Histogram<UInt64> {
        var histogram = Histogram<UInt64>(
            highestTrackableValue: 1_000_000, numberOfSignificantValueDigits: .three)
        for value in 1...count { histogram.record(value + offset) }
        return histogram
    }
}
