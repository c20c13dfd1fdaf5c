import Measurement
import Results

/// Puts the outcomes of a pipeline trial's threads together into the record of a round.
struct PipelineRound {
    let trial: PipelineTrial
    let index: Int
    let threads: [PipelineOutcome]
    let canaryNs: [Double?]
    let violations: [String]

    func record() -> RoundRecord {
        let figures = LatencyFigures(
            bursts: (0..<trial.bursts).map { number in threads.map { $0.bursts[number] } },
            canaryNs: canaryNs, isMeasured: trial.workload.measure == .openLoop)
        var others: [String: String] = [:]
        for (name, latencies) in threads.flatMap(\.otherLatenciesNs) {
            others[name] = LatencyFigures.encoded(latencies)
        }
        let counts = threads.reduce(into: [String: Int]()) {
            $0.merge($1.counts, uniquingKeysWith: +)
        }
        let sent = threads.reduce(0) { $0 + $1.sentGroups }
        let answered = threads.reduce(0) { $0 + ($1.role == .worker ? $1.groups : 0) }
        return RoundRecord(
            index: index, canaryBeforeNs: canaryNs.first ?? nil,
            canaryAfterNs: canaryNs.count > 1 ? canaryNs[1] : nil,
            bursts: (0..<trial.bursts).map(burst), threads: threadRecords,
            latencyHistogram: figures.histogram, tailBlame: figures.blame,
            otherLatencies: others.isEmpty ? nil : others, counts: counts.isEmpty ? nil : counts,
            overflowed: counts["dropped"] ?? 0,
            check: CheckRecord(
                accepted: sent, delivered: answered,
                violations: threads.flatMap(\.violations) + violations
                    + uneven(sent: sent, answered: answered)))
    }

    /// Every group that was sent completely was reported, and without flushes every one was
    /// handled and answered by a worker.
    private func uneven(sent: Int, answered: Int) -> [String] {
        let reported = threads.reduce(0) { $0 + ($1.role == .faultThread ? $1.groups : 0) }
        var sentences: [String] = []
        if reported != sent { sentences.append("\(sent) groups sent, but \(reported) completed") }
        if trial.workload.unbindEveryUs == nil && answered != sent {
            sentences.append("\(sent) groups sent, but \(answered) answered by workers")
        }
        return sentences
    }

    private var threadRecords: [ThreadRecord] {
        let order: [PipelineRole] = [.faultThread, .worker, .devices, .unbinder]
        return order.flatMap { role in
            threads.filter { $0.role == role }.map {
                ThreadRecord(
                    role: role.name, cpu: $0.cpu, bursts: $0.bursts,
                    allocatedBytes: $0.allocatedBytes)
            }
        }
    }

    /// From the start to the last response; the operations are requests reported.
    private func burst(_ number: Int) -> BurstRecord {
        let parts = threads.map { $0.bursts[number] }
        let fault = threads.first { $0.role == .faultThread }?.bursts[number]
        let start = fault?.startTicks ?? 0
        let end = parts.map(\.endTicks).max() ?? 0
        return BurstRecord(
            durationNs: Double(trial.clock.nanoseconds(fromTicks: end > start ? end - start : 0)),
            operations: fault?.operations ?? 0, of: parts)
    }
}
