import Foundation
import Glibc
import Measurement
import Reports
import Results

/// `fqbench gate --counts`: what can be counted of a build exactly, against thresholds.
struct CountGate {
    /// Resolved: a program under valgrind has another idea of `/proc/self/exe`.
    let program: String
    let thresholdsFile: String
    let plant: String?

    /// A build's counts and what was left out.
    struct Result {
        let report: CountReport
        /// Something was not counted, because a tool is missing.
        let isPartial: Bool
    }

    private static let callgrind = "callgrind"
    private static let environment = [
        "SWIFT_DETERMINISTIC_HASHING": "1",
        // The same memcpy on every processor, and an allocator without a clock.
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-ERMS,-FSRM",
        "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1",
    ]

    init(program: String, thresholds: String?, plant: String?) throws {
        self.program = URL(fileURLWithPath: program).resolvingSymlinksInPath().path
        guard access(self.program, X_OK) == 0, !ProjectFiles.isFolder(self.program) else {
            throw CommandFailure(.badInput, "\(program): expected a program that can be run")
        }
        self.plant = plant
        guard
            let file = thresholds
                ?? ProjectFiles.root.map({ $0 + "/Benchmarks/thresholds.json" })
        else {
            throw CommandFailure(
                .badInput, "--counts: expected --thresholds, or to run in a checkout of fqbench")
        }
        thresholdsFile = file
    }

    func run(progress: ProgressPrinter) throws -> Result {
        let (thresholds, bytes) = try CountThresholds.read(thresholdsFile)
        guard thresholds.architecture == BuildRecord.architecture else {
            throw CommandFailure(
                .unfit,
                "\(thresholdsFile): thresholds for \(thresholds.architecture), and this machine is "
                    + BuildRecord.architecture)
        }
        var notes: [String] = []
        var measures = CountMeasures()
        let scratch = try GateScratch()
        defer { scratch.remove() }
        let missing = thresholds.kinds.contains(where: \.isExecuted) ? Self.missingTool() : nil
        if let missing { notes.append(missing) }
        let countsExecuted = missing == nil && thresholds.kinds.contains(where: \.isExecuted)
        if countsExecuted { progress.note("counting under callgrind") }
        let answer = try count(thresholds.schemes.map(\.scheme), countsExecuted, scratch, &measures)
        if thresholds.kinds.contains(where: \.isCode) {
            progress.note("reading the machine code")
            if let note = try measureCode(answer, &measures) { notes.append(note) }
        }
        if answer.compiler != thresholds.compiler {
            notes.append(
                "The thresholds are for \(thresholds.compiler); this build is by "
                    + "\(answer.compiler), whose code may differ for no other reason.")
        }
        let findings = thresholds.findings(measures)
        let accepted = thresholds.accepting(findings, compiler: answer.compiler, in: bytes)
        let isChanged = findings.contains { $0.status == .above || $0.status == .below }
        let diff =
            isChanged
            ? UnifiedDiff.text(
                path: patchPath, old: String(decoding: bytes, as: UTF8.self),
                new: String(decoding: accepted, as: UTF8.self)) : ""
        return Result(
            report: CountReport(findings: findings, notes: notes, diff: diff),
            isPartial: findings.contains { $0.status == .absent })
    }

    /// From the checkout's root, or from the current folder, or from the root of all.
    private var patchPath: String {
        let path = URL(fileURLWithPath: thresholdsFile).standardizedFileURL.path
        let folders = [ProjectFiles.root, FileManager.default.currentDirectoryPath]
        for folder in folders.compactMap(\.self) where path.hasPrefix(folder + "/") {
            return String(path.dropFirst(folder.count + 1))
        }
        return String(path.drop { $0 == "/" })
    }

    // MARK: What is executed

    /// Why instructions cannot be counted here; nil where they can.
    private static func missingTool() -> String? {
        let missing = ["valgrind", "objcopy"].first {
            (try? ToolRun($0, ["--version"]))?.status != 0
        }
        return missing.map {
            "Instructions and allocations are not counted: no \($0) in PATH; "
                + "scripts/setup valgrind installs it."
        }
    }

    /// Callgrind and the program for it: without debug information, which older versions cannot
    /// read and nobody needs here. Its symbols and its code are the same.
    private func callgrindCommand(_ scratch: GateScratch, output: String) throws -> [String] {
        let stripped = scratch.path + "/fqbench"
        let copy = try ToolRun("objcopy", ["--strip-debug", program, stripped])
        guard copy.status == 0 else {
            throw CommandFailure(.badInput, "\(program): cannot be copied: \(copy.complaint)")
        }
        let words = [
            "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=\(output)",
            "--compress-strings=no", "--dump-before=fq_count_mark", "--dump-line=no",
            "--separate-threads=yes", stripped,
        ]
        // Containers may forbid it; the counts of these operations hold no address.
        let fixed = try ToolRun("setarch", ["-R", "true"])
        return (fixed.status == 0 ? ["setarch", "-R"] : []) + words
    }

