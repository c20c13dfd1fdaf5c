import ArgumentParser
import FaultTraffic
import Harness
import Results

/// `fqbench replay TRACE`.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Drives the whole fault path with a trace, through every structure.",
        discussion: """
            Requests enter the page-request ring at the trace's own times, sped up; the fault \
            thread reports them, workers handle and answer. Latency counts from the intended \
            arrival to the response. PASIDs are unbound and bound again under load. The whole \
            trace goes through every scheme, a stretch of it at a time, the schemes in turn. \
            Reads this project's format and the text of perf script and ftrace, also compressed \
            with xz, zstd or gzip.

            Example: fqbench replay sqlite-build-index
            Example: fqbench replay faults.txt.xz --speed-up 50 --schemes 'rcu-refcount/*'
            """)

    @Argument(help: "A trace's name (see 'fqbench list'), or a file, or - for standard input.")
    var trace: String

    @Option(help: "How much faster than recorded the requests arrive, above 0, at most 1000000.")
    var speedUp = 20.0

    @Option(
        parsing: .upToNextOption,
        help: "Schemes of the reporting subject; * stands for any text.")
    var schemes: [String] = ["*/futex", "slot-table", "single-owner"]

    @Option(help: "Threads that handle and answer, 1 to 64.")
    var workers = 1

    @Flag(help: "The devices get a thread and a CPU of their own.")
    var deviceThread = false

    @Option(help: "Entries of the ring: a power of two from 128 to 16384.")
    var ring = 512

    @Option(help: "Requests of a device that may be unanswered, 1 to 65536.")
    var credits = 128

    @Option(help: "What a handler works on a group, in nanoseconds, 0 to 10000000.")
    var serviceNs = 500.0

    @Option(help: "Pause between two unbinds in microseconds, 20 to 1000000; 0 for none.")
    var unbindEveryUs = 500.0

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
        if let fault = workload(trace: "trace").fault { throw ValidationError(Self.option(fault)) }
    }

    func run() throws {
        let events = try ProjectFiles.trace(trace, options: importing.options)
        importing.reportSkipped(events)
        let name = Self.kebab(events.name)
        let workload = workload(trace: name)
        var suite = Suite(
            name: workload.name, description: "The trace \(events.name).", rounds: 1,
            burstsPerRound: Self.burstsPerRound, burstMs: Self.burstMs, schemes: schemes,
            pipeline: [workload])
        if let fault = suite.fault { throw SuiteError(fault) }
        suite.rounds = suite.roundsToCover(events, speedUp: speedUp)
        try Session(
            suite: options.adapting(suite), options: options, extraTraces: [name: events],
            resumption: nil
        ).run(resuming: nil, at: nil)
    }

    private func workload(trace: String) -> PipelineWorkload {
        PipelineWorkload(
            name: "replay-\(trace)", workers: workers, deviceThread: deviceThread, capacity: ring,
            credits: credits, serviceNs: serviceNs,
            unbindEveryUs: unbindEveryUs == 0 ? nil : unbindEveryUs,
            arrivals: .trace(name: trace, speedUp: speedUp))
    }

    /// A workload's fault in the words of the command line.
    private static func option(_ fault: String) -> String {
        let names = [
            "workers": "--workers", "capacity": "--ring", "credits": "--credits",
            "serviceNs": "--service-ns", "unbindEveryUs": "--unbind-every-us",
        ]
        let field = String(fault.prefix { $0 != ":" })
        return (names[field] ?? field) + fault.dropFirst(field.count)
    }

    /// A file's name as part of a workload's.
    private static func kebab(_ name: String) -> String {
        let plain = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let trimmed = String(plain).split(separator: "-").joined(separator: "-")
        return trimmed.isEmpty ? "trace" : String(trimmed.prefix(40))
    }
}
