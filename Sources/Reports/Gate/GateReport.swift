import Results

/// What a gate found, with what a reader needs beside it.
public struct GateFindings: Sendable {
    public let verdict: GateVerdict
    public let base: String
    public let head: String
    public let suite: String
    public let seed: UInt64
    public let seconds: Double
    public let budgetSeconds: Double
    public let visits: Int
    /// Sentences about what was left out.
    public let notes: [String]
    /// Failed checks of correctness; where there are any no figure counts.
    public let violations: [String]
    /// Deterministic measures that differ from their thresholds, a sentence each.
    public let deterministic: [DeterministicFinding]

    public init(
        verdict: GateVerdict, base: String, head: String, suite: String, seed: UInt64,
        seconds: Double, budgetSeconds: Double, visits: Int, notes: [String],
        violations: [String], deterministic: [DeterministicFinding]
    ) {
        self.verdict = verdict
        self.base = base
        self.head = head
        self.suite = suite
        self.seed = seed
        self.seconds = seconds
        self.budgetSeconds = budgetSeconds
        self.visits = visits
        self.notes = notes
        self.violations = violations
        self.deterministic = deterministic
    }

    /// With everything that was gated.
    public var outcome: GateVerdict.Outcome {
        deterministic.contains { $0.isFailure } || !violations.isEmpty ? .fail : verdict.outcome
    }
}

/// One exact measure of the head against what its thresholds allow.
public struct DeterministicFinding: Sendable, Encodable, Equatable {
    public let name: String
    public let expected: Double?
    public let found: Double
    /// Share of `expected`.
    public let tolerance: Double
    public let isFailure: Bool

    public init(
        name: String, expected: Double?, found: Double, tolerance: Double, isFailure: Bool
    ) {
        self.name = name
        self.expected = expected
        self.found = found
        self.tolerance = tolerance
        self.isFailure = isFailure
    }
}

