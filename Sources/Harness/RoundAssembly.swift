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
        let latencies = latencyFigures()
        return RoundRecord(
            index: index,
            canaryBeforeNs: canaryNs.first ?? nil,
            canaryAfterNs: canaryNs.count > 1 ? canaryNs[1] : nil,
            bursts: (0..<trial.bursts).map(burst),
            threads: producers.map { thread($0, role: "producer") }
                + consumers.map { thread($0, role: "consumer") },
            latencyHistogram: latencies?.histogram,
            tailBlame: latencies?.blame,
            overflowed: producers.reduce(0) { $0 + $1.overflowed },
            check: check())
    }

    private func burst(_ number: Int) -> BurstRecord {
        let parts = (producers + consumers).map { $0.bursts[number] }
        let durationTicks = observers.map { $0.bursts[number].durationTicks }.max() ?? 0
        return BurstRecord(
            durationNs: Double(trial.clock.nanoseconds(fromTicks: durationTicks)),
            operations: observers.reduce(0) { $0 + $1.bursts[number].operations },
            failedTries: parts.reduce(0) { $0 + $1.failedTries },
            involuntarySwitches: parts.reduce(0) { $0 + Int($1.counters.involuntarySwitches) },
            voluntarySwitches: parts.reduce(0) { $0 + Int($1.counters.voluntarySwitches) })
    }

    private func thread(_ outcome: ThreadOutcome, role: String) -> ThreadRecord {
        let waits = outcome.bursts.map(\.counters.runQueueWaitNs)
        return ThreadRecord(
            role: role, cpu: outcome.cpu,
            operations: outcome.bursts.reduce(0) { $0 + $1.operations },
            failedTries: outcome.bursts.reduce(0) { $0 + $1.failedTries },
            allocatedBytes: outcome.allocatedBytes.map(Int.init),
            waitedNs: waits.contains(nil) ? nil : Double(waits.reduce(0) { $0 + ($1 ?? 0) }),
            minorFaults: outcome.bursts.reduce(0) { $0 + Int($1.counters.minorFaults) })
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

    /// The merged histogram, and what each sample above its p99 is put down to. Nil where nothing
    /// was sampled.
    private func latencyFigures() -> (histogram: String, blame: TailBlame)? {
        guard trial.workload.measure != .throughput else { return nil }
        var histogram = LatencyHistogram()
        for observer in observers {
            for part in observer.bursts {
                for latency in part.latenciesNs { histogram.record(latency) }
            }
        }
        guard let encoded = try? HistogramCodec.encode(histogram.histogram) else { return nil }
        var blame = TailBlame()
        if let p99 = histogram.percentile(0.99) {
            for number in 0..<trial.bursts {
                let slow = observers.reduce(0) { sum, observer in
                    sum + observer.bursts[number].latenciesNs.count { $0 > p99 }
                }
                add(slow, ofBurst: number, to: &blame)
            }
        }
        return (encoded, blame)
    }

    private func add(_ count: Int, ofBurst number: Int, to blame: inout TailBlame) {
        let parts = (producers + consumers).map { $0.bursts[number] }
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
