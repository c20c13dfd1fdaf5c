import Foundation
import Results

/// Which schemes meet which workloads, how often: a file under `Benchmarks/suites`.
public struct Suite: Sendable, Equatable, Codable {
    /// Kebab-case; for a file of its own, its name.
    public let name: String
    public let description: String
    /// Visits to every cell, 1…10000.
    public var rounds: Int
    /// Counted bursts of a visit, 1…1000.
    public var burstsPerRound: Int
    /// Length of a burst, in milliseconds, 0.1…100.
    public let burstMs: Double
    /// Schemes of every subject: names, or patterns like `locked/*` and `*`.
    public var schemes: [String]
    /// Workloads of the ring subject.
    public var ring: [RingWorkload]
    /// Workloads of the reporting subject.
    public var reporting: [ReportingWorkload]
    /// Workloads of the whole path, run with every chosen scheme of the reporting subject.
    public var pipeline: [PipelineWorkload]
    /// Workloads of the PASID subject.
    public var pasid: [PASIDWorkload]
    /// Workloads of the attach-handle subject.
    public var attachHandle: [HandleWorkload]
    /// Workloads of the release subject.
    public var release: [ReleaseWorkload]

    public init(
        name: String, description: String, rounds: Int, burstsPerRound: Int, burstMs: Double,
        schemes: [String], ring: [RingWorkload] = [], reporting: [ReportingWorkload] = [],
        pipeline: [PipelineWorkload] = [],
        pasid: [PASIDWorkload] = [], attachHandle: [HandleWorkload] = [],
        release: [ReleaseWorkload] = []
    ) {
        self.name = name
        self.description = description
        self.rounds = rounds
        self.burstsPerRound = burstsPerRound
        self.burstMs = burstMs
        self.schemes = schemes
        self.ring = ring
        self.reporting = reporting
        self.pipeline = pipeline
        self.pasid = pasid
        self.attachHandle = attachHandle
        self.release = release
    }
}

/// A suite, scheme, workload or placement that cannot be used: one line.
public struct SuiteError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    /// One line, cut where it is too long: whatever a name from outside holds.
    public init(_ description: String) { self.description = oneLine(description) }
}

extension Suite {
    private enum Key: String, CodingKey, CaseIterable {
        case name, description, rounds, burstsPerRound, burstMs, schemes, ring, reporting
        case pipeline, pasid, attachHandle, release
    }

