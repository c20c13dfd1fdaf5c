import FaultOracle
import Measurement
import Results

/// Puts the outcomes of a trial's threads together into the record of a round.
struct RoundAssembly {
    let trial: RingTrial
    let index: Int
    let producers: [ThreadOutcome]
    let consumers: [ThreadOutcome]
    let canaryNs: [Double?]

    private var isRoundTrip: Bool { trial.workload.measure == .roundTrip }
    /// The threads whose clocks and latencies count.
    private var observers: [ThreadOutcome] { isRoundTrip ? producers : consumers }

    func record() -> RoundRecord {
        let latencies = LatencyFigures(
            bursts: (0..<trial.bursts).map { number in
                (producers + consumers).map { $0.bursts[number] }
            },
            canaryNs: canaryNs, isMeasured: trial.workload.measure != .throughput)
        return RoundRecord(
            index: index,
            canaryBeforeNs: canaryNs.first ?? nil,
            canaryAfterNs: canaryNs.count > 1 ? canaryNs[1] : nil,
            bursts: (0..<trial.bursts).map(burst),
            threads: producers.map { thread($0, role: "producer") }
                + consumers.map { thread($0, role: "consumer") },
            latencyHistogram: latencies.histogram,
            tailBlame: latencies.blame,
            overflowed: producers.reduce(0) { $0 + $1.overflowed },
            check: check())
    }

    private func burst(_ number: Int) -> BurstRecord {
        let parts = (producers + consumers).map { $0.bursts[number] }
        let durationTicks = observers.map { $0.bursts[number].durationTicks }.max() ?? 0
        return BurstRecord(
            durationNs: Double(trial.clock.nanoseconds(fromTicks: durationTicks)),
            operations: observers.reduce(0) { $0 + $1.bursts[number].operations }, of: parts)
    }

    private func thread(_ outcome: ThreadOutcome, role: String) -> ThreadRecord {
        ThreadRecord(
            role: role, cpu: outcome.cpu, bursts: outcome.bursts,
            allocatedBytes: outcome.allocatedBytes)
    }

    private func check() -> CheckRecord {
        let accepted = producers.map(\.requests)
        let views = observers.compactMap(\.view)
        var violations = DeliveryCheck.violations(in: views, accepted: accepted)
        let dropped = observers.reduce(0) { $0 + $1.droppedSamples }
        if dropped > 0 { violations.append("\(dropped) latency samples did not fit their buffer") }
        return CheckRecord(
            accepted: Int(accepted.reduce(0, +)),
            delivered: Int(
                views.flatMap(\.producers).reduce(0) { $0 + $1.totals.count }),
            violations: violations)
    }
}
