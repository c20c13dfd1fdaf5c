import FaultTraffic
import Foundation
import Glibc
import Harness
import Measurement
import Placement
import Reports
import Results
import SchemeCatalogue

/// One run from its suite to its report: machine, plan, measuring, keeping, showing.
struct Session {
    let suite: Suite
    let options: RunOptions
    /// Traces that do not ship, by the name that the suite uses.
    let extraTraces: [String: Trace]
    /// What finishes a stopped run whose file is at a path; nil where nothing can.
    let resumption: (@Sendable (String) -> String)?

    private static let checkpointInterval = Duration.seconds(10)

    /// This machine, cut to the CPUs asked for.
    static func topology(cpus: String?) throws -> Topology {
        let topology = try Topology(source: .thisMachine)
        guard let cpus else { return topology }
        return topology.restricted(to: try topology.shape.cpus(inList: cpus))
    }

    /// Runs the suite, or what `earlier` still misses of it, and reports.
    ///
    /// - Throws: `Exit` where the run was stopped or a check failed, after the report.
    func run(resuming earlier: RunDocument?, at path: String?) throws {
        if let output = options.output, FileManager.default.fileExists(atPath: output) {
            throw CommandFailure(.badInput, "\(output): exists already; never overwritten")
        }
        let topology = try Self.topology(cpus: options.cpus)
        let plan = try SuitePlan(
            suite: suite, schemes: SchemeCatalogue.all, shape: topology.shape)
        var traces = extraTraces
        for name in plan.traceNames where traces[name] == nil {
            traces[name] = try ProjectFiles.trace(name)
        }
        let progress = ProgressPrinter(isSilent: options.quiet)
        let seed = earlier?.seed ?? options.seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let environment = Self.environment()
        let build = BuildRecord.capture()
        if let earlier {
            let now = ResumeIdentity(
                suiteFingerprint: plan.fingerprint, rounds: suite.rounds, seed: seed,
                environmentFingerprint: environment[ResumeIdentity.environmentFingerprintKey],
                commit: build[ResumeIdentity.commitKey])
            try Resume.check(earlier, against: now)
        }
        let clock = try ClockCalibration.measure()
        var document =
            if let earlier { earlier } else {
                try begin(plan, topology, clock, seed, environment, build)
            }
        let file = try path ?? outputPath(for: document)
        // Written before the first round: a folder that cannot be written costs no run.
        try ResultStore.checkpoint(document, to: file)
        progress.note("seed \(seed), result file \(file)")

        try StopSignal.install()
        defer { StopSignal.uninstall() }
        let runner = try SuiteRunner(
            plan: plan, topology: topology, clock: clock, seed: seed, traces: traces)
        let isComplete = try measure(&document, runner, progress, file)
        try finish(document, isComplete: isComplete, file: file)
    }

    /// The document before its first round.
    private func begin(
        _ plan: SuitePlan, _ topology: Topology, _ clock: ClockCalibration, _ seed: UInt64,
        _ environment: [String: String], _ build: [String: String]
    ) throws -> RunDocument {
        var placements: [String: [Int]] = [:]
        for cell in plan.cells { placements[cell.key.placement] = cell.cpus }
        return RunDocument(
            startedAt: Self.now(), seed: seed,
            suite: SuiteRecord(
                name: suite.name, rounds: suite.rounds, fingerprint: plan.fingerprint),
            environment: environment, build: build,
            topology: TopologyRecord(
                summary: topology.shape.summary, allowedCPUs: topology.shape.allowedCPUs,
                placements: placements),
            clock: ClockRecord(
                ticksPerSecond: clock.ticksPerSecond, calibrationNs: clock.calibrationNs,
                costNs: clock.costNs, stepNs: clock.stepNs, isInvariant: clock.isInvariant),
            floor: try Floor.measure(topology: topology, clock: clock), cells: [],
            notes: plan.notes)
    }

