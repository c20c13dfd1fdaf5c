import ArgumentParser
import Reports
import Results

/// `fqbench report FILE`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Shows a result file as the run that wrote it did.",
        discussion: """
            Reads result files as they are or compressed with xz, zstd or gzip.

            Example: fqbench report results/runs/20261121T073000Z.epyc-2c.quick.4f1fe0b.json
            """)

    @Argument(help: "A result file.")
    var file: String

    @Flag(help: "Print the result document instead of tables.")
    var json = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws { try Terminal.validate(width: width) }

    func run() throws {
        let document = try ResultStore.read(file)
        if json {
            try StandardOutput.write(try ResultStore.encode(document, path: "standard output"))
        } else {
            try StandardOutput.write(
                RunReport.text(document, Terminal.style(width: width)).utf8)
        }
    }
}
