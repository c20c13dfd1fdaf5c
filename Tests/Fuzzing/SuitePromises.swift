import Foundation
import Harness
import Placement
import SchemeCatalogue

/// Suite files, and the plan that is made of them.
enum SuitePromises {
    static let parser = FuzzedParser(
        name: "suite", longestInput: 2048,
        words: JSONWords.all + [
            "\"ring\": ", "\"reporting\": ", "\"schemes\": ", "\"*\"", "\"locked/*\"", "\"spsc\"",
            "\"arrivals\": ", "\"process\": ", "\"poisson\"", "\"saturation-share\"", "\"bursts\"",
            "\"trace\"", "\"perSecond\": ", "\"placements\": ", "\"same-l3\"", "\"measure\": ",
            "\"open-loop\"", "\"round-trip\"", "\"observe\": ", "\"flush-latency\"",
            "\"backlog\": ", "\"workers\": ", "\"burstMs\": ", "\"pipeline\": ", "\"pasid\": ",
            "\"attachHandle\": ", "\"release\": ", "\"pasid/*\"", "\"handle/*\"",
        ]
    ) { input throws(Violation) in
        guard let suite = try read(input) else { return .refused }
        guard let bytes = try? JSONEncoder().encode(suite), let again = try read([UInt8](bytes))
        else { throw Violation("cannot be written and read back") }
        guard again == suite else { throw Violation("comes back as another suite") }
        for name in suite.workloadNames where !name.utf8.allSatisfy(isPlain) {
            throw Violation("a workload that is named \(name)")
        }
        let notes: [String]
        do throws(SuiteError) {
            let plan = try SuitePlan(suite: suite, schemes: SchemeCatalogue.all, shape: shape)
            _ = plan.fingerprint
            notes = plan.notes
        } catch {
            notes = [error.description]
        }
        for note in notes { try Message.check(note) }
        return .accepted
    }

    /// Two nodes of two cores with two hardware threads each.
    private static let shape = MachineShape(
        pus: (0..<8).map { cpu in
            ProcessingUnit(
                cpu: cpu, core: cpu / 2, l3Group: cpu / 4, numaNode: cpu / 4, package: 0)
        })

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func read(_ input: [UInt8]) throws(Violation) -> Suite? {
        let file = MemoryFile(input)
        do throws(SuiteError) {
            return try Suite.read(file.path)
        } catch {
            try Message.check(error.description)
            return nil
        }
    }
}
