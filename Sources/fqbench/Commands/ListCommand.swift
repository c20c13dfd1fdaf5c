import ArgumentParser
import FaultQueues
import Harness
import Reports
import SchemeCatalogue

/// `fqbench list`.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists schemes and what they model, lock kinds, suites, workloads and traces.",
        discussion: "Example: fqbench list --json")

    @Flag(help: "Print a JSON object instead of text.")
    var json = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws { try Terminal.validate(width: width) }

    func run() throws {
        let listing = try Listing()
        if json { return try StandardOutput.write(json: listing) }
        try StandardOutput.write(lines: listing.text(Terminal.style(width: width)))
    }
}

/// Everything that can be named on the command line.
private struct Listing: Encodable {
    struct Scheme: Encodable {
        let name: String
        let subject: String
        /// Endpoints of a ring; nil where there is no limit.
        let producers: Int?
        let consumers: Int?
        let nodeMemory: NodeMemory?
        let provenance: Provenance

        init(
            name: String, subject: String, producers: Int? = nil, consumers: Int? = nil,
            nodeMemory: NodeMemory? = nil, provenance: Provenance
        ) {
            self.name = name
            self.subject = subject
            self.producers = producers
            self.consumers = consumers
            self.nodeMemory = nodeMemory
            self.provenance = provenance
        }
    }
    struct Lock: Encodable {
        let name: String
        let summary: String
        let isFirstComeFirstServed: Bool
        let parks: Bool
    }
    let schemes: [Scheme]
    let lockKinds: [Lock]
    let suites: [Suite]
    let traces: [String]

    init() throws {
        schemes =
            SchemeCatalogue.rings.map {
                Scheme(
                    name: $0.name, subject: "ring", producers: $0.limits.producers,
                    consumers: $0.limits.consumers, nodeMemory: nil, provenance: $0.provenance)
            }
            + SchemeCatalogue.reporting.map {
                Scheme(
                    name: $0.name, subject: "reporting", producers: nil, consumers: nil,
                    nodeMemory: $0.nodeMemory, provenance: $0.provenance)
            }
            + SchemeCatalogue.pasid.map {
                Scheme(name: $0.name, subject: "pasid", provenance: $0.provenance)
            }
            + SchemeCatalogue.attachHandle.map {
                Scheme(name: $0.name, subject: "attach-handle", provenance: $0.provenance)
            }
            + SchemeCatalogue.release.map {
                Scheme(name: $0.name, subject: "release", provenance: $0.provenance)
            }
        lockKinds = LockKind.allCases.map {
            Lock(
                name: $0.rawValue, summary: $0.summary,
                isFirstComeFirstServed: $0.isFirstComeFirstServed, parks: $0.parks)
        }
        suites = try ProjectFiles.suiteNames.map { try ProjectFiles.suite($0) }
        traces = ProjectFiles.traceNames
    }

    func text(_ style: Style) -> [String] {
        var lines: [String] = []
        for subject in Suite.subjectNames {
            lines += ["Schemes of the \(subject) subject (fqbench run --schemes NAME…)"]
            var structures: Set<Substring> = []
            for scheme in schemes where scheme.subject == subject {
                // One entry for a structure and all its kinds of lock.
                let parts = scheme.name.split(separator: "/", maxSplits: 1)
                guard structures.insert(parts[0]).inserted else { continue }
                let name = parts.count == 1 ? scheme.name : "\(parts[0])/KIND"
                lines += Wrapped.entry(name, "models \(scheme.provenance.models)", style)
                lines += Wrapped.entry("", "keeps \(scheme.provenance.keeps)", style)
                lines += Wrapped.entry("", "departs: \(scheme.provenance.departs)", style)
                lines += Wrapped.entry("", "omits: \(scheme.provenance.omits)", style)
            }
            lines += [""]
        }
        lines += ["Kinds of lock"]
        for lock in lockKinds { lines += Wrapped.entry(lock.name, lock.summary, style) }
        lines += ["", "Suites (fqbench run --suite NAME)"]
        for suite in suites {
            lines += Wrapped.entry(suite.name, suite.description, style)
            let names = suite.workloadNames.joined(separator: ", ")
            lines += Wrapped.entry("", "workloads: \(names)", style)
        }
        lines += ["", "Traces (fqbench replay NAME)"]
        lines += traces.map { "  \($0)" }
        return lines
    }
}
