import ArgumentParser
import Harness

/// Options that every command which measures has.
struct RunOptions: ParsableArguments {
    @Option(help: "What every random choice derives from; printed and stored. Random by default.")
    var seed: UInt64?

    @Option(
        help: "Use only these CPUs, as in 0,2-3. By default all that this process may use.")
    var cpus: String?

    @Option(help: "Visits to every cell, instead of the suite's.")
    var rounds: Int?

    @Option(help: "Counted bursts of a visit, instead of the suite's.")
    var bursts: Int?

    @Option(
        name: .shortAndLong,
        help: "Write the result to this file instead of one in results/runs; never overwrites.")
    var output: String?

    @Flag(help: "Print the result document to standard output instead of tables.")
    var json = false

    @Flag(help: "No progress on standard error.")
    var quiet = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws {
        if let rounds, !(1...10_000).contains(rounds) {
            throw ValidationError("--rounds: expected 1 to 10000, found \(rounds)")
        }
        if let bursts, !(1...1000).contains(bursts) {
            throw ValidationError("--bursts: expected 1 to 1000, found \(bursts)")
        }
        try Terminal.validate(width: width)
    }

    /// The suite with what the command line changes in it.
    func adapting(_ suite: Suite) -> Suite {
        var adapted = suite
        if let rounds { adapted.rounds = rounds }
        if let bursts { adapted.burstsPerRound = bursts }
        return adapted
    }
}
