import ArgumentParser
import Foundation
import Glibc
import Harness
import Measurement
import Results
import SchemeCatalogue

/// `fqbench count-child`: counted operations of some schemes, started by `fqbench gate --counts`,
/// as a rule under callgrind.
struct CountChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count-child",
        abstract: "Does a fixed number of operations; started by fqbench gate --counts.",
        discussion: "Example: fqbench count-child --schemes spsc", shouldDisplay: false)

    @Option(parsing: .upToNextOption) var schemes: [String]
    /// What the self-test plants: see `PlantedSlowdown`. A nanosecond is one pass of its loop here.
    @Option var plant: String?

    func run() throws {
        // Ctrl-C goes to every process of the terminal; the gate decides when a child ends.
        signal(SIGINT, SIG_IGN)
        try plant.map { try PlantedSlowdown(parsing: $0) }?.plant(passesPerNs: 1)
        let subjects = try schemes.map { name in
            guard let subject = find(name) else {
                let nearest = NamePattern.nearest(to: name, in: Self.names)
                let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
                throw SuiteError("no ring or reporting scheme \"\(name)\"\(hint)")
            }
            return subject
        }
        let counted = try subjects.map { subject in
            switch subject {
            case .ring(let scheme):
                CountedScheme(
                    scheme: scheme.name, implementation: scheme.implementation,
                    traffic: [.init(groupSize: 1, runs: try CountedTraffic.run(scheme))])
            case .reporting(let scheme):
                CountedScheme(
                    scheme: scheme.name, implementation: scheme.implementation,
                    traffic: try [1, CountedScheme.groupSize].map {
                        .init(
                            groupSize: $0, runs: try CountedTraffic.run(scheme, groupSize: $0))
                    })
            }
        }
        try StandardOutput.write(
            json: CountAnswer(
                architecture: BuildRecord.architecture,
                compiler: BuildRecord.compiler, schemes: counted))
    }

    private enum Subject {
        case ring(RingScheme)
        case reporting(ReportingScheme)
    }

    private static let names =
        SchemeCatalogue.rings.map(\.name) + SchemeCatalogue.reporting.map(\.name)

    /// With room for a slowdown where one is planted and the scheme has it.
    private func find(_ name: String) -> Subject? {
        let sets = (plant == nil ? [] : [SchemeCatalogue.planted]) + [SchemeCatalogue.all]
        for set in sets {
            if let scheme = set.rings.first(where: { $0.name == name }) { return .ring(scheme) }
            if let scheme = set.reporting.first(where: { $0.name == name }) {
                return .reporting(scheme)
            }
        }
        return nil
    }
}
