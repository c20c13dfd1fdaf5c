import ArgumentParser
import FaultTraffic
import Harness
import Results

/// `fqbench replay TRACE`.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Drives the page-request ring with a trace, through every scheme.",
        discussion: """
            Requests arrive at the trace's own times, sped up; latency counts from the intended \
            arrival. The whole trace goes through every scheme, a stretch of it at a time, the \
            schemes in turn. Reads this project's format and the text of perf script and ftrace, \
            also compressed with xz, zstd or gzip.

            Example: fqbench replay sqlite-build-index
            Example: fqbench replay faults.txt.xz --speed-up 50 --schemes 'spsc*'
            """)

    @Argument(help: "A trace's name (see 'fqbench list'), or a file, or - for standard input.")
    var trace: String

    @Option(help: "How much faster than recorded the requests arrive, above 0, at most 1000000.")
    var speedUp = 20.0

    @Option(
        parsing: .upToNextOption,
        help: "Only these schemes; * stands for any text. All by default.")
    var schemes: [String] = ["*"]

    @Option(help: "Devices' threads, 1 to 256; a requester's requests stay with one.")
    var producers = 1

    @OptionGroup var importing: ImportArguments
    @OptionGroup var options: RunOptions

    /// A stretch of a trace is long enough for its own bursts to show.
    private static let burstMs = 5.0
    private static let burstsPerRound = 10

    func validate() throws {
        if !(speedUp > 0 && speedUp <= 1_000_000) {
            throw ValidationError(
                "--speed-up: expected above 0, at most 1000000, found \(speedUp)")
        }
        if !(1...256).contains(producers) {
            throw ValidationError("--producers: expected 1 to 256, found \(producers)")
        }
    }

    func run() throws {
        let events = try ProjectFiles.trace(trace, options: importing.options)
        importing.reportSkipped(events)
        let name = Self.kebab(events.name)
        let workload = RingWorkload(
            name: "replay-\(name)", measure: .openLoop, producers: producers,
            arrivals: .trace(name: name, speedUp: speedUp))
        var suite = Suite(
            name: "replay-\(name)", description: "The trace \(events.name).", rounds: 1,
            burstsPerRound: Self.burstsPerRound, burstMs: Self.burstMs, schemes: schemes,
            ring: [workload])
        if let fault = suite.fault { throw SuiteError(fault) }
        suite.rounds = suite.roundsToCover(events, of: workload)
        try Session(
            suite: options.adapting(suite), options: options, extraTraces: [name: events],
            resumption: nil
        ).run(resuming: nil, at: nil)
    }

    /// A file's name as part of a workload's.
    private static func kebab(_ name: String) -> String {
        let plain = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let trimmed = String(plain).split(separator: "-").joined(separator: "-")
        return trimmed.isEmpty ? "trace" : String(trimmed.prefix(40))
    }
}
