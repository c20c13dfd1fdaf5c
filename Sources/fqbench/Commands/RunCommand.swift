import ArgumentParser
import Harness
import Results
import SchemeCatalogue

/// `fqbench run`, and `fqbench` alone.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a suite and shows a table per workload (the default command).",
        usage: "fqbench run [--suite <suite>] [<options>]",
        discussion: """
            Every cell (a scheme under a workload at a placement of its threads) is visited once \
            per round, in random order. Ctrl-C keeps the finished rounds; --resume goes on.

            Example: fqbench run --suite quick --schemes spsc 'locked/*' --seed 7
            Example: fqbench run --resume results/runs/20261121T073000Z.epyc-2c.quick.4f1fe0b.json
            """)

    @Option(
        help: """
            A suite's name (see 'fqbench list'), or the path of a suite file. By default 'quick', \
            or the first suite with every subject asked for.
            """)
    var suite: String?

    @Option(
        help: "Only these subjects, with commas: ring, reporting, pasid, attach-handle, release.")
    var subject: String?

    @Option(
        parsing: .upToNextOption,
        help: "Only these schemes; * stands for any text. The suite's by default.")
    var schemes: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: "Only these workloads of the suite; * stands for any text.")
    var workloads: [String] = []

    @Option(help: "Finish the run in this result file: same suite, options, machine and build.")
    var resume: String?

    @OptionGroup var options: RunOptions

    func validate() throws {
        if resume != nil && (options.output != nil || options.seed != nil) {
            throw ValidationError("--resume takes its seed and its file from the run it finishes")
        }
    }

    func run() throws {
        let earlier = try resume.map { try ResultStore.read($0) }
        let subjects = try NamePattern.subjects(subject, of: Suite.subjectNames)
        var chosen = options.adapting(
            try suiteFile(with: subjects).selecting(subjects: subjects))
        if !schemes.isEmpty {
            // Checked against all schemes first, so that a mistake is not hidden by the suite.
            chosen.schemes = try NamePattern.select(
                schemes, from: SchemeCatalogue.all.names, name: { $0 }, kind: "scheme")
        }
        chosen = try chosen.selecting(workloads: workloads)
        try Session(
            suite: chosen, options: options, extraTraces: [:],
            resumption: { Resumption.command(CommandLine.arguments, file: $0) }
        ).run(resuming: earlier, at: resume)
    }

    /// The suite asked for, or the first that has the subjects; the default one where none has.
    private func suiteFile(with subjects: [String]) throws -> Suite {
        if let suite { return try ProjectFiles.suite(suite) }
        let standard = try ProjectFiles.suite("quick")
        if subjects.allSatisfy(standard.subjects.contains) { return standard }
        for name in ProjectFiles.suiteNames {
            let suite = try ProjectFiles.suite(name)
            if subjects.allSatisfy(suite.subjects.contains) { return suite }
        }
        return standard
    }
}
