import ArgumentParser
import Reports
import Results

/// `fqbench compare A B`.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Shows what changed between two result files, cell by cell.",
        usage: "fqbench compare <before> <after> [<options>]",
        discussion: """
            Medians over rounds of throughput, p50 and p99, with an interval from resampling \
            rounds. Runs of different machines or settings are refused; --across-machines compares \
            their ratios to the control scheme alone. The exit code says nothing about changes: \
            fqbench gate decides.

            Example: fqbench compare before.json after.json.xz --format markdown
            Example: fqbench compare a.json b.json --format benchstat > ab.txt
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json, markdown, benchstat
    }

    @Argument(help: "The result file of the run before.")
    var before: String

    @Argument(help: "The result file of the run after.")
    var after: String

    @Option(help: "table, json, markdown, or benchstat (for: benchstat -col run FILE).")
    var format = Format.table

    @Flag(help: "The same as --format json.")
    var json = false

    @Flag(help: "Compare runs of different machines by their ratios to the control scheme.")
    var acrossMachines = false

    @Option(help: "Changes below this many per cent are none, however certain; 0 to 100.")
    var tolerance = 2.0

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws {
        try Terminal.validate(width: width)
        if !(0...100).contains(tolerance) {
            throw ValidationError("--tolerance: expected 0 to 100, found \(tolerance)")
        }
        if acrossMachines, format == .benchstat, !json {
            throw ValidationError(
                "--format benchstat: holds plain figures, which --across-machines does not "
                    + "compare; expected table, json or markdown")
        }
    }

    func run() throws {
        let (first, second) = (try ResultStore.read(before), try ResultStore.read(after))
        var options = RunComparison.Options()
        options.acrossMachines = acrossMachines
        options.tolerance = tolerance / 100
        let comparison = try RunComparison(first, second, options: options)
        switch json ? .json : format {
        case .table:
            let style = Terminal.style(width: width)
            try StandardOutput.write(ComparisonReport.text(comparison, style).utf8)
        case .json: try StandardOutput.write(json: ComparisonDocument(comparison))
        case .markdown: try StandardOutput.write(ComparisonMarkdown.text(comparison).utf8)
        case .benchstat: try StandardOutput.write(BenchmarkText.text(comparison).utf8)
        }
    }
}
