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
    private let start = ContinuousClock().now
    private let unwritten = FirstError()

    /// Kinds of lock that a run checks without `--all-locks`.
    private static let usualLocks = ["futex", "ticket"]
    private static let usualOperations = 100_000
    private static let usualSeconds = 5.0
    /// Of a soak's later passes.
    private static let mostOperations = 10_000_000
    /// A number that was asked for is done, however long it takes.
    private static let longestSeconds = 3600.0

    init(_ command: VerifyCommand) throws {
        self.command = command
        soakSeconds = command.soak.flatMap { VerifyCommand.seconds($0) }
        let subjects = try NamePattern.subjects(command.subject, of: VerifySubject.areas)
        let isChosen = { (one: VerifySubject) in
            subjects.isEmpty || subjects.contains(one.subject)
        }
        let all = SchemeCatalogue.verified.filter(isChosen)
        let allTwins = SchemeCatalogue.twins.filter { isChosen($0.subject) }
        if command.schemes.isEmpty {
            let hasAll = command.allLocks || soakSeconds != nil
            schemes = all.filter { hasAll || Self.isUsual($0.name) }
        } else {
            schemes = try Self.select(command.schemes, all, kind: "scheme") { $0.name }
        }
        twins =
            command.twins.isEmpty
            ? allTwins
            : try Self.select(command.twins, allTwins, kind: "twin") { $0.subject.name }
        let cpus = try Session.topology(cpus: command.cpus).shape.allowedCPUs
        plan = VerifyPlan(
            seed: command.seed ?? UInt64.random(in: 0..<1 << 53), cpus: cpus,
            effort: .init(
                operations: command.operations ?? Self.usualOperations,
                seconds: command.operations == nil ? Self.usualSeconds : Self.longestSeconds,
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
        let checks = schemes.reduce(0) { $0 + $1.checks.count }
        let steps = Steps(progress)
        var pass = 0
        repeat {
            // Once: a soak is there for the sound schemes.
            let kills = pass == 0
            steps.restart(total: checks + (kills ? twins.count : 0))
            try check(pass: pass, &report, steps)
            if kills && !report.isStopped { try kill(&report, steps) }
            pass += 1
        } while !report.isStopped && secondsLeft > 0
        progress.finish()
        report.seconds = (ContinuousClock().now - start) / .seconds(1)
        return report
    }

    /// Of a soak; none without one.
    private var secondsLeft: Double {
        (soakSeconds ?? 0) - (ContinuousClock().now - start) / .seconds(1)
    }

    /// Every check of every scheme. Those that run on one thread go side by side, the others have
    /// the CPUs to themselves.
    private func check(pass: Int, _ report: inout VerifyReport, _ steps: Steps) throws {
        var jobs = schemes.flatMap { scheme in scheme.checks.map { CheckJob(scheme, $0) } }
        for index in jobs.indices { jobs[index].trial = trial(jobs[index], pass) }
        for isAlone in [false, true] {
            let places = jobs.indices.filter { jobs[$0].check.needsAllCPUs == isAlone }
            let part = places.map { jobs[$0] }
            let histories = histories(ofSchemes: true)
            let done = try SideBySide.run(
                part.count, atOnce: isAlone ? 1 : min(plan.cpus.count, Self.mostAtOnce)
            ) { index -> CheckDone? in
                guard !StopSignal.isRequested else { return nil }
                if pass > 0, secondsLeft <= 0 { return CheckDone(nil, nil) }
                steps.step(part[index].label)
                guard var trial = part[index].trial else { return nil }
                if pass > 0, command.operations == nil {
                    trial.seconds = max(Self.usualSeconds, secondsLeft)
                }
                guard let outcome = try Self.child(trial) else {
                    return nil
                }
                return CheckDone(outcome, keep(trial, outcome, in: histories))
            }
            for (place, done) in zip(places, done) { jobs[place].done = done }
            report.isStopped = done.contains { $0 == nil }
            if report.isStopped { break }
        }
        for job in jobs {
            guard let trial = job.trial, let done = job.done, let outcome = done.outcome else {
                continue
            }
            report.add(job.scheme, trial, outcome, done.file)
        }
    }

    private func trial(_ job: CheckJob, _ pass: Int) -> VerifyTrial {
        var trial = plan.trial(job.scheme, job.check, pass: pass)
        guard command.operations == nil else { return trial }
        // A soak checks everything a little first, and then deeper with each pass.
        trial.operations = min(trial.operations << (2 * min(pass, 8)), Self.mostOperations)
        // There are many pairs, and each is made of what is checked by itself.
        if job.scheme.subject == "pairs" { trial.operations /= 4 }
        return trial
    }

    /// Every twin: first the checks of one thread, side by side; what survives these has the CPUs
    /// to itself.
    private func kill(_ report: inout VerifyReport, _ steps: Steps) throws {
        let (twins, plan) = (twins, plan)
        let alone = try SideBySide.run(
            twins.count, atOnce: min(plan.cpus.count, Self.mostAtOnce)
        ) { index -> AloneKill? in
            steps.step(twins[index].subject.name)
            guard !StopSignal.isRequested else { return nil }
            return AloneKill(kill: try plan.killAlone(twins[index], run: Self.child))
        }
        let histories = histories(ofSchemes: false)
        for (twin, before) in zip(twins, alone) {
            // After a stop, those that are killed already are still said.
            guard let before else {
                report.isStopped = true
                continue
            }
            if before.kill?.outcome.kills != true { steps.show(twin.subject.name) }
            guard let kill = try plan.kill(twin, after: before.kill, run: Self.child) else {
                report.isStopped = true
                continue
            }
            report.add(twin, kill, keep(kill.trial, kill.outcome, in: histories))
        }
    }

    private static let mostAtOnce = 8

    @Sendable
    private static func child(_ trial: VerifyTrial) throws -> TrialOutcome? {
        guard !StopSignal.isRequested else { return nil }
        return try TrialProcess.run(
            trial, program: "/proc/self/exe", arguments: ["verify", "--trial"],
            isStopped: { StopSignal.isRequested })
    }

    /// The folder of failing histories; a twin's are kept only where one was named.
    private func histories(ofSchemes: Bool) -> String? {
        command.histories
            ?? (ofSchemes ? (ProjectFiles.root ?? ".") + "/results/failures" : nil)
    }

    /// Writes a failing history; its path. Where that fails the results are worth more than the
    /// file.
    private func keep(_ trial: VerifyTrial, _ outcome: TrialOutcome, in folder: String?) -> String?
    {
        guard !outcome.holds, let folder else { return nil }
        do {
            return try FailureFile(trial, outcome).write(to: folder)
        } catch {
            unwritten.note(error)
            return nil
        }
    }

    /// Why a history was not written, the first time that one was not; nil where all were.
    var historyError: (any Error)? { unwritten.first }
}

/// The first of the errors that threads come upon.
private final class FirstError: @unchecked Sendable {
    private let lock = NSLock()
    private var error: (any Error)?

    func note(_ error: any Error) { lock.withLock { self.error = self.error ?? error } }

    var first: (any Error)? { lock.withLock { error } }
}

/// What came of a check, nil where there was no time for it, and where its history is.
private struct CheckDone: Sendable {
    let outcome: TrialOutcome?
    let file: String?

    init(_ outcome: TrialOutcome?, _ file: String?) {
        self.outcome = outcome
        self.file = file
    }
}

/// A check of a scheme, and what came of it.
private struct CheckJob: Sendable {
    let scheme: VerifySubject
    let check: VerifyCheck
    var trial: VerifyTrial?
    var done: CheckDone?

    init(_ scheme: VerifySubject, _ check: VerifyCheck) {
        self.scheme = scheme
        self.check = check
    }

    var label: String { "\(scheme.name), \(check.rawValue)" }
}

/// What a twin's checks of one thread came to; nil where it has none.
private struct AloneKill: Sendable {
    let kill: VerifyPlan.Kill?
}

/// Counts what is begun, from any thread.
private final class Steps: @unchecked Sendable {
    private let progress: ProgressPrinter
    private let lock = NSLock()
    private var total = 0
    private var done = 0

    init(_ progress: ProgressPrinter) { self.progress = progress }

    /// Says what goes on after it was begun.
    func show(_ label: String) {
        lock.withLock { progress.update(done: done, total: total, resumed: 0, label: label) }
    }

    func restart(total: Int) { lock.withLock { (self.total, done) = (total, 0) } }

    func step(_ label: String) {
        lock.withLock {
            progress.update(done: done, total: total, resumed: 0, label: label)
            done += 1
        }
    }
}
