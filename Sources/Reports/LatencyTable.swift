import Results

/// Schemes by how long an operation takes, and what makes their tails.
enum LatencyTable {
    static func table(_ group: WorkloadGroup) -> TerminalTable {
        let tails = Tails(group)
        return GroupColumns.table(
            group,
            [
                GroupColumns.scheme,
                median(group),
                figure(tails.isP999 ? "p99" : "p99 ") { figures in
                    figures.p99Ns.map { tails.cell($0, isTail: !tails.isP999) }
                },
                figure(tails.isP999 ? "p99.9 " : "p99.9") { figures in
                    figures.p999Ns.map { tails.cell($0, isTail: tails.isP999) }
                },
                figure("max") { .text(Figures.time(ns: $0.maxNs)) },
                GroupColumns.ratio(group),
                GroupColumn(column: .init("tail blame", alignRight: false)) { row in
                    row.summary.latency.flatMap { blame($0.tailBlame) }
                },
                GroupColumns.bar(group, priority: 7),
                figure("±p50", priority: 1, drops: true) {
                    GroupColumns.reach($0.p50Interval, from: $0.p50Ns)
                },
                figure("±p99", priority: 2, drops: true) {
                    GroupColumns.reach($0.p99Interval, from: $0.p99Ns)
                },
                GroupColumn(
                    column: .init("offered/s", priority: 4), isDroppedWhenEmpty: true
                ) { row in
                    row.summary.offeredPerSecond.map { .text(Figures.quantity($0)) }
                },
                GroupColumn(
                    column: .init("done/s", priority: 3), isDroppedWhenEmpty: true
                ) { row in row.summary.donePerSecond.map { .text(Figures.quantity($0)) } },
                GroupColumn(
                    column: .init("p99 vs", priority: 6), isDroppedWhenEmpty: true
                ) { row in row.tailRatio.map { .text(Figures.ratio($0.ratio)) } },
                figure("p90", priority: 5, drops: true) {
                    $0.p90Ns.map { .text(Figures.time(ns: $0)) }
                },
                GroupColumn(
                    column: .init("limit", priority: 6), isDroppedWhenEmpty: true
                ) { row in row.limitShare.map { .text(Figures.percent($0)) } },
                figure("samples", priority: 8) { .text(Figures.quantity(Double($0.samples))) },
                figure("overflowed", priority: 9, drops: true) {
                    $0.overflowed > 0 ? .text(Figures.quantity($0.overflowed)) : nil
                },
                GroupColumns.rounds(priority: 10),
            ])
    }

    /// What the markers and columns of this table mean.
    static func legend(_ group: WorkloadGroup) -> String {
        let figures = group.rows.compactMap(\.summary.latency)
        guard !figures.isEmpty else { return "" }
        var parts: [String] = []
        if best(group) != nil { parts.append("* best p50") }
        let tails = Tails(group)
        let tail = tails.isP999 ? "p99.9" : "p99"
        if tails.best != nil { parts += ["▲ best \(tail)", "▼ worst \(tail)"] }
        parts.append("tail blame: the main cause of samples above p99")
        return parts.joined(separator: "; ")
    }

    /// The figure that the calmest and the least calm scheme are told by: p99.9 where every row has
    /// one, otherwise p99.
    private struct Tails {
        let isP999: Bool
        /// Nil where nothing is compared, or all are equal.
        let best: Double?
        let worst: Double?

        init(_ group: WorkloadGroup) {
            let figures = group.rows.compactMap { $0.summary.latency }
            let outer = figures.compactMap(\.p999Ns)
            isP999 = !outer.isEmpty && outer.count == figures.count
            let tails = isP999 ? outer : figures.compactMap(\.p99Ns)
            let differ = tails.count > 1 && tails.min() != tails.max()
            best = differ ? tails.min() : nil
            worst = differ ? tails.max() : nil
        }

        func cell(_ value: Double, isTail: Bool) -> TerminalTable.Cell {
            let text = Figures.time(ns: value)
            guard isTail else { return .text(text) }
            if value == best { return .text(text + "▲", .best) }
            if value == worst { return .text(text + "▼", .worst) }
            return .text(text + " ")
        }
    }

    private static func median(_ group: WorkloadGroup) -> GroupColumn {
        let best = best(group)
        return GroupColumn(column: .init("p50 ")) { row in
            guard let figures = row.summary.latency else {
                return GroupColumns.instead(of: row.summary)
            }
            guard let p50 = figures.p50Ns else { return nil }
            let isBest = p50 == best
            return .text(Figures.time(ns: p50) + (isBest ? "*" : " "), isBest ? .best : .plain)
        }
    }

    private static func best(_ group: WorkloadGroup) -> Double? {
        let headlines = group.rows.compactMap(\.summary.headline)
        return headlines.count > 1 ? headlines.min() : nil
    }

    /// The main cause and its share, as `preempt 62 %`; nil without a slow sample.
    private static func blame(_ blame: TailBlame) -> TerminalTable.Cell? {
        guard blame.total > 0, let main = blame.byCause.max(by: { $0.samples < $1.samples }) else {
            return nil
        }
        let share = Double(main.samples) / Double(blame.total)
        return .text("\(word(for: main.cause)) \(Figures.percent(share))")
    }

    private static func word(for cause: TailCause) -> String {
        switch cause {
        case .preemption: "preempt"
        case .stolen: "stolen"
        case .pageFault: "faults"
        case .machineState: "machine"
        case .scheme: "scheme"
        }
    }

    private static func figure(
        _ title: String, priority: Int = 0, drops: Bool = false,
        _ cell: @escaping (LatencyFigures) -> TerminalTable.Cell?
    ) -> GroupColumn {
        GroupColumn(column: .init(title, priority: priority), isDroppedWhenEmpty: drops) {
            $0.summary.latency.flatMap(cell)
        }
    }
}
