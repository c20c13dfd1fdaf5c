import Results

/// What changed between two runs, as text for a terminal.
public enum ComparisonReport {
    /// A table per workload, with a line break at its end. No line is wider than the style says.
    public static func text(_ comparison: RunComparison, _ style: Style) -> String {
        var blocks = [header(comparison, style)]
        blocks += ComparisonGroup.all(of: comparison).map { section($0, comparison, style) }
        if comparison.rows.isEmpty { blocks.append(["Neither run has a cell."]) }
        var notes = comparison.notes
        if !comparison.options.acrossMachines { notes.append(caution) }
        blocks.append(
            [Emphasis.heading.applied(to: "Notes", style: style)]
                + notes.flatMap { TextWidth.wrapped("- " + $0, to: style.width, indent: "  ") })
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    /// What every comparison of stored runs has against it.
    static let caution =
        "One run came after the other: a change of the machine between them looks like a change of "
        + "the code. fqbench gate measures both builds in turn, and decides."

    /// How many cells have which verdict, one line.
    static func counts(_ comparison: RunComparison) -> String {
        var counts: [RunComparison.Verdict: Int] = [:]
        var incomparable = 0
        for row in comparison.rows {
            switch row.outcome {
            case .changes(let changes):
                for change in changes { counts[change.verdict, default: 0] += 1 }
            case .incomparable: incomparable += 1
            }
        }
        return "\(counts[.slower] ?? 0) slower, \(counts[.faster] ?? 0) faster, "
            + "\(counts[.same] ?? 0) the same, \(counts[.unclear] ?? 0) unclear; "
            + "\(incomparable) cells not compared"
    }

    private static func header(_ comparison: RunComparison, _ style: Style) -> [String] {
        let lines = [
            ("before", description(of: comparison.before)),
            ("after", description(of: comparison.after)),
            ("changes", counts(comparison)),
        ]
        return lines.flatMap { label, text in
            let first = TextWidth.padded(label, to: 9, alignRight: false)
            return TextWidth.wrapped(TextWidth.printable(text), to: style.width - 9, indent: "")
                .enumerated().map {
                    ($0.offset == 0 ? first : String(repeating: " ", count: 9)) + $0.element
                }
        }
    }

    static func description(of document: RunDocument) -> String {
        let commit = document.build["commit"].map { "commit \($0.prefix(12))" } ?? "no commit"
        return "suite \(document.suite.name), \(document.suite.rounds) rounds, "
            + "\(document.startedAt), \(commit)"
    }

    private static func section(
        _ group: ComparisonGroup, _ comparison: RunComparison, _ style: Style
    ) -> [String] {
        let isRatio = comparison.options.acrossMachines
        var table = TerminalTable(columns: [
            .init("scheme", kind: .flexible(minimum: 14), alignRight: false),
            .init("figure", alignRight: false), .init(isRatio ? "vs ctrl" : "before"),
            .init(isRatio ? "then" : "after"), .init("change"), .init("95 % interval"),
            .init("", alignRight: false),
            .init("change vs ctrl", priority: 1), .init("rounds", priority: 2),
        ])
        var reasons: [(reason: String, schemes: [String])] = []
        for row in group.rows {
            switch row.outcome {
            case .changes(let changes):
                for (place, change) in changes.enumerated() {
                    table.append(cells(change, place == 0 ? row.key.label : "", isRatio: isRatio))
                }
            case .incomparable(let reason):
                if let known = reasons.firstIndex(where: { $0.reason == reason }) {
                    reasons[known].schemes.append(row.key.label)
                } else {
                    reasons.append((reason, [row.key.label]))
                }
            }
        }
        var lines = [
            Emphasis.heading.applied(
                to: TextWidth.cutEnd(TextWidth.printable(group.title), to: style.width),
                style: style)
        ]
        let hasFigures = group.rows.contains {
            if case .changes = $0.outcome { true } else { false }
        }
        if hasFigures { lines += table.lines(style) }
        for entry in reasons {
            let schemes =
                entry.schemes.count == group.rows.count && group.rows.count > 1
                ? "all \(group.rows.count) schemes" : entry.schemes.joined(separator: ", ")
            lines += TextWidth.wrapped(
                TextWidth.printable("- not compared: \(schemes): \(entry.reason)"),
                to: style.width, indent: "  ")
        }
        return lines
    }

    private static func cells(
        _ change: RunComparison.Change, _ label: String, isRatio: Bool
    ) -> [TerminalTable.Cell] {
        let interval = change.ratio.interval.map { ChangeText.range($0) } ?? Figures.absent
        let emphasis: Emphasis =
            switch change.verdict {
            case .slower: .worst
            case .faster: .best
            case .same, .unclear: .plain
            }
        return [
            .text(label), .text(change.figure.rawValue),
            .text(ChangeText.figure(change.before, change.figure, isRatio: isRatio)),
            .text(ChangeText.figure(change.after, change.figure, isRatio: isRatio)),
            .text(ChangeText.percent(change.ratio.ratio)), .text(interval),
            .text(change.verdict.rawValue, emphasis),
            .text(change.controlled.map { ChangeText.percent($0.ratio) } ?? Figures.absent),
            .text("\(change.roundsBefore), \(change.roundsAfter)"),
        ]
    }
}

/// Rows of one workload at one placement.
struct ComparisonGroup {
    let title: String
    let rows: [RunComparison.Row]

    /// In the order of their first rows.
    static func all(of comparison: RunComparison) -> [ComparisonGroup] {
        var order: [String] = []
        var members: [String: [RunComparison.Row]] = [:]
        for row in comparison.rows {
            let title = title(of: row.key, row.measure)
            if members[title] == nil { order.append(title) }
            members[title, default: []].append(row)
        }
        return order.map { ComparisonGroup(title: $0, rows: members[$0] ?? []) }
    }

    static func title(of key: CellKey, _ measure: CellMeasure) -> String {
        [
            key.subject, key.workload, measure.rawValue, key.placement,
            "\(key.producers) to \(key.consumers)",
        ].joined(separator: " · ")
    }
}

/// Changes as text.
public enum ChangeText {
    /// `+3.2 %`, `-0.4 %`, from a ratio; `0 %` also for less than the 0.1 % that it shows.
    public static func percent(_ ratio: Double) -> String {
        guard ratio.isFinite else { return Figures.absent }
        let share = ratio - 1
        if abs(share) >= 9.995 { return Figures.ratio(ratio) }
        let text = Figures.percent(abs(share))
        if share == 0 || text.hasPrefix("<") { return Figures.percent(0) }
        return (share > 0 ? "+" : "-") + text
    }

    /// `-1.2…+3.4 %`, from ratios.
    public static func range(_ interval: Interval) -> String {
        let (low, high) = (percent(interval.lower), percent(interval.upper))
        return low.hasSuffix(" %") && high.hasSuffix(" %")
            ? "\(low.dropLast(2))…\(high)" : "\(low)…\(high)"
    }

    /// `12.3 M/s`, `310 ns`, or a plain ratio.
    static func figure(_ value: Double, _ figure: CellFigure, isRatio: Bool) -> String {
        if isRatio { return Figures.ratio(value) }
        return figure == .throughput
            ? Figures.quantity(value) + "/s" : Figures.time(ns: value)
    }
}