    /// Runs the operations, under callgrind or as they are.
    private func count(
        _ schemes: [String], _ countsExecuted: Bool, _ scratch: GateScratch,
        _ measures: inout CountMeasures
    ) throws -> CountAnswer {
        let file = "\(scratch.path)/\(Self.callgrind)"
        var words =
            countsExecuted ? try callgrindCommand(scratch, output: file) : [program]
        words.append("count-child")
        if let plant { words += ["--plant", plant] }
        words += ["--schemes"] + schemes
        let run = try ToolRun(
            words[0], Array(words.dropFirst()), environment: Self.environment)
        if let code = StopSignal.exitCode { throw Exit(code: code) }
        guard run.status == 0,
            let answer = try? JSONDecoder().decode(
                CountAnswer.self, from: Data(run.output.utf8))
        else {
            throw CommandFailure(
                run.status == ExitStatus.badInput.rawValue ? .badInput : .unfit,
                "\(program): cannot count: \(run.complaint.prefix(300))")
        }
        let parts = countsExecuted ? try readParts(file, runs: answer.runs.count) : nil
        var place = 0
        for scheme in answer.schemes {
            for traffic in scheme.traffic {
                let own = parts.map { Array($0[place..<place + traffic.runs.count]) }
                place += traffic.runs.count
                try add(scheme.scheme, traffic, own, &measures)
            }
        }
        return answer
    }

    /// The part of each counted run, which ends with every second mark.
    private func readParts(_ file: String, runs: Int) throws -> [CallgrindPart] {
        try (0..<runs).map { run in
            let number = 2 * run + 2
            // Of the first thread: liburcu has another, which runs when it likes.
            let path = "\(file).\(number)-01"
            guard let text = try? String(contentsOfFile: path, encoding: .utf8),
                let part = CallgrindPart(text)
            else {
                throw CommandFailure(
                    .unfit, "callgrind: expected \(2 * runs) parts, the \(number)th is missing")
            }
            return part
        }
    }

    /// The second run's counts less the first's, for each request that it has more.
    private func add(
        _ scheme: String, _ traffic: CountedScheme.Traffic, _ parts: [CallgrindPart]?,
        _ measures: inout CountMeasures
    ) throws {
        guard traffic.runs.count == 2, traffic.runs[1].requests > traffic.runs[0].requests else {
            throw CommandFailure(
                .checkFailed,
                "\(program): \(scheme): expected a run and one with more requests, found "
                    + traffic.runs.map { "\($0.requests)" }.joined(separator: " and "))
        }
        let requests = Double(traffic.runs[1].requests - traffic.runs[0].requests)
        func perRequest(_ first: Int, _ second: Int) -> Double {
            Double(second - first) / requests
        }
        let instructions = parts.map { perRequest($0[0].instructions, $0[1].instructions) }
        if traffic.groupSize == 1 {
            measures[scheme, .instructions] = instructions
        } else {
            measures[scheme, .groupedInstructions] = instructions
        }
        // Of groups of several pages, where there are groups: they come later, and replace.
        measures[scheme, .allocations] = parts.map {
            perRequest($0[0].allocations, $0[1].allocations)
        }
        if let first = traffic.runs[0].allocatedBytes, let second = traffic.runs[1].allocatedBytes {
            measures[scheme, .bytes] = perRequest(Int(first), Int(second))
        }
    }

    // MARK: Machine code

    private static let hotOperations: Set<String> = [
        "enqueue", "dequeue", "report", "take", "respond", "finish",
    ]

    /// Instructions in loops and operations, as `scripts/check-hot-loops` finds them.
    ///
    /// - Returns: A sentence where it cannot.
    /// - Throws: `CommandFailure` where a loop did not pass its check.
    private func measureCode(
        _ answer: CountAnswer, _ measures: inout CountMeasures
    ) throws -> String? {
        guard let root = ProjectFiles.root else {
            return "Machine code is not counted: scripts/check-hot-loops is in no folder above."
        }
        let run = try ToolRun(root + "/scripts/check-hot-loops", [program])
        if let code = StopSignal.exitCode { throw Exit(code: code) }
        guard run.status == 0 else {
            let why = run.complaint.prefix(300)
            // Every other status says that the script could not look, not what it saw.
            guard run.status == ExitStatus.checkFailed.rawValue else {
                return "Machine code is not counted: \(why)"
            }
            throw CommandFailure(.checkFailed, "\(program): \(why)")
        }
        var loops: [Substring: Double] = [:]
        var operations: [Substring: Double] = [:]
        for line in run.output.split(separator: "\n") {
            guard let match = line.firstMatch(of: #/^(\S+) +(\S.*?) +(\d+)(?:  .*)?$/#),
                let size = Double(match.3)
            else { continue }
            if match.1.hasPrefix("measured") {
                loops[match.2, default: 0] += size
            } else if Self.hotOperations.contains(String(match.1)) {
                operations[match.2, default: 0] += size
            }
        }
        for scheme in answer.schemes {
            let type = Substring(scheme.implementation)
            measures[scheme.scheme, .loopCode] = loops[type]
            measures[scheme.scheme, .operationCode] = operations[type]
        }
        return nil
    }
}
