import Results

/// Schemes by how many operations they complete.
enum ThroughputTable {
    static func table(_ group: WorkloadGroup) -> TerminalTable {
        GroupColumns.table(
            group,
            [
                GroupColumns.scheme,
                rate(group),
                figure("±") { GroupColumns.reach($0.interval, from: $0.medianPerSecond) },
                GroupColumns.ratio(group),
                figure("preempted") { .text(Figures.percent($0.markedShare)) },
                figure("cost", drops: true) { $0.markedCost.map { .text(Figures.ratio($0)) } },
                figure("fair", drops: true) {
                    $0.fairness.map { .text(Figures.threeDigits($0)) }
                },
                GroupColumns.limitShare,
                GroupColumns.bar(group, priority: 1),
                GroupColumns.ratioInterval(priority: 2),
                figure("fails/op", priority: 3) {
                    .text(Figures.threeDigits($0.failedTriesPerOperation))
                },
                figure("B/op", priority: 4, drops: true) {
                    $0.bytesPerOperation.map { .text(Figures.threeDigits($0)) }
                },
                figure("overflowed", priority: 5, drops: true) {
                    $0.overflowed > 0 ? .text(Figures.quantity($0.overflowed)) : nil
                },
                GroupColumns.rounds(priority: 6),
            ])
    }

    /// What the columns of this table mean.
    static func legend(_ group: WorkloadGroup) -> String {
        let figures = group.rows.compactMap(\.summary.throughput)
        guard let first = figures.first else { return "" }
        var parts = ["median of clean bursts"]
        if figures.contains(where: { !$0.isFromCleanBursts }) {
            parts = ["median of clean bursts, of all where 100 % were preempted"]
        }
        if best(group) != nil { parts.append("* best") }
        if figures.contains(where: { $0.interval != nil }) {
            let level = first.interval?.level ?? 0.95
            parts.append("± \(Figures.percent(level)) interval over rounds")
        }
        if figures.contains(where: { $0.markedCost != nil }) {
            parts.append("cost: slow-down of a preempted burst")
        }
        if figures.contains(where: { $0.fairness != nil }) { parts.append("fair: Jain's index") }
        if group.rows.contains(where: { $0.limitShare != nil }) {
            parts.append("limit: share of what the path between the cores allows")
        }
        return parts.joined(separator: "; ")
    }

    private static func rate(_ group: WorkloadGroup) -> GroupColumn {
        let largest = group.rows.compactMap(\.summary.headline).max() ?? 0
        let units: [(name: String, size: Double)] = [("/s", 1), ("k/s", 1e3), ("M/s", 1e6)]
        // A table in thousands reads better than one in fractions of a million.
        let unit = units.last { largest >= $0.size / 10 } ?? units[0]
        let best = best(group)
        return GroupColumn(column: .init("\(unit.name) ")) { row in
            guard let figures = row.summary.throughput else {
                return GroupColumns.instead(of: row.summary)
            }
            let isBest = figures.medianPerSecond == best
            let text = Figures.threeDigits(figures.medianPerSecond / unit.size)
            return .text(text + (isBest ? "*" : " "), isBest ? .best : .plain)
        }
    }

    /// Nil where nothing is compared.
    private static func best(_ group: WorkloadGroup) -> Double? {
        let headlines = group.rows.compactMap(\.summary.headline)
        return headlines.count > 1 ? headlines.max() : nil
    }

    private static func figure(
        _ title: String, priority: Int = 0, drops: Bool = false,
        _ cell: @escaping (ThroughputFigures) -> TerminalTable.Cell?
    ) -> GroupColumn {
        GroupColumn(column: .init(title, priority: priority), isDroppedWhenEmpty: drops) {
            $0.summary.throughput.flatMap(cell)
        }
    }
}
