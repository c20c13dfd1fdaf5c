import ArgumentParser
import FaultTraffic

/// How text becomes a trace: the same for every command that reads one.
struct ImportArguments: ParsableArguments {
    @Flag(help: "Count lines that are wrong and go on, instead of stopping at the first.")
    var skipBadLines = false

    @Option(help: "Page faults become PASIDs by thread-group or by thread.")
    var pasidBy = Owner.threadGroup

    @Option(help: "Page faults become requesters by thread or by thread-group.")
    var requesterBy = Owner.thread

    @Option(help: "Most page faults of one requester that form a group, 1 to 512.")
    var groupSize = 1

    enum Owner: String, ExpressibleByArgument, CaseIterable {
        case thread
        case threadGroup = "thread-group"

        var owner: ImportOptions.Owner { self == .thread ? .thread : .threadGroup }
    }

    func validate() throws {
        if !(1...512).contains(groupSize) {
            throw ValidationError("--group-size: expected 1 to 512, found \(groupSize)")
        }
    }

    var options: ImportOptions {
        var options = ImportOptions()
        options.skipsBadLines = skipBadLines
        options.pasidOwner = pasidBy.owner
        options.requesterOwner = requesterBy.owner
        options.groupSize = groupSize
        return options
    }

    /// Says how many lines were skipped, where any were.
    func reportSkipped(_ trace: Trace) {
        guard trace.skippedLineCount > 0 else { return }
        let first = trace.firstSkippedLine.map { "; the first: \($0)" } ?? ""
        StandardError.write("fqbench: \(trace.skippedLineCount) lines skipped\(first)\n")
    }
}
