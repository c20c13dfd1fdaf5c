import FaultTraffic
import Foundation
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
        let topology = try Self.topology(cpus: options.cpus)
        let plan = try SuitePlan(
            suite: suite, schemes: SchemeCatalogue.all, shape: topology.shape)
        var traces = extraTraces
        for name in plan.traceNames where traces[name] == nil {
            traces[name] = try ProjectFiles.trace(name)
        }
        let progress = ProgressPrinter(isSilent: options.quiet)
        let clock = try ClockCalibration.measure()
        let seed = earlier?.seed ?? options.seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        var document = try begin(plan, topology, clock, seed)
        if let earlier {
            try Resume.check(earlier, against: ResumeIdentity(of: document))
            document = earlier
        }
        let file = try path ?? outputPath(for: document)
        // Written before anything is measured: a folder that cannot be written costs no run.
        try ResultStore.checkpoint(document, to: file)
        progress.note("seed \(seed), result file \(file)")

        let runner = try SuiteRunner(
            plan: plan, topology: topology, clock: clock, seed: seed, traces: traces)
        let isComplete = try measure(&document, runner, progress, file)
        try finish(document, isComplete: isComplete, file: file)
    }

    /// The document before its first round.
    private func begin(
        _ plan: SuitePlan, _ topology: Topology, _ clock: ClockCalibration, _ seed: UInt64
    ) throws -> RunDocument {
        var environment = EnvironmentRecord.capture()
        environment[ResumeIdentity.environmentFingerprintKey] = EnvironmentRecord.fingerprint(
            of: environment)
        var placements: [String: [Int]] = [:]
        for cell in plan.cells { placements[cell.key.placement] = cell.cpus }
        return RunDocument(
            startedAt: Self.now(), seed: seed,
            suite: SuiteRecord(
                name: suite.name, rounds: suite.rounds, fingerprint: plan.fingerprint),
            environment: environment, build: BuildRecord.capture(),
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
        try StopSignal.install()
        defer { StopSignal.uninstall() }
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
                    try ResultStore.checkpoint(state, to: file)
                    lastCheckpoint = clock.now
                })
            progress.finish()
            return isComplete
        } catch {
            progress.finish()
            keep(document, file)
            throw error
        }
    }

    /// Writes what there is, and where the place for it fails, somewhere else. Whether it is in its
    /// place.
    @discardableResult
    private func keep(_ document: RunDocument, _ file: String) -> Bool {
        do {
            try ResultStore.checkpoint(document, to: file)
            return true
        } catch {
            let name = URL(fileURLWithPath: file).lastPathComponent
            let refuge = FileManager.default.temporaryDirectory.path + "/" + name
            StandardError.write("fqbench: \(error)\n")
            do {
                try ResultStore.write(document, to: refuge)
                StandardError.write("fqbench: the result was kept in \(refuge)\n")
            } catch {
                StandardError.write("fqbench: \(error); the result exists only on the terminal\n")
            }
            return false
        }
    }

    private func finish(_ state: RunDocument, isComplete: Bool, file: String) throws {
        var document = state
        if isComplete { document.finishedAt = Self.now() }
        if let peak = ProcessMemory.peakResidentBytes() {
            document.environment["run.peak-resident-bytes"] = "\(peak)"
        }
        let isKept = keep(document, file)
        if options.json {
            let bytes = try ResultStore.encode(document, path: "standard output")
            FileHandle.standardOutput.write(Data(bytes))
        } else {
            print(RunReport.text(document, Terminal.style(width: options.width)))
            print("\nResult file: \(file)")
        }
        if !isKept { throw Exit(code: ExitStatus.unfit.rawValue) }
        if document.cells.contains(where: { $0.rounds.contains { !$0.check.holds } }) {
            throw Exit(code: ExitStatus.checkFailed.rawValue)
        }
        if !isComplete {
            StandardError.write("fqbench: stopped; go on with --resume \(file)\n")
            throw Exit(code: StopSignal.exitCode ?? 130)
        }
    }

    private func outputPath(for document: RunDocument) throws -> String {
        if let output = options.output {
            if FileManager.default.fileExists(atPath: output) {
                throw CommandFailure(.badInput, "\(output): exists already; never overwritten")
            }
            return output
        }
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

    private static func now() -> String {
        Date.now.formatted(.iso8601)
    }
}
