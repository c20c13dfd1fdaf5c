import ArgumentParser
import Foundation
import Reports
import Results

/// `fqbench gate`.
struct GateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate", abstract: "Decides whether this build is slower than another one.",
        discussion: "Example: fqbench gate --base main")

    @Flag(help: "Run the gate on what is known: equal builds, and planted slowdowns.")
    var selfTest = false

    @Option(parsing: .upToNextOption, help: "Self-test on the rounds of these result files.")
    var recorded: [String] = []

    @Option(help: "Seconds to measure, 10 to 86400.")
    var budget = 600.0

    @Option(help: "Gates of the self-test per planted size, 1 to 100000.")
    var gates = 200

    @Option(help: "What every random choice derives from; printed. Random by default.")
    var seed: UInt64?

    @Flag(help: "No progress on standard error.")
    var quiet = false

    @Flag(help: "Print a JSON object instead of text.")
    var json = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func run() throws {
        let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let table = try RecordedSelfTest(
            files: recorded, rules: GateRules(), budgetSeconds: budget, gates: gates, seed: seed
        ).run(progress: ProgressPrinter(isSilent: quiet))
        if json { return try StandardOutput.write(json: table) }
        try StandardOutput.write(table.text(Terminal.style(width: width)).utf8)
    }
}
