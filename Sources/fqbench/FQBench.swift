import ArgumentParser
import FaultTraffic
import Foundation
import Glibc
import Harness
import Measurement
import Placement
import Results

/// The root command. Every command's errors end here, in one place, as one line and one status.
@main
struct FQBench: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "fqbench",
        abstract: "Benchmarks the software queues behind an IOMMU's I/O page faults.",
        discussion: """
            Compares ways of locking the queues of the fault path on this machine: pinned threads, \
            real page-fault traces, throughput and tail latency, with correctness checked in the \
            same trials.

            Example: fqbench run --suite smoke --schemes 'spsc*' mpsc
            """,
        version: version,
        subcommands: [
            RunCommand.self, ReplayCommand.self, ListCommand.self, TopologyCommand.self,
            CompareCommand.self, GateCommand.self, GateChildCommand.self,
            CountChildCommand.self, HistoryCommand.self, ReportCommand.self, TraceCommand.self,
            VerifyCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    static func main() {
        // A reader that went away (`| head`) is no reason to die without an exit status.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Glibc.exit(report(error))
        }
    }

    /// Prints what there is to say and returns the exit status.
    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let exit as Exit: return exit.code
        case let failure as CommandFailure: return say(failure.description, failure.status)
        case let error as MeasurementError: return say(error.description, .unfit)
        case let error as PlacementError: return say(error.description, status(of: error))
        case let error as ResultFileError: return say(error.description, status(of: error))
        case let error as ComparisonRefusal: return say(error.description, .badInput)
        case let error as SuiteError: return say(error.description, .badInput)
        case let error as ResumeRefusal: return say(error.description, .badInput)
        case let error as TraceError: return say(error.description, .badInput)
        case let error as TrafficConfigurationError: return say(error.description, .badInput)
        default:
            guard exitCode(for: error).isSuccess else { return say(usage(error), .badInput) }
            // Help and version come as errors too.
            let text = fullMessage(for: error)
            do throws(CommandFailure) {
                try StandardOutput.write(lines: text.isEmpty ? [] : [text])
                return ExitStatus.success.rawValue
            } catch {
                return say(error.description, error.status)
            }
        }
    }

    /// A mistake on the command line in one line: what is wrong, and which help says more.
    private static func usage(_ error: any Error) -> String {
        let text = message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        let hint = fullMessage(for: error).split(whereSeparator: \.isNewline).last.flatMap {
            $0.firstMatch(of: #/See '(.+)' for more information/#)?.1
        }
        guard let hint else { return text }
        let isSentence = text.last.map { ".?!".contains($0) } ?? true
        return "\(text)\(isSentence ? "" : ".") See '\(hint)'."
    }

    /// One line, whatever the names and the words of other programs in it hold.
    private static func say(_ text: String, _ status: ExitStatus) -> Int32 {
        StandardError.write("fqbench: \(oneLine(text, longest: .max))\n")
        return status.rawValue
    }

    private static func status(of error: PlacementError) -> ExitStatus {
        switch error {
        case .badCPUList, .duplicateCPU, .cpuNotAllowed, .cpuNotOnMachine: .badInput
        default: .unfit
        }
    }

    private static func status(of error: ResultFileError) -> ExitStatus {
        if case .system = error.reason { .unfit } else { .badInput }
    }
}
