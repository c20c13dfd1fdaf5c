/// One count of a build against its threshold.
public struct CountFinding: Sendable, Equatable, Encodable {
    public enum Status: String, Sendable, Encodable {
        case within
        /// More than the threshold and its tolerance.
        case above
        /// Less than the threshold less its tolerance: the threshold is stale, and would hide the
        /// next increase up to it.
        case below
        /// Not measured here.
        case absent
    }

    public let scheme: String
    public let count: CountKind
    public let expected: Double
    public let tolerance: Double
    public let reason: String
    /// To two places after the point; nil where it was not measured.
    public let found: Double?

    public var status: Status {
        guard let found else { return .absent }
        // Values of two places have no other sums: a half of the last place is no difference.
        if found > expected + tolerance + 0.005 { return .above }
        return found < expected - tolerance - 0.005 ? .below : .within
    }

    private enum Key: String, CodingKey {
        case scheme, count, expected, tolerance, reason, found, status
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(scheme, forKey: .scheme)
        try fields.encode(count, forKey: .count)
        try fields.encode(expected, forKey: .expected)
        try fields.encode(tolerance, forKey: .tolerance)
        try fields.encode(reason, forKey: .reason)
        try fields.encodeIfPresent(found, forKey: .found)
        try fields.encode(status, forKey: .status)
    }
}

/// The counts of a build, by scheme and kind.
public struct CountMeasures: Sendable, Equatable {
    private var values: [String: [CountKind: Double]] = [:]

    public init() {}

    /// Nil where there is none; to two places after the point.
    public subscript(scheme: String, count: CountKind) -> Double? {
        get { values[scheme]?[count] }
        set { values[scheme, default: [:]][count] = newValue.map { ($0 * 100).rounded() / 100 } }
    }
}

extension CountThresholds {
    /// Every threshold, in the file's order, with what was found.
    public func findings(_ measures: CountMeasures) -> [CountFinding] {
        schemes.flatMap { scheme in
            scheme.counts.map { entry in
                CountFinding(
                    scheme: scheme.scheme, count: entry.count, expected: entry.value,
                    tolerance: entry.tolerance, reason: entry.reason,
                    found: measures[scheme.scheme, entry.count])
            }
        }
    }

    /// The file's bytes with the values that would have been within; nothing else changes but the
    /// name of the compiler.
    ///
    /// - Parameter compiler: What made the code that was counted.
    public func accepting(
        _ findings: [CountFinding], compiler: String, in bytes: [UInt8]
    ) -> [UInt8] {
        let byPlace = Dictionary(
            uniqueKeysWithValues: findings.filter { $0.status == .above || $0.status == .below }
                .map { (Place(scheme: $0.scheme, count: $0.count), $0.found) })
        var result = bytes
        // From the end, so that what is still to change keeps its place.
        for number in JSONScan(bytes).numbers.reversed() {
            guard let field = JSONScan.field(ofNumberAt: number, in: bytes),
                let place = place(of: field), let found = byPlace[place], let found
            else { continue }
            result.replaceSubrange(number, with: Array(Self.text(found).utf8))
        }
        guard compiler != self.compiler else { return result }
        let old = Array("\"\(self.compiler)\"".utf8)
        if let start = result.indices.first(where: { result[$0...].starts(with: old) }) {
            result.replaceSubrange(start..<start + old.count, with: Array("\"\(compiler)\"".utf8))
        }
        return result
    }

    /// Whole numbers whole, others with at most two digits after the point.
    public static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private struct Place: Hashable {
        let scheme: String
        let count: CountKind
    }

    /// Whose value `schemes[2].counts[1].value` is; nil for any other field.
    private func place(of field: String) -> Place? {
        guard let match = field.wholeMatch(of: #/schemes\[(\d+)\]\.counts\[(\d+)\]\.value/#),
            let first = Int(match.1), let second = Int(match.2), schemes.indices.contains(first),
            schemes[first].counts.indices.contains(second)
        else { return nil }
        let scheme = schemes[first]
        return Place(scheme: scheme.scheme, count: scheme.counts[second].count)
    }
}
