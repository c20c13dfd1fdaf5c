import Measurement
import Results

/// Puts the outcomes of a reporting trial's threads together into the record of a round.
struct ReportingRound {
    let trial: ReportingTrial
    let index: Int
    let threads: [ReportingOutcome]
    let canaryNs: [Double?]
    let violations: [String]

    private var reporters: [ReportingOutcome] { threads.filter { !$0.isWorker } }

    func record() -> RoundRecord {
        let figures = LatencyFigures(
            bursts: (0..<trial.bursts).map { number in threads.map { $0.bursts[number] } },
            canaryNs: canaryNs, isMeasured: trial.workload.observe != .reports)
        let reported = reporters.reduce(0) { $0 + $1.groups }
        let handled = threads.reduce(0) { $0 + $1.handledGroups }
        // A flush answers groups that no worker ever takes; otherwise each group has one handler.
        let isUneven = trial.workload.observe != .flushLatency && Int(reported) != handled
        let uneven = isUneven ? ["\(reported) groups completed, but \(handled) handled"] : []
        return RoundRecord(
            index: index, canaryBeforeNs: canaryNs.first ?? nil,
            canaryAfterNs: canaryNs.count > 1 ? canaryNs[1] : nil,
            bursts: (0..<trial.bursts).map(burst), threads: threadRecords,
            latencyHistogram: figures.histogram, tailBlame: figures.blame,
            check: CheckRecord(
                accepted: Int(reported), delivered: handled,
                violations: threads.flatMap(\.violations) + violations + uneven))
    }

    private var threadRecords: [ThreadRecord] {
        let sides = [(reporters, "producer"), (threads.filter(\.isWorker), "consumer")]
        return sides.flatMap { outcomes, role in
            outcomes.map {
                ThreadRecord(
                    role: role, cpu: $0.cpu, bursts: $0.bursts, allocatedBytes: $0.allocatedBytes)
            }
        }
    }

    private func burst(_ number: Int) -> BurstRecord {
        let parts = threads.map { $0.bursts[number] }
        let ticks = reporters.map { $0.bursts[number].durationTicks }.max() ?? 0
        return BurstRecord(
            durationNs: Double(trial.clock.nanoseconds(fromTicks: ticks)),
            operations: reporters.reduce(0) { $0 + $1.bursts[number].operations }, of: parts)
    }
}
