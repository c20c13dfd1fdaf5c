import FaultOracle
import Foundation
import Harness
import Reports
import Results

/// A failing history as a file: what was run, what was wrong, and the steps that led there.
struct FailureFile: Codable {
    static let currentVersion = 1
    /// Bytes of the longest file that is read; a history of thousands of steps has a tenth.
    private static let longestFile = 64 << 20

    let version: Int
    let trial: VerifyTrial
    let violations: [Violation]
    let steps: [FailureStep]

    init(_ trial: VerifyTrial, _ outcome: TrialOutcome) {
        version = Self.currentVersion
        self.trial = trial
        violations = outcome.violations
        steps = outcome.steps
    }

    /// Writes to a file of its own in the folder; never over another.
    ///
    /// - Returns: Its path.
    func write(to folder: String) throws -> String {
        let subject = trial.subject.replacingOccurrences(of: "/", with: "-")
        let name = [trial.area, subject, trial.check.rawValue, "\(trial.seed)"].compactMap { $0 }
        let base = "\(folder)/\(name.joined(separator: "."))"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            let data = try encoder.encode(self)
            for number in 1...1000 {
                let path = number == 1 ? base + ".json" : "\(base).\(number).json"
                guard !FileManager.default.fileExists(atPath: path) else { continue }
                try data.write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
                return path
            }
        } catch {
            throw CommandFailure(
                .unfit, "\(folder): cannot be written: \(error.localizedDescription)")
        }
        throw CommandFailure(.unfit, "\(base).json: 1000 histories are there already")
    }

    static func read(_ path: String) throws -> FailureFile {
        // Read no further than needed to refuse: a path may name a device that never ends.
        guard let handle = FileHandle(forReadingAtPath: path),
            let data = try? handle.read(upToCount: longestFile + 1) ?? Data()
        else {
            throw CommandFailure(.badInput, "\(path): cannot be read; expected a failing history")
        }
        guard data.count <= longestFile, JSONGuard.problem(in: data) == nil else {
            throw CommandFailure(
                .badInput, "\(path): expected a failing history of fqbench verify: not one")
        }
        do {
            let file = try JSONDecoder().decode(FailureFile.self, from: data)
            guard file.version == currentVersion else {
                throw CommandFailure(
                    .badInput,
                    "\(path): version \(file.version), expected \(currentVersion)")
            }
            let places = file.violations.indices
            guard file.steps.allSatisfy({ $0.violations.allSatisfy(places.contains) }) else {
                throw CommandFailure(
                    .badInput, "\(path): a step names a violation that is not there")
            }
            return file
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(
                .badInput, "\(path): expected a failing history of fqbench verify: not one")
        }
    }

    /// The whole story, step by step. What the file says is shown without control characters.
    func lines(_ style: Style) -> [String] {
        var lines = [
            oneLine(trial.area.map { $0 + " " } ?? "")
                + "\(oneLine(trial.subject)), check \(trial.check.rawValue), "
                + "seed \(trial.seed), CPUs "
                + trial.cpus.map(String.init).joined(separator: ","), "",
        ]
        for (number, violation) in violations.enumerated() {
            lines += Wrapped.lines(
                "[\(number + 1)] \(violation.rule.name)",
                oneLine(violation.sentence, longest: 4000),
                textColumn: 16, style)
        }
        lines += [""]
        for step in steps {
            let marks = step.violations.map { "[\($0 + 1)]" }.joined()
            let time = String(format: "%10.2f µs", step.atUs)
            lines += Wrapped.lines(
                time + " " + marks, oneLine(step.sentence), textColumn: 22, style)
        }
        return lines + ["", "\(steps.count) steps"]
    }
}
