import Results

/// What a workload timed and counted beside its headline: a table per latency, and one of counts.
/// Rows stand in the order of the headline's table.
enum SideTables {
    static func lines(_ group: WorkloadGroup, _ style: Style) -> [String] {
        let names = Set(group.rows.flatMap { $0.summary.otherLatencies.keys }).sorted()
        var lines: [String] = []
        for name in names { lines += latencies(name, group, style) }
        return lines + counts(group, style)
    }

    private static func latencies(
        _ name: String, _ group: WorkloadGroup, _ style: Style
    ) -> [String] {
        let rows = group.rows.filter { $0.summary.otherLatencies[name] != nil }
        let best = rows.compactMap { $0.summary.otherLatencies[name]?.p50Ns }.min()
        var table = TerminalTable(columns: [
            .init("scheme", kind: .flexible(minimum: 14), alignRight: false), .init("p50 "),
            .init("p99"), .init("p99.9"), .init("max"), .init("samples"),
        ])
        func time(_ value: Double?) -> TerminalTable.Cell {
            value.map { .text(Figures.time(ns: $0)) } ?? .text(Figures.absent, .faint)
        }
        for row in rows {
            guard let figures = row.summary.otherLatencies[name] else { continue }
            let isBest = rows.count > 1 && figures.p50Ns != nil && figures.p50Ns == best
            let p50: TerminalTable.Cell =
                figures.p50Ns.map {
                    .text(Figures.time(ns: $0) + (isBest ? "*" : " "), isBest ? .best : .plain)
                } ?? .text(Figures.absent + " ", .faint)
            table.append([
                .text(row.summary.key.label), p50, time(figures.p99Ns), time(figures.p999Ns),
                time(figures.maxNs), .text(Figures.quantity(Double(figures.samples))),
            ])
        }
        return heading("\(group.key.workload) · \(group.key.placement) · \(name)", style)
            + table.lines(style)
    }

    private static func counts(_ group: WorkloadGroup, _ style: Style) -> [String] {
        let names = Set(group.rows.flatMap { $0.summary.counts.keys }).sorted()
        guard !names.isEmpty else { return [] }
        var table = TerminalTable(
            columns: [.init("scheme", kind: .flexible(minimum: 14), alignRight: false)]
                + names.enumerated().map {
                    .init(TextWidth.printable($0.element), priority: $0.offset < 4 ? 0 : 1)
                })
        for row in group.rows where !row.summary.counts.isEmpty {
            table.append(
                [.text(row.summary.key.label)]
                    + names.map { name in
                        row.summary.counts[name].map { .text(Figures.count($0)) }
                            ?? .text(Figures.absent, .faint)
                    })
        }
        return heading(
            "\(group.key.workload) · \(group.key.placement) · counted over all rounds", style)
            + table.lines(style)
    }

    private static func heading(_ text: String, _ style: Style) -> [String] {
        let title = TextWidth.cutEnd(TextWidth.printable(text), to: style.width)
        return ["", Emphasis.heading.applied(to: title, style: style)]
    }
}
