import Results

/// A column together with how a row fills it.
struct GroupColumn {
    let column: TerminalTable.Column
    /// Whether the column goes away where no row fills it.
    var isDroppedWhenEmpty = false
    /// Nil where the row has no such figure.
    let cell: (WorkloadGroup.Row) -> TerminalTable.Cell?
}

/// What throughput and latency tables have in common.
enum GroupColumns {
    static func table(_ group: WorkloadGroup, _ columns: [GroupColumn]) -> TerminalTable {
        let shown = columns.filter { column in
            !column.isDroppedWhenEmpty || group.rows.contains { column.cell($0) != nil }
        }
        var table = TerminalTable(columns: shown.map(\.column))
        for row in group.rows {
            table.append(shown.map { $0.cell(row) ?? absent($0.column) })
        }
        return table
    }

    static var scheme: GroupColumn {
        GroupColumn(
            column: .init("scheme", kind: .flexible(minimum: 14), alignRight: false)
        ) { row in .text(row.summary.key.label, row.isReference ? .heading : .plain) }
    }

    /// Against the control, or against the best row where there is no control.
    static func ratio(_ group: WorkloadGroup) -> GroupColumn {
        let isControl = group.reference == .control
        return GroupColumn(column: .init(isControl ? "vs ctrl" : "vs best")) { row in
            if row.isReference { return .text(isControl ? "control" : "best") }
            return row.ratio.map { .text(Figures.ratio($0.ratio)) }
        }
    }

    static func ratioInterval(priority: Int) -> GroupColumn {
        GroupColumn(
            column: .init("95 % range", priority: priority), isDroppedWhenEmpty: true
        ) { row in row.ratio?.interval.map { .text(range($0)) } }
    }

    static var limitShare: GroupColumn {
        GroupColumn(column: .init("limit"), isDroppedWhenEmpty: true) { row in
            row.limitShare.map { .text(Figures.percent($0)) }
        }
    }

    static func rounds(priority: Int) -> GroupColumn {
        GroupColumn(column: .init("rounds", priority: priority)) { row in
            .text("\(row.summary.usableRounds)/\(row.summary.rounds)")
        }
    }

    /// The headline as a share of the table's largest.
    static func bar(_ group: WorkloadGroup, priority: Int) -> GroupColumn {
        let largest = group.rows.compactMap(\.summary.headline).max() ?? 0
        let column = TerminalTable.Column(
            "", kind: .bar(minimum: 8, maximum: 30), alignRight: false, priority: priority)
        return GroupColumn(column: column) { row in
            row.summary.headline.map { .share(largest > 0 ? $0 / largest : 0) }
        }
    }

    /// `failed` in place of the headline, so that no reader takes the row for a slow one.
    static func instead(of summary: CellSummary) -> TerminalTable.Cell? {
        if case .failed = summary.outcome { return .text("failed ", .failed) }
        return nil
    }

    /// `±1.2 %`, the larger reach of the interval.
    static func reach(_ interval: Interval?, from estimate: Double?) -> TerminalTable.Cell? {
        guard let estimate, let reach = interval?.relativeReach(from: estimate) else { return nil }
        return .text(Figures.percent(reach))
    }

    static func range(_ interval: Interval) -> String {
        "\(Figures.threeDigits(interval.lower))–\(Figures.threeDigits(interval.upper))"
    }

    private static func absent(_ column: TerminalTable.Column) -> TerminalTable.Cell {
        if case .bar = column.kind { return .empty }
        return .text(Figures.absent, .faint)
    }
}
