import Measurement
import Results

/// The latencies of a round: one merged histogram, and what each sample above its p99 is put down
/// to.
struct LatencyFigures {
    private(set) var histogram: String?
    private(set) var blame: TailBlame?

    /// - Parameters:
    ///   - bursts: For each burst the parts of all threads; those that observe carry latencies.
    ///   - isMeasured: False for cells whose figure is a rate; both properties stay nil.
    init(bursts: [[BurstOutcome]], canaryNs: [Double?], isMeasured: Bool) {
        guard isMeasured else { return }
        var merged = LatencyHistogram()
        for part in bursts.joined() {
            for latency in part.latenciesNs { merged.record(latency) }
        }
        histogram = try? HistogramCodec.encode(merged.histogram)
        var causes = TailBlame()
        if let p99 = merged.percentile(0.99) {
            for parts in bursts {
                let slow = parts.reduce(0) { $0 + $1.latenciesNs.count { $0 > p99 } }
                Self.add(slow, of: parts, canaryNs, to: &causes)
            }
        }
        blame = causes
    }

    /// Latencies that are no cell's headline, as a result keeps them; nil where there are none.
    static func encoded(_ latenciesNs: [UInt64]) -> String? {
        guard !latenciesNs.isEmpty else { return nil }
        var histogram = LatencyHistogram()
        for latency in latenciesNs { histogram.record(latency) }
        return try? HistogramCodec.encode(histogram.histogram)
    }

    private static func add(
        _ count: Int, of parts: [BurstOutcome], _ canaryNs: [Double?], to blame: inout TailBlame
    ) {
        if parts.contains(where: { $0.counters.involuntarySwitches > 0 }) {
            blame.preemption += count
        } else if parts.contains(where: { $0.stealNs > 0 }) {
            blame.stolen += count
        } else if parts.contains(where: {
            $0.counters.minorFaults + $0.counters.majorFaults > 0
        }) {
            blame.pageFault += count
        } else if let before = canaryNs.first ?? nil, canaryNs.count > 1, let after = canaryNs[1],
            max(before, after) > 2 * min(before, after)
        {
            blame.machineState += count
        } else {
            blame.scheme += count
        }
    }
}

extension BurstRecord {
    /// A burst with the counters of all its threads.
    init(durationNs: Double, operations: Int, of parts: [BurstOutcome]) {
        self.init(
            durationNs: durationNs, operations: operations,
            failedTries: parts.reduce(0) { $0 + $1.failedTries },
            involuntarySwitches: parts.reduce(0) { $0 + Int($1.counters.involuntarySwitches) },
            voluntarySwitches: parts.reduce(0) { $0 + Int($1.counters.voluntarySwitches) })
    }
}

extension ThreadRecord {
    /// A thread's share, summed over its bursts.
    init(role: String, cpu: Int, bursts: [BurstOutcome], allocatedBytes: UInt64?) {
        let waits = bursts.map(\.counters.runQueueWaitNs)
        self.init(
            role: role, cpu: cpu, operations: bursts.reduce(0) { $0 + $1.operations },
            failedTries: bursts.reduce(0) { $0 + $1.failedTries },
            allocatedBytes: allocatedBytes.map(Int.init),
            waitedNs: waits.contains(nil) ? nil : Double(waits.reduce(0) { $0 + ($1 ?? 0) }),
            minorFaults: bursts.reduce(0) { $0 + Int($1.counters.minorFaults) })
    }
}
