import Results

/// A gate's findings for programs: JSON, JUnit XML, annotations.
public enum GateOutputs {
    /// As a JSON object; slowdowns are shares, 0.1 for 10 % more time.
    public struct Document: Encodable, Sendable {
        struct Figure: Encodable, Sendable {
            let key: CellKey
            let figure: CellFigure
            let status: GateProcedure.Status
            let slowdown: Double?
            let lower: Double?
            let upper: Double?
            let threshold: Double?
            let smallestSeen: Double?
            let adjustedP: Double?
            let blocks: Int
            let isFaster: Bool
        }

        let tool = "fqbench gate"
        let outcome: GateVerdict.Outcome
        let base: String
        let head: String
        let suite: String
        let seed: UInt64
        let seconds: Double
        let budgetSeconds: Double
        let falseAlarmRate: Double
        let missRate: Double
        let screeningBlocks: Int
        let confirmationBlocks: Int
        let figures: [Figure]
        let deterministic: [DeterministicFinding]
        let violations: [String]
        let notes: [String]

        public init(_ findings: GateFindings) {
            outcome = findings.outcome
            base = findings.base
            head = findings.head
            suite = findings.suite
            seed = findings.seed
            seconds = findings.seconds
            budgetSeconds = findings.budgetSeconds
            falseAlarmRate = findings.verdict.rules.falseAlarmRate
            missRate = findings.verdict.rules.missRate
            screeningBlocks = findings.verdict.screeningBlocks
            confirmationBlocks = findings.verdict.confirmationBlocks
            deterministic = findings.deterministic
            violations = findings.violations
            notes = findings.notes
            figures = findings.verdict.rows.map {
                Figure(
                    key: $0.cell.key, figure: $0.cell.figure, status: $0.status,
                    slowdown: $0.slowdown, lower: $0.lower, upper: $0.upper,
                    threshold: $0.threshold, smallestSeen: $0.smallestSeen,
                    adjustedP: $0.adjustedP, blocks: $0.blocks, isFaster: $0.isFaster)
            }
        }
    }

    /// JUnit XML: a test case per figure and exact measure; what is not decided is skipped.
    public static func junit(_ findings: GateFindings) -> String {
        var cases: [String] = []
        var failures = 0
        var skipped = 0
        for row in findings.verdict.rows {
            let head =
                "    <testcase classname=\"\(xml(className(row.cell.key)))\" name=\""
                + xml("\(row.cell.key.label) \(row.cell.figure.rawValue)") + "\""
            switch row.status {
            case .failed:
                failures += 1
                cases.append(head + "><failure message=\"\(xml(sentence(row)))\"/></testcase>")
            case .undecided, .open, .suspect:
                skipped += 1
                cases.append(head + "><skipped message=\"\(xml(sentence(row)))\"/></testcase>")
            case .passed: cases.append(head + "/>")
            }
        }
        for finding in findings.deterministic {
            let head = "    <testcase classname=\"exact\" name=\"\(xml(finding.name))\""
            if finding.isFailure {
                failures += 1
                cases.append(head + "><failure message=\"\(xml(sentence(finding)))\"/></testcase>")
            } else {
                cases.append(head + "/>")
            }
        }
        for violation in findings.violations {
            failures += 1
            cases.append(
                "    <testcase classname=\"check\" name=\"correctness\"><failure message=\""
                    + xml(violation) + "\"/></testcase>")
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites>
              <testsuite name="fqbench gate" tests="\(cases.count)" failures="\(failures)" \
            skipped="\(skipped)" time="\(Int(findings.seconds.rounded()))">
            \(cases.joined(separator: "\n"))
              </testsuite>
            </testsuites>

            """
    }

    /// Lines that GitHub shows at a pull request: errors for what failed, warnings for what is not
    /// decided, a notice with the whole.
    public static func annotations(_ findings: GateFindings) -> String {
        var lines = findings.violations.map {
            annotation("error", "fqbench gate: check failed", $0)
        }
        lines += findings.deterministic.filter(\.isFailure).map {
            annotation("error", "fqbench gate: \($0.name)", sentence($0))
        }
        for row in findings.verdict.rows where row.status == .failed {
            lines.append(annotation("error", "fqbench gate: slower", sentence(row)))
        }
        let open = findings.verdict.rows.filter { $0.status == .undecided }
        for row in open.prefix(5) {
            lines.append(annotation("warning", "fqbench gate: not decided", sentence(row)))
        }
        lines.append(annotation("notice", "fqbench gate", GateReport.summary(findings)))
        return lines.joined(separator: "\n") + "\n"
    }

    static func annotation(_ kind: String, _ title: String, _ text: String) -> String {
        "::\(kind) title=\(property(title))::\(data(text))"
    }

    private static func className(_ key: CellKey) -> String {
        "\(key.subject).\(key.workload).\(key.placement)"
    }

    private static func sentence(_ row: GateVerdict.Row) -> String {
        let key = row.cell.key
        return "\(key.label) under \(key.workload) (\(key.placement)), "
            + "\(row.cell.figure.rawValue): \(GateText.share(row.slowdown)) time, 95 % interval "
            + "\(GateText.range(row)), needed \(GateText.share(row.threshold)), "
            + "could see \(GateText.share(row.smallestSeen)), \(row.blocks) blocks"
    }

    private static func sentence(_ finding: DeterministicFinding) -> String {
        let expected = finding.expected.map { GateText.exact($0) } ?? "no threshold"
        return "\(finding.name): found \(GateText.exact(finding.found)), expected \(expected)"
    }

    static func xml(_ text: String) -> String {
        TextWidth.printable(text).map { character in
            switch character {
            case "<": "&lt;"
            case ">": "&gt;"
            case "&": "&amp;"
            case "\"": "&quot;"
            default: String(character)
            }
        }.joined()
    }

    /// The text of a workflow command.
    private static func data(_ text: String) -> String {
        TextWidth.printable(text).replacing("%", with: "%25")
    }

    /// A property of a workflow command, in which more characters have a meaning.
    private static func property(_ text: String) -> String {
        data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
