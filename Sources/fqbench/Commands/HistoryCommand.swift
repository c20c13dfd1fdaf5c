import ArgumentParser
import Foundation
import Harness
import Reports
import Results

/// `fqbench history DIR`.
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Finds where the results in a folder changed, and plots them.",
        usage: "fqbench history <folder> [<options>]",
        discussion: """
            Takes the runs of one suite and one environment, those of the newest run unless told \
            otherwise, in order of their start. Each figure counts as a ratio to the control \
            scheme of its own run; change points are found by energy distance with a permutation \
            test.

            Example: fqbench history results/main
            Example: fqbench history results/main --schemes spsc --workloads 'flush*' --all
            """)

    @Argument(help: "A folder of result files, compressed or not.")
    var folder: String

    @Option(help: "Take runs of this suite, not of the newest run's.")
    var suite: String?

    @Option(parsing: .upToNextOption, help: "Only these schemes; * stands for any text.")
    var schemes: [String] = []

    @Option(parsing: .upToNextOption, help: "Only these workloads; * stands for any text.")
    var workloads: [String] = []

    @Option(
        help: "How often a history without changes may show one: above 0, at most 0.5.")
    var level = 0.05

    @Flag(help: "Plot every series, not only those with a change.")
    var all = false

    @Flag(help: "Print a JSON object instead of text.")
    var json = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws {
        try Terminal.validate(width: width)
        if !(level > 0 && level <= 0.5) {
            throw ValidationError("--level: expected above 0, at most 0.5, found \(level)")
        }
    }

    func run() throws {
        var (runs, notes) = try read()
        guard let newest = runs.max(by: { $0.document.startedAt < $1.document.startedAt }) else {
            throw CommandFailure(.noBaseline, "\(folder): no result file in it")
        }
        let wanted = suite ?? newest.document.suite.name
        let ofSuite = runs.filter { $0.document.suite.name == wanted }
        guard let reference = ofSuite.max(by: { $0.document.startedAt < $1.document.startedAt })
        else { throw CommandFailure(.noBaseline, "\(folder): no run of suite \"\(wanted)\"") }
        let key = ResumeIdentity.environmentFingerprintKey
        let fingerprint = reference.document.environment[key]
        let chosen = ofSuite.filter { $0.document.environment[key] == fingerprint }
        if ofSuite.count < runs.count {
            notes.append("\(runs.count - ofSuite.count) runs of other suites are left out.")
        }
        if chosen.count < ofSuite.count {
            notes.append(
                "\(ofSuite.count - chosen.count) runs on other machines or settings are left out.")
        }
        runs = chosen.map { (file: $0.file, document: selecting($0.document)) }
        var options = RunHistory.Options()
        options.level = level
        let history = RunHistory(runs, options: options)
        guard !history.series.isEmpty else {
            throw CommandFailure(
                .badInput, "\(folder): no figure of the schemes and workloads asked for")
        }
        if json { return try StandardOutput.write(json: HistoryDocument(history, notes: notes)) }
        let style = Terminal.style(width: width)
        try StandardOutput.write(
            HistoryReport.text(history, plotsAll: all, notes: notes, style).utf8)
    }

    /// Every result in the folder; what is none is named in a note.
    private func read() throws -> (
        runs: [(file: String, document: RunDocument)], notes: [String]
    ) {
        guard ProjectFiles.isFolder(folder) else {
            throw CommandFailure(.badInput, "\(folder): expected a folder of result files")
        }
        let endings = ["", ".xz", ".zst", ".gz"].map { ".json" + $0 }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .filter { name in !name.hasPrefix(".") && endings.contains { name.hasSuffix($0) } }
        var runs: [(file: String, document: RunDocument)] = []
        var notes: [String] = []
        for name in names {
            do {
                runs.append((name, try ResultStore.read(folder + "/" + name)))
            } catch {
                notes.append("Left out: \(error).")
            }
        }
        return (runs, notes)
    }

    private func selecting(_ document: RunDocument) -> RunDocument {
        func isChosen(_ name: String, _ patterns: [String]) -> Bool {
            patterns.isEmpty || patterns.contains { NamePattern.fits($0, name) }
        }
        var selected = document
        // The control stays in the series of others, whatever was asked for.
        selected.cells = document.cells.filter { cell in
            isChosen(cell.key.workload, workloads)
                && (isChosen(cell.key.label, schemes)
                    || cell.key.structure == WorkloadGroup.controlStructure)
        }
        return selected
    }
}
