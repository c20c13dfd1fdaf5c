import Foundation
import Harness
import Measurement
import Placement
import SchemeCatalogue

/// One run of `fqbench verify`: children, progress, and what came of it.
struct VerifySession {
    private let command: VerifyCommand
    private let schemes: [VerifySubject]
    private let twins: [VerifyTwin]
    private let plan: VerifyPlan
    private let soakSeconds: Double?
    /// Neither operations nor a soak was asked for.
    private var isUsualEffort: Bool { command.operations == nil && soakSeconds == nil }

    /// Kinds of lock that a run checks without `--all-locks`.
    private static let usualLocks = ["futex", "ticket"]
    private static let usualOperations = 200_000
    private static let soakOperations = 10_000_000

    init(_ command: VerifyCommand) throws {
        self.command = command
        soakSeconds = command.soak.flatMap { VerifyCommand.seconds($0) }
        let all = SchemeCatalogue.verified
        if command.schemes.isEmpty {
            let hasAll = command.allLocks || soakSeconds != nil
            schemes = all.filter { hasAll || Self.isUsual($0.name) }
        } else {
            schemes = try Self.select(command.schemes, all, kind: "scheme") { $0.name }
        }
        twins =
            command.twins.isEmpty
            ? SchemeCatalogue.twins
            : try Self.select(command.twins, SchemeCatalogue.twins, kind: "twin") {
                $0.subject.name
            }
        let cpus = try Session.topology(cpus: command.cpus).shape.allowedCPUs
        let operations =
            command.operations
            ?? (soakSeconds == nil ? Self.usualOperations : Self.soakOperations)
        plan = VerifyPlan(
            seed: command.seed ?? UInt64.random(in: 0..<1 << 53), cpus: cpus,
            effort: .init(
                operations: operations,
                // A number that was asked for is done, however long it takes.
                seconds: command.operations == nil && soakSeconds == nil ? 5 : 3600,
                twinSeconds: 1))
    }

    private static func isUsual(_ name: String) -> Bool {
        let parts = name.split(separator: "/")
        return parts.count == 1 || usualLocks.contains(String(parts[1]))
    }

    private static func select<Item>(
        _ patterns: [String], _ items: [Item], kind: String, name: (Item) -> String
    ) throws -> [Item] {
        if patterns == ["none"] { return [] }
        return try NamePattern.select(patterns, from: items, name: name, kind: kind)
    }

    /// Runs everything, or what there is time for; a stop keeps what is done.
    func run() throws -> VerifyReport {
        try StopSignal.install()
        defer { StopSignal.uninstall() }
        let progress = ProgressPrinter(isSilent: command.quiet)
        var report = VerifyReport(
            seed: plan.seed, cpus: plan.cpus, operations: plan.effort.operations,
            eventNs: HistoryCost.eventNs())
        let start = ContinuousClock().now
        let total = schemes.reduce(twins.count) { $0 + $1.checks.count }
        var pass = 0
        repeat {
            var done = 0
            func step(_ label: String) {
                progress.update(done: done, total: total, resumed: 0, label: label)
                done += 1
            }
            for scheme in schemes where !report.isStopped {
                for check in scheme.checks where !report.isStopped {
                    step("\(scheme.name), \(check.rawValue)")
                    var trial = plan.trial(scheme, check, pass: pass)
                    // There are many pairs, and each is made of what is checked by itself.
                    if scheme.subject == "pairs", isUsualEffort { trial.operations /= 4 }
                    guard let outcome = try child(trial) else {
                        report.isStopped = true
                        break
                    }
                    let file = outcome.holds ? nil : try keep(trial, outcome, isScheme: true)
                    report.add(scheme, trial, outcome, file)
                }
            }
            for twin in twins where !report.isStopped {
                step(twin.subject.name)
                guard let kill = try plan.kill(twin, run: child) else {
                    report.isStopped = true
                    break
                }
                let file =
                    kill.outcome.holds ? nil : try keep(kill.trial, kill.outcome, isScheme: false)
                report.add(twin, kill, file)
            }
            pass += 1
        } while !report.isStopped && isSoaking(since: start)
        progress.finish()
        report.seconds = (ContinuousClock().now - start) / .seconds(1)
        return report
    }

    private func isSoaking(since start: ContinuousClock.Instant) -> Bool {
        soakSeconds.map { ContinuousClock().now - start < .seconds($0) } ?? false
    }

    private func child(_ trial: VerifyTrial) throws -> TrialOutcome? {
        try TrialProcess.run(
            trial, program: "/proc/self/exe", arguments: ["verify", "--trial"],
            isStopped: { StopSignal.isRequested })
    }

    /// Writes a failing history; a twin's only where a folder was named.
    private func keep(
        _ trial: VerifyTrial, _ outcome: TrialOutcome, isScheme: Bool
    ) throws -> String? {
        guard isScheme || command.histories != nil else { return nil }
        let folder = command.histories ?? (ProjectFiles.root ?? ".") + "/results/failures"
        return try FailureFile(trial, outcome).write(to: folder)
    }
}
