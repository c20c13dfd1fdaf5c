import Results

/// What changed between two runs, as Markdown for a comment on a pull request.
public enum ComparisonMarkdown {
    /// What is slower or faster first, everything else folded away.
    public static func text(_ comparison: RunComparison) -> String {
        var lines = [
            "### fqbench compare",
            "",
            "| | |",
            "|---|---|",
            "| before | \(escaped(ComparisonReport.description(of: comparison.before))) |",
            "| after | \(escaped(ComparisonReport.description(of: comparison.after))) |",
            "",
            "**\(ComparisonReport.counts(comparison))**",
            "",
        ]
        let rows = comparison.rows.flatMap { row -> [(RunComparison.Row, RunComparison.Change)] in
            guard case .changes(let changes) = row.outcome else { return [] }
            return changes.map { (row, $0) }
        }
        let isChanged = { (change: RunComparison.Change) in
            change.verdict == .slower || change.verdict == .faster
        }
        let changed = rows.filter { isChanged($0.1) }
        let isRatio = comparison.options.acrossMachines
        if !changed.isEmpty { lines += table(changed, isRatio: isRatio) + [""] }
        let others = rows.filter { !isChanged($0.1) }
        if !others.isEmpty {
            lines += folded("\(others.count) figures without a clear change") {
                table(others, isRatio: isRatio)
            }
        }
        let reasons = comparison.rows.compactMap { row -> String? in
            guard case .incomparable(let reason) = row.outcome else { return nil }
            let key = row.key
            return "- `\(escaped(key.label))`, \(escaped(key.workload)), "
                + "\(escaped(key.placement)): \(escaped(reason))"
        }
        if !reasons.isEmpty {
            lines += folded("\(reasons.count) cells not compared") { reasons }
        }
        let caution = isRatio ? [] : [ComparisonReport.caution]
        lines += (comparison.notes + caution).map { "> " + escaped($0) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func folded(_ summary: String, _ content: () -> [String]) -> [String] {
        ["<details><summary>\(summary)</summary>", ""] + content() + ["", "</details>", ""]
    }

    private static func table(
        _ rows: [(RunComparison.Row, RunComparison.Change)], isRatio: Bool
    ) -> [String] {
        [
            "| scheme | workload | figure | before | after | change | 95 % interval | |",
            "|---|---|---|--:|--:|--:|--:|---|",
        ]
            + rows.map { row, change in
                let cells = [
                    "`\(escaped(row.key.label))`",
                    "\(escaped(row.key.workload)), \(escaped(row.key.placement))",
                    change.figure.rawValue,
                    ChangeText.figure(change.before, change.figure, isRatio: isRatio),
                    ChangeText.figure(change.after, change.figure, isRatio: isRatio),
                    ChangeText.percent(change.ratio.ratio),
                    change.ratio.interval.map { ChangeText.range($0) } ?? Figures.absent,
                    change.verdict.rawValue,
                ]
                return "| " + cells.joined(separator: " | ") + " |"
            }
    }

    /// Text that Markdown and HTML leave as it is: names come from files.
    static func escaped(_ text: String) -> String {
        TextWidth.printable(text).map { character in
            switch character {
            case "<": "&lt;"
            case ">": "&gt;"
            case "&": "&amp;"
            case "|", "`", "*", "_", "[", "]", "\\", "#", "~":
                // Names with these in them stay themselves inside and outside of code.
                "&#\(character.unicodeScalars.first?.value ?? 63);"
            default: String(character)
            }
        }.joined()
    }
}
