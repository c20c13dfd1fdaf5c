import ArgumentParser
import FaultTraffic
import Foundation
import Glibc
import Harness
import Measurement
import Placement
import Results
import SchemeCatalogue

/// `fqbench gate-child`: one build's side of a gate, started by the gate alone.
struct GateChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: GateProtocol.command,
        abstract: "Visits cells on request; started by fqbench gate.",
        discussion: "Example: fqbench gate-child --suite quick", shouldDisplay: false)

    @Option var suite: String
    @Option(parsing: .upToNextOption) var schemes: [String] = []
    @Option(parsing: .upToNextOption) var workloads: [String] = []
    @Option var bursts: Int?
    @Option var cpus: String?
    @Option var ticksPerSecond: Double?
    @Option var costNs = 0.0
    @Option var stepNs = 1.0
    @Option var passesPerNs: Double?
    @Option var seed: UInt64 = 1
    /// What the self-test plants: see `PlantedSlowdown`.
    @Option var plant: String?

    func validate() throws {
        if let ticksPerSecond, !(ticksPerSecond.isFinite && ticksPerSecond > 0) {
            throw ValidationError("--ticks-per-second: expected above 0, found \(ticksPerSecond)")
        }
        if let passesPerNs, !(passesPerNs.isFinite && passesPerNs > 0) {
            throw ValidationError("--passes-per-ns: expected above 0, found \(passesPerNs)")
        }
    }

    func run() throws {
        // Ctrl-C goes to every process of the terminal; the gate decides when a child ends.
        signal(SIGINT, SIG_IGN)
        var chosen = try ProjectFiles.suite(suite)
        if let bursts { chosen.burstsPerRound = bursts }
        if !schemes.isEmpty { chosen.schemes = schemes }
        chosen = try chosen.selecting(workloads: workloads)
        let topology = try Session.topology(cpus: cpus)
        let planted = try plant.map { try PlantedSlowdown(parsing: $0) }
        if planted != nil {
            // Patterns that meet no scheme with room for a slowdown are no mistake here.
            chosen.schemes = SchemeCatalogue.planted.names.filter { name in
                chosen.schemes.contains { NamePattern.fits($0, name) }
            }
        }
        let plan = try SuitePlan(
            suite: chosen, schemes: planted == nil ? SchemeCatalogue.all : SchemeCatalogue.planted,
            shape: topology.shape)
        var traces: [String: Trace] = [:]
        for name in plan.traceNames { traces[name] = try ProjectFiles.trace(name) }
        let clock =
            try ticksPerSecond.map {
                ClockCalibration(
                    ticksPerSecond: $0, calibrationNs: 0, costNs: costNs, stepNs: stepNs,
                    isInvariant: true)
            } ?? ClockCalibration.measure()
        let runner = try SuiteRunner(
            plan: plan, topology: topology, clock: clock, seed: seed, traces: traces,
            thinkPassesPerNs: passesPerNs)
        planted?.plant(passesPerNs: runner.thinkPassesPerNs)
        try StandardOutput.write(
            try GateProtocol.line(
                GateProtocol.Greeting(
                    gateProtocol: GateProtocol.version,
                    cells: plan.cells.map {
                        GateProtocol.Cell(key: $0.key, measure: $0.measure)
                    })))
        let decoder = JSONDecoder()
        while let line = readLine() {
            let request = try decoder.decode(GateProtocol.Request.self, from: Data(line.utf8))
            guard plan.cells.indices.contains(request.cell) else {
                throw CommandFailure(.badInput, "no cell \(request.cell)")
            }
            let round = try runner.visit(request.cell, round: request.round)
            try StandardOutput.write(try GateProtocol.line(round))
        }
    }
}