    /// Unknown fields are refused; a subject without workloads may be left out.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            name: try fields.decode(String.self, forKey: .name),
            description: try fields.decode(String.self, forKey: .description),
            rounds: try fields.decodeWhole(forKey: .rounds),
            burstsPerRound: try fields.decodeWhole(forKey: .burstsPerRound),
            burstMs: try fields.decode(Double.self, forKey: .burstMs),
            schemes: try fields.decode([String].self, forKey: .schemes),
            ring: try fields.decodeIfPresent([RingWorkload].self, forKey: .ring) ?? [],
            reporting: try fields.decodeIfPresent([ReportingWorkload].self, forKey: .reporting)
                ?? [],
            pipeline: try fields.decodeIfPresent([PipelineWorkload].self, forKey: .pipeline) ?? [],
            pasid: try fields.decodeIfPresent([PASIDWorkload].self, forKey: .pasid) ?? [],
            attachHandle: try fields.decodeIfPresent([HandleWorkload].self, forKey: .attachHandle)
                ?? [],
            release: try fields.decodeIfPresent([ReleaseWorkload].self, forKey: .release) ?? [])
    }

    /// Reads and checks a suite's file.
    ///
    /// - Throws: `SuiteError` with the file's name, where in it, and what was expected.
    public static func read(_ path: String) throws(SuiteError) -> Suite {
        // Read no further than needed to refuse: a path may name a device that never ends.
        guard let file = FileHandle(forReadingAtPath: path),
            let bytes = try? file.read(upToCount: longestFile + 1) ?? Data()
        else { throw SuiteError("\(path): no such suite file, or it cannot be read") }
        guard bytes.count <= longestFile else {
            throw SuiteError("\(path): expected a suite of at most 1 MiB")
        }
        if let problem = JSONGuard.problem(in: bytes) {
            throw SuiteError("\(path): not JSON: \(problem)")
        }
        do {
            let suite = try JSONDecoder().decode(Suite.self, from: bytes)
            if let fault = suite.fault { throw SuiteError("\(path): \(fault)") }
            return suite
        } catch let error as SuiteError {
            throw error
        } catch let error as DecodingError {
            throw SuiteError("\(path): \(error.inOneLine)")
        } catch {
            throw SuiteError("\(path): not a suite: \(error)")
        }
    }

    /// Bytes of the longest suite's file.
    private static let longestFile = 1 << 20
    /// More workloads than a run could finish: every one meets every scheme at every placement.
    private static let mostWorkloads = 1000
    /// Far more than there are; each is looked for in every name.
    private static let mostSchemes = 1000

    /// What is wrong with it; nil if sound.
    public var fault: String? {
        if !NamePattern.isKebab(name) {
            return "name: expected kebab-case, found \"\(name)\""
        }
        if !(1...10_000).contains(rounds) { return "rounds: expected 1…10000, found \(rounds)" }
        if !(1...1000).contains(burstsPerRound) {
            return "burstsPerRound: expected 1…1000, found \(burstsPerRound)"
        }
        if !(burstMs >= 0.1 && burstMs <= 100) {
            return "burstMs: expected 0.1…100, found \(burstMs)"
        }
        if schemes.count > Self.mostSchemes || schemes.contains(where: { $0.utf8.count > 200 }) {
            return "schemes: expected at most \(Self.mostSchemes), each at most 200 bytes long"
        }
        let names = workloadNames
        let fields = faults.map(\.subject).joined(separator: ", ")
        if names.isEmpty { return "\(fields): expected at least one workload" }
        if names.count > Self.mostWorkloads {
            return
                "\(fields): expected at most \(Self.mostWorkloads) workloads, found \(names.count)"
        }
        for (subject, workloads) in faults {
            for (place, workload) in workloads.enumerated() {
                if let fault = workload.fault {
                    return "\(subject)[\(place)] \(workload.name): \(fault)"
                }
            }
        }
        var seen: Set<String> = []
        if let twice = names.first(where: { !seen.insert($0).inserted }) {
            return "two workloads are named \"\(twice)\""
        }
        return nil
    }

    /// Every workload's name and what is wrong with it, by field.
    private var faults: [(subject: String, workloads: [(name: String, fault: String?)])] {
        [
            ("ring", ring.map { ($0.name, $0.fault) }),
            ("reporting", reporting.map { ($0.name, $0.fault) }),
            ("pipeline", pipeline.map { ($0.name, $0.fault) }),
            ("pasid", pasid.map { ($0.name, $0.fault) }),
            ("attachHandle", attachHandle.map { ($0.name, $0.fault) }),
            ("release", release.map { ($0.name, $0.fault) }),
        ]
    }

    /// Of all subjects, in their order.
    public var workloadNames: [String] { faults.flatMap { $0.workloads.map(\.name) } }

    /// Subjects that have workloads, as users type them.
    public var subjects: [String] {
        Self.subjectNames.enumerated().filter { !faults[$0.offset].workloads.isEmpty }
            .map(\.element)
    }

    /// Of all subjects, in the order of tables.
    public static let subjectNames = [
        "ring", "reporting", "pipeline", "pasid", "attach-handle", "release",
    ]

    /// Keeps the subjects asked for; all where none is named.
    ///
    /// - Throws: Where one does not exist or has no workload here, with the nearest name.
    public func selecting(subjects names: [String]) throws(SuiteError) -> Suite {
        if names.isEmpty { return self }
        let chosen = Set(
            try NamePattern.select(names, from: Self.subjectNames, name: { $0 }, kind: "subject"))
        if let missing = chosen.subtracting(subjects).min() {
            throw SuiteError("suite \(name): it has no workload of the subject \(missing)")
        }
        var suite = self
        if !chosen.contains("ring") { suite.ring = [] }
        if !chosen.contains("reporting") { suite.reporting = [] }
        if !chosen.contains("pipeline") { suite.pipeline = [] }
        if !chosen.contains("pasid") { suite.pasid = [] }
        if !chosen.contains("attach-handle") { suite.attachHandle = [] }
        if !chosen.contains("release") { suite.release = [] }
        return suite
    }

    /// Keeps the schemes and workloads asked for; `*` stands for any text.
    ///
    /// - Throws: Where a pattern meets nothing, with the nearest name.
    public func selecting(
        workloads patterns: [String]
    ) throws(SuiteError) -> Suite {
        var chosen = self
        if !patterns.isEmpty {
            let names = Set(
                try NamePattern.select(
                    patterns, from: workloadNames, name: { $0 }, kind: "workload"))
            chosen.ring.removeAll { !names.contains($0.name) }
            chosen.reporting.removeAll { !names.contains($0.name) }
            chosen.pipeline.removeAll { !names.contains($0.name) }
            chosen.pasid.removeAll { !names.contains($0.name) }
            chosen.attachHandle.removeAll { !names.contains($0.name) }
            chosen.release.removeAll { !names.contains($0.name) }
        }
        return chosen
    }
}

extension DecodingError {
    /// Where and what, without line breaks.
    var inOneLine: String {
        func place(_ context: Context) -> String {
            let path = context.codingPath.map { key in
                key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
            }
            let text = path.joined()
            return text.hasPrefix(".") ? String(text.dropFirst()) : text
        }
        switch self {
        case .keyNotFound(let key, let context):
            let path = place(context)
            return "\(path.isEmpty ? "" : path + ".")\(key.stringValue): missing"
        case .typeMismatch(let type, let context):
            return "\(place(context)): expected \(Self.word(for: type))"
        case .valueNotFound(let type, let context):
            return "\(place(context)): expected \(Self.word(for: type)), found null"
        case .dataCorrupted(let context):
            let path = place(context)
            let detail = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"]
            let text = (detail as? String) ?? context.debugDescription
            return (path.isEmpty ? "" : path + ": ")
                + text.replacingOccurrences(of: "\n", with: " ")
        @unknown default: return "not a suite"
        }
    }

    private static func word(for type: Any.Type) -> String {
        switch type {
        case is Int.Type, is UInt64.Type: "a whole number"
        case is Double.Type: "a number"
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        default: "\(type)".hasPrefix("Array") ? "a list" : "an object"
        }
    }
}