    /// Measures what is missing; true where nothing is any more. Keeps what is finished, also where
    /// it throws.
    private func measure(
        _ document: inout RunDocument, _ runner: SuiteRunner, _ progress: ProgressPrinter,
        _ file: String
    ) throws -> Bool {
        let clock = ContinuousClock()
        var lastCheckpoint = clock.now
        do {
            let isComplete = try runner.run(
                &document,
                onProgress: { state in
                    let label = state.next.map { "\($0.scheme), \($0.workload)" } ?? ""
                    progress.update(
                        done: state.done, total: state.total,
                        resumed: state.done - state.doneHere, label: label)
                },
                shouldStop: { StopSignal.isRequested },
                afterRound: { state in
                    guard clock.now - lastCheckpoint > Self.checkpointInterval else { return }
                    lastCheckpoint = clock.now
                    do throws(ResultFileError) {
                        try ResultStore.checkpoint(state, to: file)
                    } catch {
                        // The end of the run finds another place; its rounds are worth keeping.
                        progress.note("fqbench: \(error); measuring goes on")
                    }
                })
            progress.finish()
            return isComplete
        } catch {
            progress.finish()
            keep(document, file)
            throw error
        }
    }

    /// Writes what there is, and where the place for it fails, somewhere else.
    ///
    /// - Returns: Where it is; nil where it could not be written anywhere.
    @discardableResult
    private func keep(_ document: RunDocument, _ file: String) -> String? {
        do {
            try ResultStore.checkpoint(document, to: file)
            return file
        } catch {
            StandardError.write("fqbench: \(error)\n")
        }
        let name = "fqbench-\(getpid())-" + URL(fileURLWithPath: file).lastPathComponent
        let files = FileManager.default
        for folder in [files.temporaryDirectory.path, files.currentDirectoryPath] {
            let refuge = folder + "/" + name
            if (try? ResultStore.write(document, to: refuge)) != nil {
                StandardError.write("fqbench: the result was kept in \(refuge)\n")
                return refuge
            }
        }
        StandardError.write("fqbench: the result could be kept nowhere\n")
        return nil
    }

    /// Keeps and shows what there is; throws whatever exit status says more than success.
    private func finish(_ state: RunDocument, isComplete: Bool, file: String) throws {
        var document = state
        if isComplete { document.finishedAt = Self.now() }
        if let peak = ProcessMemory.peakResidentBytes() {
            document.environment["run.peak-resident-bytes"] = "\(peak)"
        }
        let place = keep(document, file)
        if !isComplete {
            let stopped = resumption.flatMap { place.map($0) }.map { "; go on with: \($0)" }
            StandardError.write("fqbench: stopped\(stopped ?? "")\n")
        }
        let broken = document.cells.filter { $0.rounds.contains { !$0.check.holds } }
        for cell in broken {
            let rounds = cell.rounds.filter { !$0.check.holds }
            StandardError.write(
                "fqbench: \(cell.key.scheme) under \(cell.key.workload): check failed in "
                    + "\(rounds.count) of \(cell.rounds.count) rounds: "
                    + "\(rounds[0].check.violations[0])\n")
        }
        try show(document, place)
        if place != file { throw Exit(code: ExitStatus.unfit.rawValue) }
        if !broken.isEmpty { throw Exit(code: ExitStatus.checkFailed.rawValue) }
        if !isComplete { throw Exit(code: StopSignal.exitCode ?? 130) }
    }

    private func show(_ document: RunDocument, _ place: String?) throws {
        if options.json {
            try StandardOutput.write(try ResultStore.encode(document, path: "standard output"))
        } else {
            try StandardOutput.write(lines: [
                RunReport.text(document, Terminal.style(width: options.width)),
                place.map { "Result file: \($0)" } ?? "No result file.",
            ])
        }
    }

    private func outputPath(for document: RunDocument) throws -> String {
        if let output = options.output { return output }
        let folder = ProjectFiles.runsFolder
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                .unfit, "\(folder): cannot be made: \(error.localizedDescription)")
        }
        return folder + "/"
            + ResultStore.fileName(
                startedAt: document.startedAt,
                machineClass: EnvironmentRecord.machineClass(of: document.environment),
                suite: document.suite.name, commit: document.build["commit"] ?? "")
    }

    /// This machine's settings, with what two runs must share of them.
    private static func environment() -> [String: String] {
        var environment = EnvironmentRecord.capture()
        environment[ResumeIdentity.environmentFingerprintKey] = EnvironmentRecord.fingerprint(
            of: environment)
        return environment
    }

    private static func now() -> String {
        Date.now.formatted(.iso8601)
    }
}
