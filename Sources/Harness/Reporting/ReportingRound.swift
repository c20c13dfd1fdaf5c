import Measurement
import Results

/// Puts the outcomes of a reporting trial's threads together into the record of a round.
struct ReportingRound {
    let trial: ReportingTrial
    let index: Int
    let threads: [ReportingOutcome]
    let canaryNs: [Double?]
    let violations: [String]

    private var reporters: [ReportingOutcome] {
        threads.filter { if case .reporter = $0.role { true } else { false } }
    }

    func record() -> RoundRecord {
        let figures = LatencyFigures(
            bursts: (0..<trial.bursts).map { number in threads.map { $0.bursts[number] } },
            canaryNs: canaryNs, isMeasured: trial.workload.observe != .reports)
        var others: [String: [UInt64]] = [:]
        var counts: [String: Int] = [:]
        for thread in threads {
            others.merge(thread.otherLatenciesNs) { $0 + $1 }
            counts.merge(thread.counts) { $0 + $1 }
        }
        let encoded = others.compactMapValues(LatencyFigures.encoded)
        return RoundRecord(
            index: index, canaryBeforeNs: canaryNs.first ?? nil,
            canaryAfterNs: canaryNs.count > 1 ? canaryNs[1] : nil,
            bursts: (0..<trial.bursts).map(burst), threads: threadRecords,
            latencyHistogram: figures.histogram, tailBlame: figures.blame,
            otherLatencies: encoded.isEmpty ? nil : encoded,
            counts: counts.isEmpty ? nil : counts,
            check: CheckRecord(
                accepted: sum(\.groups), delivered: sum(\.handledGroups),
                violations: threads.flatMap(\.violations) + violations + uneven))
    }

    private func sum(_ property: KeyPath<ReportingOutcome, Int>) -> Int {
        threads.reduce(0) { $0 + $1[keyPath: property] }
    }

    /// Every completed group is answered by whoever handled it, or by a flush or a removal. Whoever
    /// handled one of the latter has been told that it was too late.
    private var uneven: [String] {
        let (groups, handled) = (sum(\.groups), sum(\.handledGroups))
        let (settled, late) = (sum(\.settledGroups), sum(\.lateAnswers))
        if groups == handled + settled - late { return [] }
        return [
            "\(groups) groups completed, but \(handled) handled, and \(settled) answered by a "
                + "flush or a removal, of which \(late) were handled"
        ]
    }

    private var threadRecords: [ThreadRecord] {
        (reporters + threads.filter { if case .reporter = $0.role { false } else { true } }).map {
            ThreadRecord(
                role: $0.role.recordName, cpu: $0.cpu, bursts: $0.bursts,
                allocatedBytes: $0.allocatedBytes)
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
