import FaultOracle
import FaultQueues
import Foundation
import Harness
import Reports

/// What `fqbench verify` found, as JSON has it.
struct VerifyReport: Encodable {
    struct Check: Encodable {
        let scheme: String
        let subject: String
        let check: String
        let holds: Bool
        let operations: Int
        let rounds: Int
        let seconds: Double
        let seed: UInt64
        let violations: [Violation]
        let stalls: [StallFigures]?
        let history: String?
    }

    struct Twin: Encodable {
        let twin: String
        let hazard: String
        let base: String
        let source: String
        let isKilled: Bool
        /// The check that killed it; the last one where it survived.
        let check: String
        let violation: Violation?
        let operations: Int
        let seconds: Double
        let seed: UInt64
        let history: String?
    }

    let seed: UInt64
    let cpus: [Int]
    let operations: Int
    /// What it costs here to log one operation.
    let eventNs: Double
    var seconds = 0.0
    var isStopped = false
    var checks: [Check] = []
    var twins: [Twin] = []

    init(seed: UInt64, cpus: [Int], operations: Int, eventNs: Double) {
        self.seed = seed
        self.cpus = cpus
        self.operations = operations
        self.eventNs = eventNs
    }

    var holds: Bool { checks.allSatisfy(\.holds) && twins.allSatisfy(\.isKilled) }

    mutating func add(
        _ scheme: VerifySubject, _ trial: VerifyTrial, _ outcome: TrialOutcome, _ file: String?
    ) {
        checks.append(
            Check(
                scheme: scheme.name, subject: scheme.subject, check: trial.check.rawValue,
                holds: outcome.holds, operations: outcome.operations, rounds: outcome.rounds,
                seconds: outcome.seconds, seed: trial.seed, violations: outcome.violations,
                stalls: outcome.stalls, history: file))
    }

    mutating func add(_ twin: VerifyTwin, _ kill: VerifyPlan.Kill, _ file: String?) {
        twins.append(
            Twin(
                twin: twin.subject.name, hazard: twin.hazard, base: twin.base, source: twin.source,
                isKilled: kill.outcome.kills, check: kill.trial.check.rawValue,
                violation: kill.outcome.violations.first, operations: kill.operations,
                seconds: kill.seconds, seed: kill.trial.seed, history: file))
    }

    // MARK: Text

    static func lines(_ report: VerifyReport, _ style: Style) -> [String] {
        var lines: [String] = []
        for subject in VerifySubject.areas {
            let checks = report.checks.filter { $0.subject == subject }
            if !checks.isEmpty { lines += matrix(subject, checks, style) + [""] }
        }
        if report.checks.contains(where: { $0.stalls != nil }) {
            lines += stallTable(report.checks, style) + [""]
        }
        for check in report.checks where !check.holds {
            let first = check.violations[0]
            lines += Wrapped.lines(
                "",
                "\(check.subject) \(check.scheme), \(check.check), seed \(check.seed): "
                    + "\(first.rule.name): " + first.sentence
                    + (check.history.map { "; fqbench verify --replay \($0)" } ?? ""),
                textColumn: 0, style)
        }
        if !report.twins.isEmpty { lines += twinTable(report.twins, style) + [""] }
        return lines + summary(report, style)
    }

    private static func matrix(
        _ subject: String, _ checks: [Check], _ style: Style
    ) -> [String] {
        let columns = VerifyCheck.allCases.map(\.rawValue).filter { name in
            checks.contains { $0.check == name }
        }
        var table = TerminalTable(
            columns: [.init("scheme", kind: .flexible(minimum: 14), alignRight: false)]
                + columns.map { .init($0) })
        var names: [String] = []
        for check in checks where !names.contains(check.scheme) { names.append(check.scheme) }
        for name in names {
            table.append(
                [.text(name)]
                    + columns.map { column in
                        let cells = checks.filter { $0.scheme == name && $0.check == column }
                        guard !cells.isEmpty else { return .empty }
                        let count = cells.reduce(0) { $0 + $1.operations }
                        let isSound = cells.allSatisfy(\.holds)
                        return .text(
                            isSound ? Self.short(count) : "FAILED",
                            isSound ? .plain : .failed)
                    })
        }
        return ["\(subject) · operations checked, none failing unless it says so"]
            + table.lines(style)
    }

    /// By operation: in how many stalls of another thread somebody inside it did not get on.
    private static func stallTable(_ checks: [Check], _ style: Style) -> [String] {
        let actions = ReportingAction.allCases.filter { $0 != .handler }
        var table = TerminalTable(
            columns: [
                .init("scheme", kind: .flexible(minimum: 14), alignRight: false), .init("stalls"),
            ] + actions.map { .init($0.rawValue) })
        let byScheme = Dictionary(grouping: checks, by: \.scheme)
        var seen: Set<String> = []
        for scheme in checks.map(\.scheme) where seen.insert(scheme).inserted {
            let figures = (byScheme[scheme] ?? []).flatMap { $0.stalls ?? [] }
            if figures.isEmpty { continue }
            let stalls = figures.reduce(0) { $0 + $1.stalls }
            table.append(
                [.text(scheme), .text("\(stalls)")]
                    + actions.map { action in
                        let count = figures.reduce(0) { $0 + ($1.stopped[action.rawValue] ?? 0) }
                        return count == 0 ? .text("–") : .text("\(count)")
                    })
        }
        return ["a thread stands still in an operation · how often it stopped another thread in …"]
            + table.lines(style)
    }

    private static func twinTable(_ twins: [Twin], _ style: Style) -> [String] {
        var table = TerminalTable(columns: [
            .init("twin", kind: .flexible(minimum: 16), alignRight: false),
            .init("hazard", alignRight: false), .init("killed by", alignRight: false),
            .init("broken rule", alignRight: false), .init("operations"), .init("s"),
            .init("seed", priority: 1),
        ])
        for twin in twins {
            table.append([
                .text(twin.twin), .text(twin.hazard),
                .text(
                    twin.isKilled ? twin.check : "SURVIVED", twin.isKilled ? .plain : .failed),
                .text(twin.violation?.rule.name ?? "–"), .text(short(twin.operations)),
                .text(String(format: "%.2f", twin.seconds)), .text("\(twin.seed)"),
            ])
        }
        return ["broken twins · each has to be killed"] + table.lines(style)
    }

    private static func summary(_ report: VerifyReport, _ style: Style) -> [String] {
        func count(_ checks: [Check]) -> Int {
            Set(checks.map { "\($0.subject) \($0.scheme)" }).count
        }
        let failed = count(report.checks.filter { !$0.holds })
        let schemes = count(report.checks)
        let survivors = report.twins.count { !$0.isKilled }
        let text =
            "\(schemes) schemes, \(failed) failing; \(report.twins.count) twins, \(survivors) "
            + "surviving; seed \(report.seed), CPUs "
            + report.cpus.map(String.init).joined(separator: ",")
            + String(
                format: ", %.0f s; an event of a history costs %.0f ns", report.seconds,
                report.eventNs) + (report.isStopped ? "; stopped" : "")
        return Wrapped.lines("", text, textColumn: 0, style)
    }

    /// A count in at most five columns.
    static func short(_ count: Int) -> String {
        switch count {
        case ..<10_000: "\(count)"
        case ..<10_000_000: "\(count / 1000)k"
        default: "\(count / 1_000_000)M"
        }
    }
}
