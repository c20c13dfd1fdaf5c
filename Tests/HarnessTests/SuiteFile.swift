import Foundation
import Harness

/// A suite as JSON, of which a test spoils one field. Values are JSON text.
struct SuiteFile {
    var fields = [
        "name": #""sample""#, "description": #""A sample.""#, "rounds": "2",
        "burstsPerRound": "3", "burstMs": "0.5", "schemes": #"["spsc"]"#,
    ]
    var workload = ["name": #""cell""#, "measure": #""throughput""#]

    var text: String {
        var all = fields
        if all["ring"] == nil { all["ring"] = "[\(Self.object(workload))]" }
        return Self.object(all)
    }

    private static func object(_ fields: [String: String]) -> String {
        let pairs = fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        return "{\(pairs.joined(separator: ", "))}"
    }

    /// What the file is read as.
    func read() throws -> Suite { try Self.read(text) }

    /// The line that the file is refused with, the path cut off; nil where it is accepted.
    func refusal() throws -> String? { try Self.refusal(of: text) }

    static func read(_ text: String) throws -> Suite {
        let path = NSTemporaryDirectory() + "/fqbench-suite-\(UUID().uuidString).json"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        return try Suite.read(path)
    }

    static func refusal(of text: String) throws -> String? {
        do {
            _ = try read(text)
            return nil
        } catch let error as SuiteError {
            // Every refusal names its file first.
            let line = error.description
            guard let name = line.firstRange(of: ".json: ") else { return "NO FILE: " + line }
            return String(line[name.upperBound...])
        }
    }
}
