import ArgumentParser
import Foundation
import Harness
import Measurement
import Placement
import SchemeCatalogue

/// `fqbench verify`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every scheme, and shows that the checks catch known bugs.",
        usage: "fqbench verify [--schemes <pattern> ...] [--seed <seed>] [<options>]",
        discussion: """
            Every sound scheme has to pass every check, and every broken twin (a scheme with one \
            known bug switched on) has to fail one. Each check runs in a process of its own; a \
            deadlock ends it and is reported with who holds and who waits. Exit status 3 where a \
            scheme fails or a twin survives. docs/Correctness.md says what is checked.

            Example: fqbench verify --schemes 'rcu-refcount*' --twins 'flush-*' --seed 7
            Example: fqbench verify --subject ring,pairs --soak 30m
            Example: fqbench verify --replay results/failures/slot-table.threads.7.json
            """)

    @Option(help: "What every random choice derives from; printed. Random by default.")
    var seed: UInt64?

    @Option(
        help: """
            Only these subjects, with commas: ring, reporting, pasid, attach-handle, release, pairs.
            """)
    var subject: String?

    @Option(
        parsing: .upToNextOption,
        help: "Only these schemes; * stands for any text; 'none' for none.")
    var schemes: [String] = []

    @Option(
        parsing: .upToNextOption, help: "Only these twins; * stands for any text; 'none' for none.")
    var twins: [String] = []

    @Flag(help: "Every kind of lock with every structure, instead of two.")
    var allLocks = false

    @Option(
        help: """
            Run for this long, as in 90s, 30m or 2h, but at least one pass over all kinds of lock; \
            each further pass has four times as many operations, up to 10000000 a check. The \
            twins are killed once.
            """)
    var soak: String?

    @Option(
        help: """
            Operations of each check, if they take less than an hour, instead of 100000 or five \
            seconds.
            """)
    var operations: Int?

    @Option(help: "Use only these CPUs, as in 0,2-3. By default all that this process may use.")
    var cpus: String?

    @Option(help: "Write the histories of failing schemes, and of killed twins, to this folder.")
    var histories: String?

    @Option(help: "Show a failing history step by step, and run nothing.")
    var replay: String?

    @Flag(help: "Print a JSON document instead of tables.")
    var json = false

    @Flag(help: "No progress on standard error.")
    var quiet = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    /// What a child process is asked: a trial's file and its outcome's.
    @Option(name: .customLong("trial"), parsing: .upToNextOption, help: .hidden)
    var childFiles: [String] = []

    func validate() throws {
        if let operations, !(1...1_000_000_000_000).contains(operations) {
            throw ValidationError(
                "--operations: expected 1 to 1000000000000, found \(operations)")
        }
        if let soak, Self.seconds(soak) == nil {
            throw ValidationError("--soak: expected a time as in 90s, 30m or 2h, found \(soak)")
        }
        try Terminal.validate(width: width)
    }

    /// Seconds of a time such as `90s`, `30m` or `2h`, at most a week.
    static func seconds(_ text: String) -> Double? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int(text.dropLast()),
            number > 0, Double(number) * unit <= 7 * 86400
        else { return nil }
        return Double(number) * unit
    }

    func run() throws {
        if childFiles.count == 2 {
            // A stop is the parent's to see to.
            signal(SIGINT, SIG_IGN)
            return try TrialProcess.answer(
                from: childFiles[0], to: childFiles[1],
                subjects: SchemeCatalogue.verified + SchemeCatalogue.twins.map(\.subject))
        }
        let style = Terminal.style(width: width)
        if let replay {
            let failure = try FailureFile.read(replay)
            return json
                ? try StandardOutput.write(json: failure)
                : try StandardOutput.write(lines: failure.lines(style))
        }
        let session = try VerifySession(self)
        let report = try session.run()
        if json {
            try StandardOutput.write(json: report)
        } else {
            try StandardOutput.write(lines: VerifyReport.lines(report, style))
        }
        if let error = session.historyError {
            // What a check found counts for more.
            guard !report.holds else { throw error }
            StandardError.write("fqbench: \(error)\n")
        }
        if !report.holds { throw Exit(code: ExitStatus.checkFailed.rawValue) }
        if report.isStopped { throw Exit(code: StopSignal.exitCode ?? 130) }
    }
}
