import Measurement

/// What one thread times and counts beside the cell's headline, over the counted bursts.
struct SideFigures {
    private var latencies: [(name: String, samples: LatencySamples)] = []
    private var latenciesNs: [String: [UInt64]] = [:]
    private var countsAtWarmUp: [String: Int] = [:]
    private(set) var counts: [String: Int] = [:]
    private var dropped: UInt64 = 0

    /// A buffer for latencies of a name, touched by the calling thread.
    mutating func samples(_ name: String, capacity: Int) -> LatencySamples {
        let samples = LatencySamples(capacity: capacity)
        samples.touch()
        latencies.append((name, samples))
        return samples
    }

    /// After a burst; `counts` are those since the first.
    mutating func collect(isWarmUp: Bool, counts: [String: Int], _ clock: ClockCalibration) {
        if isWarmUp {
            countsAtWarmUp = counts
        } else {
            self.counts = counts.merging(countsAtWarmUp) { $0 - $1 }
        }
        for (name, samples) in latencies {
            if !isWarmUp {
                dropped += samples.dropped
                latenciesNs[name, default: []] += samples.samples.map {
                    clock.nanoseconds(fromTicks: $0)
                }
            }
            samples.reset()
        }
    }

    /// After the last burst: brings everything home and frees the buffers.
    func end(_ outcome: inout ReportingOutcome) {
        outcome.otherLatenciesNs = latenciesNs
        outcome.counts = counts
        outcome.violations += Self.violations(dropped: dropped)
        for (_, samples) in latencies { samples.deallocate() }
    }

    static func violations(dropped: UInt64) -> [String] {
        dropped > 0 ? ["\(dropped) latency samples did not fit their buffer"] : []
    }
}