/// A gate's findings as text for a terminal.
public enum GateReport {
    /// No line is wider than the style says.
    public static func text(_ findings: GateFindings, _ style: Style) -> String {
        var blocks = [header(findings, style)]
        let failed = findings.verdict.rows.filter { $0.status == .failed }
        let open = findings.verdict.rows.filter { $0.status == .undecided }
        let passed = findings.verdict.rows.filter { $0.status == .passed }
        for (title, rows) in [
            ("Slower, confirmed", failed), ("Not decided", open), ("Not slower", passed),
        ] where !rows.isEmpty {
            blocks.append(section("\(title): \(rows.count)", rows, style))
        }
        if !findings.deterministic.isEmpty { blocks.append(exact(findings, style)) }
        let notes = findings.violations.map { "Check failed: \($0)" } + findings.notes
        if !notes.isEmpty {
            blocks.append(
                [Emphasis.heading.applied(to: "Notes", style: style)]
                    + notes.flatMap {
                        TextWidth.wrapped(
                            "- " + TextWidth.printable($0), to: style.width, indent: "  ")
                    })
        }
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    /// `pass: 99 figures, none slower`, one line.
    public static func summary(_ findings: GateFindings) -> String {
        let rows = findings.verdict.rows
        let failed = rows.count { $0.status == .failed }
        let open = rows.count { $0.status == .undecided }
        let exact = findings.deterministic.count { $0.isFailure }
        var parts = ["\(rows.count) figures", "\(failed) slower", "\(open) not decided"]
        let faster = rows.count { $0.isFaster }
        if faster > 0 { parts.append("\(faster) faster") }
        if exact > 0 { parts.append("\(exact) exact measures beyond their thresholds") }
        if !findings.violations.isEmpty { parts.append("a check failed") }
        return "\(findings.outcome.rawValue): " + parts.joined(separator: ", ")
    }

    private static func header(_ findings: GateFindings, _ style: Style) -> [String] {
        let verdict = findings.verdict
        let rules = verdict.rules
        let emphasis: Emphasis =
            switch findings.outcome {
            case .pass: .best
            case .fail: .failed
            case .inconclusive: .worst
            }
        let entries = [
            ("gate", summary(findings)),
            ("base", findings.base), ("head", findings.head),
            (
                "measured",
                "suite \(findings.suite), \(findings.visits) visits in "
                    + "\(ProgressLine.duration(findings.seconds)) of "
                    + "\(ProgressLine.duration(findings.budgetSeconds)); "
                    + "\(verdict.screeningBlocks) blocks of screening, "
                    + "\(verdict.confirmationBlocks) of confirmation for \(verdict.confirmed) "
                    + "figures; seed \(findings.seed)"
            ),
            (
                "rules",
                "slower than \(Figures.percent(rules.tolerance)) (p99: "
                    + "\(Figures.percent(rules.tailTolerance))) fails, once confirmed; a slowdown "
                    + "by \(Figures.percent(rules.margin)) (p99: "
                    + "\(Figures.percent(rules.tailMargin))) must be excluded to pass"
            ),
            (
                "errors",
                "equal builds fail in at most \(Figures.percent(rules.falseAlarmRate)) of gates; "
                    + "a slowdown by the margin passes in at most "
                    + "\(Figures.percent(rules.missRate))"
            ),
        ]
        return entries.enumerated().flatMap { place, entry in
            let label = TextWidth.padded(entry.0, to: 10, alignRight: false)
            return TextWidth.wrapped(
                TextWidth.printable(entry.1), to: style.width - 10, indent: ""
            )
            .enumerated().map { line, text in
                (line == 0 ? label : String(repeating: " ", count: 10))
                    + (place == 0 ? emphasis.applied(to: text, style: style) : text)
            }
        }
    }

    private static func section(
        _ title: String, _ rows: [GateVerdict.Row], _ style: Style
    ) -> [String] {
        var table = TerminalTable(columns: [
            .init("scheme", kind: .flexible(minimum: 12), alignRight: false),
            .init("workload", kind: .flexible(minimum: 10), alignRight: false),
            .init("figure", alignRight: false), .init("slower"), .init("95 % interval"),
            .init("needed"), .init("could see"),
            .init("blocks", priority: 1), .init("p, adjusted", priority: 2),
            .init("placement", alignRight: false, priority: 3),
        ])
        // The largest first: what a reader looks for.
        let ordered = rows.sorted { ($0.slowdown ?? -1) > ($1.slowdown ?? -1) }
        let hasFaster = ordered.contains { $0.isFaster }
        for row in ordered {
            table.append([
                .text(row.cell.key.label), .text(row.cell.key.workload),
                .text(row.cell.figure == .throughput ? "rate" : row.cell.figure.rawValue),
                .text(
                    (row.isFaster ? "*" : "") + GateText.share(row.slowdown),
                    row.status == .failed ? .worst : row.isFaster ? .best : .plain),
                .text(GateText.range(row)), .text(GateText.share(row.threshold)),
                .text(GateText.share(row.smallestSeen)), .text("\(row.blocks)"),
                .text(row.adjustedP.map { GateText.probability($0) } ?? Figures.absent),
                .text(row.cell.key.placement),
            ])
        }
        return [Emphasis.heading.applied(to: title, style: style)] + table.lines(style)
            + TextWidth.wrapped(
                "slower: how much more time the head takes; needed: the tolerance, or what the "
                    + "base shows against itself; could see: the smallest slowdown that so many "
                    + "blocks show in four of five cases"
                    + (hasFaster ? "; *: faster, corrected for all figures" : ""),
                to: style.width, indent: ""
            ).map { Emphasis.faint.applied(to: $0, style: style) }
    }

    private static func exact(_ findings: GateFindings, _ style: Style) -> [String] {
        var table = TerminalTable(columns: [
            .init("exact measure", kind: .flexible(minimum: 20), alignRight: false),
            .init("expected"), .init("found"), .init("change"), .init("", alignRight: false),
        ])
        let shown = findings.deterministic.filter { $0.isFailure || $0.found > 0.005 }
        guard !shown.isEmpty else {
            return ["Exact measures: \(findings.deterministic.count), all of them 0."]
        }
        for finding in shown {
            let change = finding.expected.flatMap { $0 > 0 ? finding.found / $0 : nil }
            table.append([
                .text(finding.name),
                .text(finding.expected.map { GateText.exact($0) } ?? Figures.absent),
                .text(GateText.exact(finding.found)),
                .text(change.map { ChangeText.percent($0) } ?? Figures.absent),
                .text(finding.isFailure ? "beyond" : "", .worst),
            ])
        }
        return table.lines(style)
    }
}

/// A gate's figures as text.
enum GateText {
    static func share(_ share: Double?) -> String {
        share.map { ChangeText.percent(1 + $0) } ?? Figures.absent
    }

    static func range(_ row: GateVerdict.Row) -> String {
        guard let lower = row.lower, let upper = row.upper else { return Figures.absent }
        return ChangeText.range(Interval(lower: 1 + lower, upper: 1 + upper, level: 0.95))
    }

    static func probability(_ value: Double) -> String {
        value < 0.0001 ? "<0.0001" : Figures.threeDigits(value)
    }

    /// Whole numbers whole, others with two digits after the point.
    static func exact(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15
            ? "\(Int(value))" : "\((value * 100).rounded() / 100)"
    }
}
