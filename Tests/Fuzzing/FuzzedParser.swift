/// What became of an input.
public enum Outcome: Sendable {
    case accepted, refused
}

/// A promise that a parser broke: one sentence.
public struct Violation: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// A parser of input from outside, with what it promises of any bytes: a value or one line, never
/// a stop; a value that it gave can be written and read back.
public struct FuzzedParser: Sendable {
    /// Also of its folder in `Tests/Corpus`.
    public let name: String
    /// Longest input worth trying.
    public let longestInput: Int
    /// Words that mean something to it.
    public let words: [[UInt8]]
    private let body: @Sendable ([UInt8]) throws(Violation) -> Outcome

    /// - Parameter body: Reads the input and checks what came of it. Any thread may call it.
    public init(
        name: String, longestInput: Int, words: [String] = [],
        body: @escaping @Sendable ([UInt8]) throws(Violation) -> Outcome
    ) {
        self.name = name
        self.longestInput = longestInput
        self.words = words.map { Array($0.utf8) }
        self.body = body
    }

    /// Reads the input.
    ///
    /// - Throws: Where a promise is broken.
    public func run(_ input: [UInt8]) throws(Violation) -> Outcome { try body(input) }

    /// Every parser of the project, in the order of the table that `scripts/fuzz` prints.
    public static let all =
        TextPromises.parsers + [
            TraceFilePromises.parser, CompressedPromises.parser, HistogramPromises.parser,
            ResultPromises.parser, SuitePromises.parser,
        ]
}

/// What every message of an error promises.
public enum Message {
    /// Characters that fit a terminal's few lines.
    static let longest = 1000

    /// - Throws: Unless it is one line of printable text and not too long.
    public static func check(_ text: String) throws(Violation) {
        guard !text.isEmpty else { throw Violation("an error without words") }
        guard text.unicodeScalars.count <= longest else {
            throw Violation("a message of \(text.unicodeScalars.count) characters")
        }
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                throw Violation("U+\(String(scalar.value, radix: 16)) in a message")
            default: break
            }
        }
    }
}
