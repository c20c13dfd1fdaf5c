import Results

/// The counts of a build against their thresholds, as text for a terminal or for programs.
public struct CountReport: Sendable, Encodable {
    let tool = "fqbench gate --counts"
    /// `pass`, `fail`, or `stale` where counts are below their thresholds and none above.
    public let outcome: Outcome
    let counts: [CountFinding]
    /// What was left out, and why.
    let notes: [String]
    /// What would accept the build's counts, for `patch -p1`; empty where nothing is to change.
    let diff: String

    public enum Outcome: String, Sendable, Encodable {
        case pass, fail, stale
    }

    public init(findings: [CountFinding], notes: [String], diff: String) {
        counts = findings
        self.notes = notes
        self.diff = diff
        outcome =
            if findings.contains(where: { $0.status == .above }) {
                .fail
            } else if findings.contains(where: { $0.status == .below }) {
                .stale
            } else {
                .pass
            }
    }

    /// `fail: 40 counts, 2 above their thresholds`, one line.
    public var summary: String {
        let absent = counts.count { $0.status == .absent }
        let above = counts.count { $0.status == .above }
        let below = counts.count { $0.status == .below }
        var parts = ["\(counts.count - absent) counts", "\(above) above their thresholds"]
        if below > 0 { parts.append("\(below) below") }
        if absent > 0 { parts.append("\(absent) not measured") }
        return "\(outcome.rawValue): " + parts.joined(separator: ", ")
    }

    /// A table with a row for each scheme and count, the notes, and the diff; lines but the diff's
    /// fit the style's width.
    public func text(_ style: Style) -> String {
        let emphasis: Emphasis =
            switch outcome {
            case .pass: .best
            case .stale: .worst
            case .fail: .failed
            }
        var blocks = [[emphasis.applied(to: summary, style: style)], table.lines(style)]
        if !notes.isEmpty {
            blocks.append(
                notes.flatMap {
                    TextWidth.wrapped(
                        "- " + TextWidth.printable($0), to: style.width, indent: "  ")
                })
        }
        if !diff.isEmpty {
            blocks.append(
                TextWidth.wrapped(
                    "If these counts are as they should be, apply this with patch -p1:",
                    to: style.width, indent: ""))
        }
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
            + (diff.isEmpty ? "" : "\n" + diff)
    }

    /// Lines that GitHub shows at a pull request: an error for each count above its threshold, a
    /// warning for each below.
    public var annotations: String {
        var lines = counts.filter { $0.status == .above || $0.status == .below }.map { finding in
            let found = finding.found.map { CountThresholds.text($0) } ?? Figures.absent
            return GateOutputs.annotation(
                finding.status == .above ? "error" : "warning",
                "fqbench gate: \(finding.scheme), \(finding.count.rawValue)",
                "found \(found), expected \(CountThresholds.text(finding.expected)) ± "
                    + "\(CountThresholds.text(finding.tolerance)): \(finding.reason)")
        }
        lines.append(GateOutputs.annotation("notice", "fqbench gate", summary))
        return lines.joined(separator: "\n") + "\n"
    }

    private var table: TerminalTable {
        var table = TerminalTable(columns: [
            .init("scheme", kind: .flexible(minimum: 12), alignRight: false),
            .init("count", alignRight: false), .init("threshold"), .init("±"), .init("found"),
            .init("change"), .init("", alignRight: false),
            .init("reason", alignRight: false, priority: 1),
        ])
        for finding in counts {
            let change = finding.found.map { $0 - finding.expected } ?? 0
            table.append([
                .text(finding.scheme), .text(finding.count.rawValue),
                .text(CountThresholds.text(finding.expected)),
                .text(CountThresholds.text(finding.tolerance)),
                .text(finding.found.map { CountThresholds.text($0) } ?? Figures.absent),
                .text(
                    change == 0
                        ? "" : (change > 0 ? "+" : "−") + CountThresholds.text(rounded(change))),
                .text(
                    finding.status == .within ? "" : finding.status.rawValue,
                    finding.status == .above ? .failed : .worst),
                .text(finding.reason),
            ])
        }
        return table
    }

    private func rounded(_ change: Double) -> Double { (abs(change) * 100).rounded() / 100 }
}
