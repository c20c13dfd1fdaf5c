import Foundation

/// What is counted of a scheme.
public enum CountKind: String, Codable, Sendable, CaseIterable {
    /// Instructions executed per request: enqueue and dequeue, or report, take, respond and finish
    /// of a group of one page.
    case instructions
    /// The same per request of groups of several pages that are assembled at the same time.
    case groupedInstructions = "grouped-instructions"
    /// Calls of an allocator per request, of groups of several pages where there are groups.
    case allocations
    /// Bytes allocated per request of the same traffic.
    case bytes
    /// Instructions in the machine code of the scheme's measured loops.
    case loopCode = "loop-code"
    /// Instructions in the machine code of the operations that the measured loops call.
    case operationCode = "operation-code"

    public init(from decoder: any Decoder) throws {
        let field = try decoder.singleValueContainer()
        let name = try field.decode(String.self)
        guard let kind = CountKind(rawValue: name) else {
            let known = CountKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorruptedError(
                in: field, debugDescription: "\"\(name)\" is none of \(known)")
        }
        self = kind
    }

    /// Whether it takes a count of executed instructions.
    public var isExecuted: Bool {
        self == .instructions || self == .groupedInstructions || self == .allocations
    }

    /// Whether it is read from the machine code.
    public var isCode: Bool { self == .loopCode || self == .operationCode }
}

/// What the counts of a build may be: a value of `Benchmarks/thresholds.json`.
///
///     {"schemaVersion": 1, "architecture": "x86-64", "compiler": "Swift 6.3, …", "schemes": [
///       {"scheme": "spsc", "counts": [
///         {"count": "instructions", "value": 61.5, "tolerance": 0, "reason": "…"}]}]}
public struct CountThresholds: Decodable, Sendable, Equatable {
    public static let schemaVersion = 1
    /// No thresholds are larger.
    private static let maximumBytes = 1 << 20

    public struct Entry: Decodable, Sendable, Equatable {
        public let count: CountKind
        /// 0 or more.
        public let value: Double
        /// How far a count may be from `value` on either side, in its own unit; 0 for exact.
        public let tolerance: Double
        /// Why the value is what it is, or why it may vary.
        public let reason: String
    }

    public struct Scheme: Decodable, Sendable, Equatable {
        /// As on the command line.
        public let scheme: String
        public let counts: [Entry]
    }

    public let schemaVersion: Int
    /// Of the machine code that was counted.
    public let architecture: String
    /// The compiler that made it.
    public let compiler: String
    public let schemes: [Scheme]

    /// Every kind that some scheme has.
    public var kinds: Set<CountKind> { Set(schemes.flatMap { $0.counts.map(\.count) }) }

    /// The thresholds in a file, and its bytes.
    ///
    /// - Throws: `ResultFileError` with the file, and the field where it is about one.
    public static func read(
        _ path: String
    ) throws(ResultFileError) -> (thresholds: CountThresholds, bytes: [UInt8]) {
        let bytes: [UInt8]
        do throws(ResultFileError) {
            bytes = try AtomicFile.read(path, limit: maximumBytes)
        } catch {
            switch error.reason {
            case .missing: throw ResultFileError(path: path, reason: .missingThresholds)
            case .empty: throw ResultFileError(path: path, reason: .notJSON("the file is empty"))
            default: throw error
            }
        }
        return (try decode(bytes, path: path), bytes)
    }

    /// The thresholds in `bytes`; `path` only names them in errors.
    public static func decode(
        _ bytes: [UInt8], path: String
    ) throws(ResultFileError) -> CountThresholds {
        struct Header: Decodable { let schemaVersion: Int }
        let version = try ResultDecoding.decode(Header.self, from: bytes, path: path).schemaVersion
        try ResultDecoding.checkVersion(version, supported: schemaVersion, path: path)
        let found = try ResultDecoding.decode(CountThresholds.self, from: bytes, path: path)
        if let (field, problem) = found.problem {
            throw ResultFileError(path: path, reason: .invalid(field: field, problem: problem))
        }
        return found
    }

    /// The first field whose value makes no sense, and why.
    private var problem: (field: String, text: String)? {
        if schemaVersion < 1 { return ("schemaVersion", "is \(schemaVersion), expected 1") }
        if schemes.isEmpty { return ("schemes", "is empty, expected at least one scheme") }
        var names: Set<String> = []
        for (place, scheme) in schemes.enumerated() {
            let path = "schemes[\(place)]"
            if !names.insert(scheme.scheme).inserted {
                return ("\(path).scheme", "is \"\(scheme.scheme)\" a second time")
            }
            if scheme.counts.isEmpty {
                return ("\(path).counts", "is empty, expected at least one count")
            }
            var kinds: Set<CountKind> = []
            for (place, entry) in scheme.counts.enumerated() {
                let path = "\(path).counts[\(place)]"
                if !kinds.insert(entry.count).inserted {
                    return ("\(path).count", "is \"\(entry.count.rawValue)\" a second time")
                }
                for (name, value) in [("value", entry.value), ("tolerance", entry.tolerance)]
                where !(0...1e12).contains(value) {
                    return ("\(path).\(name)", "is \(value), expected 0…10¹²")
                }
                if entry.reason.allSatisfy(\.isWhitespace) {
                    return ("\(path).reason", "is empty, expected why")
                }
            }
        }
        return nil
    }
}
