import ArgumentParser
import FaultTraffic
import Reports

/// `fqbench trace import|info|export`.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Imports, describes and exports page-fault traces.",
        discussion: "Example: fqbench trace import faults.txt.xz --output faults.fqtrace",
        subcommands: [Import.self, Info.self, Export.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Turns perf or ftrace text into this project's compact format.",
            usage: "fqbench trace import <input> --output <output> [<options>]",
            discussion: """
                Reads exceptions:page_fault_user and page_fault_kernel, intel_iommu:prq_report in \
                its old and new forms, and iommu:io_page_fault, as perf script or ftrace prints \
                them, plain or compressed with xz, zstd or gzip.

                Example: fqbench trace import faults.txt.xz --output faults.fqtrace
                """)

        @Argument(help: "A file, or - for standard input.")
        var input: String

        @Option(name: .shortAndLong, help: "The file to write; it must not exist.")
        var output: String

        @Flag(help: "Replace the output if it exists.")
        var force = false

        @Option(help: "Name kept in the trace; the file's by default.")
        var name: String?

        @Option(help: "Where it comes from, kept in the trace.")
        var source: String?

        @OptionGroup var importing: ImportArguments

        func run() throws {
            var options = importing.options
            options.name = name
            options.source = source
            let trace = try TraceReader.read(path: input, options: options)
            importing.reportSkipped(trace)
            try TraceFile.write(trace, to: output, replacing: force)
            try StandardOutput.write(lines: [
                "\(output): \(trace.events.count) requests of \(trace.name)"
            ])
        }
    }

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Describes a trace.",
            usage: "fqbench trace info <trace> [--json] [<options>]",
            discussion: "Example: fqbench trace info sqlite-build-index")

        @Argument(help: "A trace's name (see 'fqbench list'), or a file, or - for standard input.")
        var trace: String

        @Flag(help: "Print a JSON object instead of text.")
        var json = false

        @OptionGroup var importing: ImportArguments

        func run() throws {
            let trace = try ProjectFiles.trace(trace, options: importing.options)
            importing.reportSkipped(trace)
            if json {
                try StandardOutput.write(json: TraceDescription(trace))
            } else {
                try StandardOutput.write(
                    lines: TraceDescription(trace).lines(Terminal.style(width: nil)))
            }
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a trace as text.",
            usage: "fqbench trace export <trace> [--format <format>] [<options>]",
            discussion: "Example: fqbench trace export sqlite-build-index --format csv")

        @Argument(help: "A trace's name (see 'fqbench list'), or a file, or - for standard input.")
        var trace: String

        @Option(help: "perf, ftrace (prq_report lines that import reads back) or csv.")
        var format = Format.csv

        @Option(name: .shortAndLong, help: "The file to write; standard output by default.")
        var output: String?

        @Flag(help: "Replace the output if it exists.")
        var force = false

        @OptionGroup var importing: ImportArguments

        enum Format: String, ExpressibleByArgument, CaseIterable { case perf, ftrace, csv }

        func run() throws {
            let trace = try ProjectFiles.trace(trace, options: importing.options)
            importing.reportSkipped(trace)
            let bytes: [UInt8] =
                switch format {
                case .csv: TraceText.csv(trace)
                case .perf: try TraceText.events(trace, frame: .perf)
                case .ftrace: try TraceText.events(trace, frame: .ftrace)
                }
            if let output {
                try TraceText.write(bytes, to: output, replacing: force)
            } else {
                try StandardOutput.write(bytes)
            }
        }
    }
}
