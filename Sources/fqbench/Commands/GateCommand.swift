import ArgumentParser
import Harness
import Measurement
import Reports
import Results

/// `fqbench gate`.
struct GateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Decides whether this build is slower than another one.",
        usage: """
            fqbench gate --base <revision> [<options>]
            fqbench gate --base-binary <program> [<options>]
            fqbench gate --self-test [--recorded <file> ...] [<options>]
            fqbench gate --counts [--thresholds <file>] [--strict]
            """,
        discussion: """
            Both builds take turns, A B B A, in processes of their own. What looks slower is \
            measured again in new processes, and only that counts. Exit codes: 0 pass (or \
            inconclusive), 2 slower, 3 a check failed, and with --strict 7 inconclusive and 4 \
            faster.

            --counts needs no base and no time: instructions and bytes per request and the size \
            of the machine code, against Benchmarks/thresholds.json. Exit codes: 0 as before, 2 \
            more, with --strict 4 less, 6 not all could be counted.

            Example: fqbench gate --base origin/main --budget 600 --junit gate.xml
            Example: fqbench gate --counts --strict
            Example: fqbench gate --self-test --recorded FILE.json.xz --gates 1000
            """)

    @Option(help: "Build this revision in a worktree of its own and take it for the base.")
    var base: String?

    @Option(help: "Take this program for the base.")
    var baseBinary: String?

    @Option(help: "Take this program for the head, not this one.")
    var headBinary: String?

    @OptionGroup var rules: GateRuleOptions

    @Option(help: "A suite's name, or the path of a suite file. (default: quick)")
    var suite: String?

    @Option(parsing: .upToNextOption, help: "Only these schemes; * stands for any text.")
    var schemes: [String] = []

    @Option(parsing: .upToNextOption, help: "Only these workloads; * stands for any text.")
    var workloads: [String] = []

    @Option(help: "Use only these CPUs, as in 0,2-3.")
    var cpus: String?

    @Option(help: "What every random choice derives from; printed. Random by default.")
    var seed: UInt64?

    @Option(help: "Write JUnit XML to this file, replacing it.")
    var junit: String?

    @Flag(help: "Print annotations for GitHub after the report; not with --json.")
    var github = false

    @Flag(help: "Exit with 7 where inconclusive and with 4 where faster or less.")
    var strict = false

    @Flag(help: "Run the gate on what is known: equal builds, and planted slowdowns.")
    var selfTest = false

    @Option(parsing: .upToNextOption, help: "Self-test on the rounds of these result files.")
    var recorded: [String] = []

    @Option(
        help: """
            Gates of each row of a self-test, 1 to 100000; real ones of equal builds: twice as \
            many. (default: 200 recorded, 5 real)
            """)
    var gates: Int?

    @Option(
        parsing: .upToNextOption,
        help: "Only these rows of a self-test with real gates; * stands for any text.")
    var plants: [String] = []

    @Flag(help: "Count instructions, bytes and code of this build against thresholds.")
    var counts = false

    @Option(help: "Take these thresholds of counts.")
    var thresholds: String?

    @Option(help: .hidden)
    var plant: String?

    @Flag(help: "No progress on standard error.")
    var quiet = false

    @Flag(help: "Print a JSON object instead of text.")
    var json = false

    @Option(help: "Columns of the output, 80 to 240, instead of the terminal's.")
    var width: Int?

    func validate() throws {
        try Terminal.validate(width: width)
        let modes = [base != nil, baseBinary != nil, selfTest, counts].count { $0 }
        guard modes == 1 else {
            throw ValidationError(
                "expected one of --base, --base-binary, --self-test and --counts")
        }
        let mode = mode
        if let option = particularOptions.first(where: { $0.isGiven && !$0.modes.contains(mode) }) {
            throw ValidationError("\(option.name): not with \(mode.rawValue)")
        }
        if json && github { throw ValidationError("--github: not with --json") }
        if let gates, !(1...100_000).contains(gates) {
            throw ValidationError("--gates: expected 1 to 100000, found \(gates)")
        }
    }

    func run() throws {
        let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let progress = ProgressPrinter(isSilent: quiet)
        if !recorded.isEmpty {
            return try show(
                try RecordedSelfTest(
                    files: recorded, rules: rules.rules, budgetSeconds: rules.budgetSeconds,
                    gates: gates ?? 200, seed: seed
                ).run(progress: progress))
        }
        let own = "/proc/self/exe"
        try StopSignal.install()
        defer { StopSignal.uninstall() }
        if counts { return try count(headBinary ?? own, progress) }
        let suite = suite ?? "quick"
        if selfTest {
            // A mistake in a name is found before anything is copied.
            let plants = try LiveSelfTest.select(plants)
            let setup = try GateSetup(
                base: own, head: headBinary ?? own, suite: suite, schemes: schemes,
                workloads: workloads, cpus: cpus)
            defer { setup.scratch.remove() }
            return try show(
                try LiveSelfTest(
                    setup: setup, rules: rules.rules, budgetSeconds: rules.budgetSeconds,
                    gates: gates ?? 5, seed: seed, plants: plants, isQuiet: quiet
                ).run())
        }
        // Before the first build and the first visit: a wrong path costs neither.
        if let junit { try AtomicFile.checkWritable(junit) }
        let built = try base.map { revision in
            try GateBuild().build(revision) { progress.note($0) }
        }
        let setup = try GateSetup(
            base: built?.program ?? baseBinary ?? own, head: headBinary ?? own, suite: suite,
            schemes: schemes, workloads: workloads, cpus: cpus)
        defer { setup.scratch.remove() }
        // Another clock than the build's: what is left is told from what is gone.
        let measuring = ProgressPrinter(isSilent: quiet)
        measuring.note("seed \(seed), budget \(Int(rules.budgetSeconds)) s")
        let result = try setup.gate(
            rules: rules.rules, budgetSeconds: rules.budgetSeconds, seed: seed,
            headOptions: plant.map { ["--plant", $0] } ?? []
        ).run(progress: measuring)
        let findings = GateFindings(
            verdict: result.verdict,
            base: built.map { "\(base ?? ""), commit \($0.commit.prefix(12))" } ?? baseBinary ?? "",
            head: headBinary ?? Self.ownName(),
            suite: suite, seed: seed, seconds: result.seconds,
            budgetSeconds: rules.budgetSeconds, visits: result.visits, notes: result.notes,
            violations: result.violations,
            deterministic: result.allocations)
        try report(findings)
    }

    private static func ownName() -> String {
        let build = BuildRecord.capture()
        let commit = build[ResumeIdentity.commitKey].map { ", commit \($0.prefix(12))" } ?? ""
        return "this program" + commit
            + (build["dirty"] == "true" ? ", with uncommitted changes" : "")
    }

    private func count(_ program: String, _ progress: ProgressPrinter) throws {
        let result = try CountGate(program: program, thresholds: thresholds, plant: plant)
            .run(progress: progress)
        let report = result.report
        if json {
            try StandardOutput.write(json: report)
        } else {
            try StandardOutput.write(report.text(Terminal.style(width: width)).utf8)
        }
        if github { try StandardOutput.write(report.annotations.utf8) }
        let status: ExitStatus =
            if report.outcome == .fail {
                .regression
            } else if strict && report.outcome == .stale {
                .improvement
            } else if result.isPartial {
                .unfit
            } else {
                .success
            }
        if status != .success { throw Exit(code: status.rawValue) }
    }

    private func show(_ table: SelfTestTable) throws {
        if json {
            try StandardOutput.write(json: table)
        } else {
            try StandardOutput.write(table.text(Terminal.style(width: width)).utf8)
        }
        if table.isCutShort { throw Exit(code: StopSignal.exitCode ?? 130) }
    }

    /// Writes every output, then ends with the status that the outcome asks for; a file that could
    /// not be written is said after the report, and is the status only where all else is success.
    private func report(_ findings: GateFindings) throws {
        var problem: ResultFileError?
        if let junit {
            do throws(ResultFileError) {
                try AtomicFile.write(
                    Array(GateOutputs.junit(findings).utf8), to: junit, overwrite: true)
            } catch {
                problem = error
            }
        }
        if json {
            try StandardOutput.write(json: GateOutputs.Document(findings))
        } else {
            try StandardOutput.write(
                GateReport.text(findings, Terminal.style(width: width)).utf8)
        }
        if github { try StandardOutput.write(GateOutputs.annotations(findings).utf8) }
        let status: ExitStatus =
            if !findings.violations.isEmpty {
                .checkFailed
            } else if findings.outcome == .fail {
                .regression
            } else if strict && findings.outcome == .inconclusive {
                .inconclusive
            } else if strict && findings.verdict.rows.contains(where: \.isFaster) {
                .improvement
            } else {
                .success
            }
        guard status != .success else {
            if let problem { throw problem }
            return
        }
        if let problem { StandardError.write("fqbench: \(problem)\n") }
        throw Exit(code: status.rawValue)
    }
}
