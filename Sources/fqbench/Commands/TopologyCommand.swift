import ArgumentParser
import Harness
import Measurement
import Placement
import Reports

/// `fqbench topology`.
struct TopologyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Shows what hwloc sees, the placements of a run, and core-to-core round trips.",
        usage: "fqbench topology [--json] [<options>]",
        discussion: "Example: fqbench topology --json")

    @Flag(help: "Print a JSON object instead of text.")
    var json = false

    @Option(help: "Use only these CPUs, as in 0,2-3. By default all that this process may use.")
    var cpus: String?

    @Option(help: "Most pairs of CPUs to measure, 0 to 4096.")
    var pairs = 256

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws {
        try Terminal.validate(width: width)
        if !(0...4096).contains(pairs) {
            throw ValidationError("--pairs: expected 0 to 4096, found \(pairs)")
        }
    }

    func run() throws {
        let topology = try Session.topology(cpus: cpus)
        let clock = try ClockCalibration.measure()
        var trips: [RoundTrip] = []
        for pair in pairs > 0 ? topology.shape.pairs(limit: pairs) : [] {
            let median = try Floor.coreToCore(
                pair.first, pair.second, topology: topology, clock: clock)
            trips.append(RoundTrip(pair: pair, medianNs: median))
        }
        if json {
            return try StandardOutput.write(
                json: Description(topology: topology.shape.report(), roundTrips: trips))
        }
        let style = Terminal.style(width: width)
        try StandardOutput.write(
            lines: topology.shape.describe(width: style.width) + [""] + table(trips, style))
    }

    private func table(_ trips: [RoundTrip], _ style: Style) -> [String] {
        if trips.isEmpty {
            return [pairs > 0 ? "No two CPUs to measure between." : "No round trips measured."]
        }
        var table = TerminalTable(columns: [
            .init("CPUs", alignRight: false), .init("relation", alignRight: false),
            .init("round trip"),
        ])
        for trip in trips {
            table.append([
                .text("\(trip.pair.first) and \(trip.pair.second)"),
                .text(trip.pair.relation.rawValue),
                .text(trip.medianNs.map { Figures.time(ns: $0) } ?? Figures.absent),
            ])
        }
        return ["Round trip of one word between two CPUs, median over 20 ms each"]
            + table.lines(style)
    }

    private struct RoundTrip: Encodable {
        let pair: CPUPair
        let medianNs: Double?
    }

    private struct Description: Encodable {
        let topology: TopologyReport
        let roundTrips: [RoundTrip]
    }
}
