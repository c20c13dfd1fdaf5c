import Foundation
import Harness
import Measurement
import Placement
import Results
import SchemeCatalogue

/// What every gate of one command shares: copies of both programs and of the suite, and the clock.
struct GateSetup {
    let scratch: GateScratch
    let base: LiveGate.Side
    let head: LiveGate.Side
    let suiteFile: String
    let schemes: [String]
    let workloads: [String]
    let cpus: String?
    let clock: GateClock

    init(
        base: String, head: String, suite: String, schemes: [String], workloads: [String],
        cpus: String?
    ) throws {
        // Mistakes in names are found before anything is copied or measured.
        var chosen = try ProjectFiles.suite(suite)
        if !schemes.isEmpty {
            chosen.schemes = try NamePattern.select(
                schemes, from: SchemeCatalogue.all.names, name: { $0 }, kind: "scheme")
        }
        chosen = try chosen.selecting(workloads: workloads)
        // No open loop is gated, and their traces are not needed then.
        chosen.ring.removeAll { $0.measure == .openLoop }
        guard !chosen.workloadNames.isEmpty else {
            throw CommandFailure(.badInput, "no workload of the suite can be gated")
        }
        self.schemes = schemes.isEmpty ? [] : chosen.schemes
        self.workloads = chosen.workloadNames
        self.cpus = cpus
        let topology = try Session.topology(cpus: cpus)
        let calibration = try ClockCalibration.measure()
        clock = GateClock(
            ticksPerSecond: calibration.ticksPerSecond, costNs: calibration.costNs,
            stepNs: calibration.stepNs,
            passesPerNs: try SuiteRunner.thinkPassesPerNs(
                topology: topology, clock: calibration))
        scratch = try GateScratch()
        self.base = LiveGate.Side(
            program: try scratch.copy(program: base, side: "base"), name: base)
        self.head = LiveGate.Side(
            program: try scratch.copy(program: head, side: "head"), name: head)
        suiteFile = try scratch.copy(suite: suite)
    }

    private var arguments: [String] {
        var words = [
            "--suite", suiteFile, "--ticks-per-second", "\(clock.ticksPerSecond)", "--cost-ns",
            "\(clock.costNs)", "--step-ns", "\(clock.stepNs)", "--passes-per-ns",
            "\(clock.passesPerNs)",
        ]
        if let cpus { words += ["--cpus", cpus] }
        if !schemes.isEmpty { words += ["--schemes"] + schemes }
        return words + ["--workloads"] + workloads
    }

    /// One gate. Stops between two visits on request.
    func gate(
        rules: GateRules, budgetSeconds: Double, seed: UInt64, baseOptions: [String] = [],
        headOptions: [String] = []
    ) throws -> LiveGate {
        LiveGate(
            base: LiveGate.Side(program: base.program, name: base.name, extra: baseOptions),
            head: LiveGate.Side(program: head.program, name: head.name, extra: headOptions),
            arguments: arguments, stepNs: clock.stepNs, rules: rules,
            budgetSeconds: budgetSeconds, seed: seed, scratch: scratch.path,
            shouldStop: { StopSignal.isRequested })
    }
}
