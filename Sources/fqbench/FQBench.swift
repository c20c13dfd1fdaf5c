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
            Compares ways of locking the page-request ring on this machine: pinned threads, real \
            page-fault traces, throughput and tail latency, with correctness checked in the same \
            trials.

            Example: fqbench run --suite smoke --schemes 'spsc*' mpsc
            """,
        version: version,
        subcommands: [
            RunCommand.self, ReplayCommand.self, ListCommand.self, TopologyCommand.self,
            TraceCommand.self,
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
        case let error as SuiteError: return say(error.description, .badInput)
        case let error as ResumeRefusal: return say(error.description, .badInput)
        case let error as TraceError: return say(error.description, .badInput)
        case let error as TrafficConfigurationError: return say(error.description, .badInput)
        default:
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            if code.isSuccess {
                if !text.isEmpty { print(text) }
                return ExitStatus.success.rawValue
            }
            StandardError.write(text + "\n")
            return ExitStatus.badInput.rawValue
        }
    }

    private static func say(_ text: String, _ status: ExitStatus) -> Int32 {
        StandardError.write("fqbench: \(text)\n")
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

/// Where progress and errors go, so that standard output holds results alone.
enum StandardError {
    static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
