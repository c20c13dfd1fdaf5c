/// Why a trace was refused or could not be written: one line, fit to show as it is.
public struct TraceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What went wrong, for a caller that acts on it.
    public enum Kind: String, Sendable {
        /// The file system or the system refused: missing file, full disk, no permission.
        case system
        /// The content is not a trace in any form that is read here.
        case notATrace
        /// A line of text that is malformed, out of range or of an unknown event.
        case badLine
        /// A file in the compact format that is truncated or altered.
        case damaged
        /// A file in the compact format of a later version.
        case newerVersion
        /// More input than the limit allows.
        case tooLarge
        /// A decompressor is not installed, or failed.
        case decompressor
        /// The trace cannot be written in the form asked for.
        case notRepresentable
    }

    public let kind: Kind
    /// The file as the caller named it; `standard input` for `-`.
    public let file: String
    /// Counted from 1, in the decompressed text; nil where no line is to blame.
    public let line: Int?
    /// What was expected, and what was found.
    public let reason: String

    public init(_ kind: Kind, file: String, line: Int? = nil, _ reason: String) {
        self.kind = kind
        self.file = file
        self.line = line
        self.reason = reason
    }

    /// `FILE:LINE: REASON`. Control characters are replaced, so that it is always one line.
    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return Self.printable("\(place): \(reason)", limit: 600)
    }

    /// The text with every control character replaced, cut to `limit` characters.
    static func printable(_ text: String, limit: Int) -> String {
        var result = ""
        for (position, scalar) in text.unicodeScalars.enumerated() {
            guard position < limit else { return result + "…" }
            let isControl =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || scalar.value == 0x2028 || scalar.value == 0x2029
            result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return result
    }
}

/// Why one line is refused; it gets its file and number where those are known.
struct LineProblem: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
