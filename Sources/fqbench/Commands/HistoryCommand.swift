import ArgumentParser
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
            scheme of its own run or, where there is none, to what the other structures of its \
            workload did in that run; change points are found by energy distance with a \
            permutation test.

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
        let (runs, leftOut) = try read()
        var notes = leftOut
        guard let newest = runs.max(by: { $0.document.startedAt < $1.document.startedAt }) else {
            throw nothing(notes.isEmpty ? "no result file in it" : "no readable result", notes)
        }
        let wanted = suite ?? newest.document.suite.name
        let ofSuite = runs.filter { $0.document.suite.name == wanted }
        guard let reference = ofSuite.max(by: { $0.document.startedAt < $1.document.startedAt })
        else { throw nothing("no run of suite \"\(wanted)\"", notes) }
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
        let history = RunHistory(chosen, options: options)
        guard !history.series.isEmpty else {
            throw nothing(
                "no figure of the schemes and workloads asked for", notes + history.notes,
                .badInput)
        }
        guard level >= history.leastLevel else {
            throw CommandFailure(
                .badInput,
                "--level: expected at least \(history.leastLevel), as there are "
                    + "\(history.series.count) series, found \(level)")
        }
        if json { return try StandardOutput.write(json: HistoryDocument(history, notes: notes)) }
        let style = Terminal.style(width: width)
        try StandardOutput.write(
            HistoryReport.text(history, plotsAll: all, notes: notes, style).utf8)
    }

    private var options: RunHistory.Options {
        @Sendable func isChosen(_ name: String, _ patterns: [String]) -> Bool {
            patterns.isEmpty || patterns.contains { NamePattern.fits($0, name) }
        }
        var options = RunHistory.Options()
        options.level = level
        options.isWanted = { [schemes, workloads] key in
            isChosen(key.workload, workloads) && isChosen(key.label, schemes)
        }
        return options
    }

    /// The files' own troubles first: they may be why.
    private func nothing(
        _ problem: String, _ notes: [String], _ status: ExitStatus = .noBaseline
    ) -> CommandFailure {
        for note in notes { StandardError.write("fqbench: \(oneLine(note))\n") }
        return CommandFailure(status, "\(folder): \(problem)")
    }

    /// Every result in the folder, once; what is none is named in a note.
    private func read() throws -> (runs: [RunHistory.NamedRun], notes: [String]) {
        guard ProjectFiles.isFolder(folder) else {
            throw CommandFailure(.badInput, "\(folder): expected a folder of result files")
        }
        var runs: [RunHistory.NamedRun] = []
        var notes: [String] = []
        for name in try ResultStore.fileNames(in: folder) {
            do {
                runs.append((name, try ResultStore.read(folder + "/" + name)))
            } catch {
                notes.append("Left out: \(error).")
            }
        }
        let (kept, copies) = RunHistory.withoutCopies(runs)
        if !copies.isEmpty {
            let shown = copies.prefix(4).joined(separator: ", ")
            let rest = copies.count > 4 ? ", and \(copies.count - 4) more" : ""
            notes.append("Left out, as another file holds the same run: \(shown)\(rest).")
        }
        return (kept, notes)
    }
}
