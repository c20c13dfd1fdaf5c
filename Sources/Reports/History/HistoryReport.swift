import Results

/// Runs over time as text: the change points, then a plot of each series that has one.
public enum HistoryReport {
    /// - Parameters:
    ///   - plotsAll: Whether series without a change are plotted too.
    ///   - notes: Sentences about what was left out before, ahead of the history's own.
    public static func text(
        _ history: RunHistory, plotsAll: Bool = false, notes: [String] = [], _ style: Style
    ) -> String {
        let changed = history.series.filter { !$0.changes.isEmpty }
        var blocks = [header(history, changed, style)]
        if !changed.isEmpty { blocks.append(table(history, changed, style)) }
        blocks += (plotsAll ? history.series : changed).map { plot($0, history, style) }
        let all = notes + history.notes
        if !all.isEmpty {
            blocks.append(
                [Emphasis.heading.applied(to: "Notes", style: style)]
                    + all.flatMap {
                        TextWidth.wrapped(
                            "- " + TextWidth.printable($0), to: style.width, indent: "  ")
                    })
        }
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func header(
        _ history: RunHistory, _ changed: [RunHistory.Series], _ style: Style
    ) -> [String] {
        let first = history.runs.first?.startedAt ?? Figures.absent
        let last = history.runs.last?.startedAt ?? Figures.absent
        let count = changed.reduce(0) { $0 + $1.changes.count }
        let runs =
            history.runs.count == 1
            ? "1 run from \(first)" : "\(history.runs.count) runs from \(first) to \(last)"
        let changes =
            count > 0
            ? "change points: \(count)"
            : history.searchable > 0 ? "no change points" : "too few runs to show a change"
        return TextWidth.wrapped(
            "\(runs), \(history.series.count) series, \(changes)", to: style.width, indent: "")
    }

    private static func table(
        _ history: RunHistory, _ changed: [RunHistory.Series], _ style: Style
    ) -> [String] {
        var table = TerminalTable(columns: [
            .init("scheme", kind: .flexible(minimum: 12), alignRight: false),
            .init("workload", kind: .flexible(minimum: 10), alignRight: false),
            .init("figure", alignRight: false), .init("change"), .init("", alignRight: false),
            .init("from commit", alignRight: false), .init("confidence"),
            .init("date", alignRight: false, priority: 1),
            .init("placement", alignRight: false, priority: 2),
        ])
        for series in changed {
            for change in series.changes {
                let run = history.runs[series.values[change.index].run]
                let isBetter = (change.ratio > 1) == series.figure.isHigherBetter
                let mark = series.reference == .none ? " *" : ""
                table.append([
                    .text(series.key.label), .text(series.key.workload),
                    .text(series.figure.rawValue + mark), .text(ChangeText.percent(change.ratio)),
                    .text(isBetter ? "faster" : "slower", isBetter ? .best : .worst),
                    .text(run.commit.map { String($0.prefix(9)) } ?? Figures.absent),
                    .text(confidence(change)), .text(run.startedAt), .text(series.key.placement),
                ])
            }
        }
        let hasPlain = changed.contains { $0.reference == .none }
        return table.lines(style)
            + TextWidth.wrapped(
                "change: of the median of the ratios to the control (or to what the workload's "
                    + "other structures did) in the same run; "
                    + (hasPlain
                        ? "*: of plain figures, as some run has neither the control nor "
                            + "\(RunHistory.leastOthers) other structures; " : "")
                    + "confidence: that random orders of the values show less, corrected for the "
                    + "number of series",
                to: style.width, indent: ""
            ).map { Emphasis.faint.applied(to: $0, style: style) }
    }

    private static func confidence(_ change: RunHistory.Change) -> String {
        let text = Figures.percent(change.confidence)
        return text == "100 %" ? ">99.9 %" : text
    }

    private static func plot(
        _ series: RunHistory.Series, _ history: RunHistory, _ style: Style
    ) -> [String] {
        let unit =
            switch series.reference {
            case .control: "ratio to the control"
            case .group: "relative to the other structures"
            case .none: series.figure == .throughput ? "per second" : "ns"
            }
        let key = series.key
        let title =
            "\(key.subject) · \(key.label) · \(key.workload) · \(key.placement) · "
            + "\(series.figure.rawValue), \(unit)"
        return [
            Emphasis.heading.applied(
                to: TextWidth.cutEnd(TextWidth.printable(title), to: style.width), style: style)
        ] + HistoryPlot.lines(series, history, style)
    }
}

/// A series as points over its runs, a line at each segment's median, a rule at each change.
enum HistoryPlot {
    static let height = 9

    static func lines(
        _ series: RunHistory.Series, _ history: RunHistory, _ style: Style
    ) -> [String] {
        let values = series.values.map(\.relative)
        guard let low = values.min(), let high = values.max() else { return [] }
        let reach = max(high - low, abs(high) * 0.01)
        let (bottom, top) = (low - reach * 0.05, high + reach * 0.05)
        let axis = (0..<height).map { row in
            let value = top - (top - bottom) * (Double(row) + 0.5) / Double(height)
            return row % 2 == 0 ? Figures.threeDigits(value) : ""
        }
        let axisWidth = axis.map { TextWidth.columns($0) }.max() ?? 0
        let room = style.width - axisWidth - 2
        // Some columns for a run where there is room; the newest runs where there is not.
        let step = max(1, min(4, room / max(values.count, 1)))
        let shown = max(0, values.count - room / step)..<values.count
        var grid = [[Character]](
            repeating: [Character](repeating: " ", count: shown.count * step), count: height)
        func row(_ value: Double) -> Int {
            let place = (top - value) / (top - bottom) * Double(height)
            return place.isFinite ? min(height - 1, max(0, Int(place))) : 0
        }
        let ends = [0] + series.changes.map(\.index) + [values.count]
        for (from, to) in zip(ends, ends.dropFirst()) {
            guard let median = Statistics.median(Array(values[from..<to])) else { continue }
            let stretch = (from..<to).clamped(to: shown)
            for column in (stretch.lowerBound - shown.lowerBound)
                * step..<max(
                    (stretch.lowerBound - shown.lowerBound) * step,
                    (stretch.upperBound - shown.lowerBound) * step)
            {
                grid[row(median)][column] = "─"
            }
        }
        for change in series.changes where shown.contains(change.index) {
            let column = (change.index - shown.lowerBound) * step
            for line in 0..<height { grid[line][column] = "│" }
        }
        for index in shown {
            grid[row(values[index])][(index - shown.lowerBound) * step + step / 2] = "●"
        }
        let plot = grid.enumerated().map { line, characters in
            let text = String(characters)
            return TextWidth.padded(axis[line], to: axisWidth, alignRight: true) + " ┤"
                + String(text.reversed().drop { $0 == " " }.reversed())
        }
        let runs = shown.isEmpty ? nil : (shown.lowerBound, shown.upperBound - 1)
        let dates = runs.map { first, last in
            history.runs[series.values[first].run].startedAt.prefix(10) + " … "
                + history.runs[series.values[last].run].startedAt.prefix(10)
        }
        return plot + [String(repeating: " ", count: axisWidth + 2) + (dates ?? "")]
    }
}
