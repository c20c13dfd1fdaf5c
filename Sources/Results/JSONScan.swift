/// Finds what is wrong with text that the JSON decoder refused without saying where, and where the
/// numbers of a text are. The decoder alone decides what is accepted.
struct JSONScan {
    /// Line and column, from 1, and what was expected there; nil for well-formed text.
    private(set) var syntaxProblem: String?
    /// Where the numbers are, in the text's order, up to a syntax problem.
    private(set) var numbers: [Range<Int>] = []
    /// The field of the number that was looked for, `cells[3].rounds[1].index`.
    private var fieldFound: String?
    /// Where the number begins whose field is looked for. Only one: names can be as long as the
    /// text, and numbers as many.
    private let wanted: Int?

    private struct Unexpected: Error {
        let expected: String
    }

    private let bytes: [UInt8]
    private var position = 0
    private var path: [String] = []

    init(_ bytes: [UInt8]) { self.init(bytes, wanted: nil) }

    /// The field that holds the number; nil where none begins there.
    static func field(ofNumberAt number: Range<Int>, in bytes: [UInt8]) -> String? {
        JSONScan(bytes, wanted: number.lowerBound).fieldFound
    }

    private init(_ bytes: [UInt8], wanted: Int?) {
        self.bytes = bytes
        self.wanted = wanted
        do throws(Unexpected) {
            try value()
            skipSpace()
            if position < bytes.count { throw Unexpected(expected: "the end") }
        } catch {
            let before = bytes[..<position]
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            syntaxProblem =
                "line \(line), column \(position - lineStart + 1): expected \(error.expected)"
        }
    }

    private mutating func value() throws(Unexpected) {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): try members()
        case UInt8(ascii: "["): try elements()
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func members() throws(Unexpected) {
        try list(closedBy: "}") { scan, _ throws(Unexpected) in
            scan.skipSpace()
            let name = try scan.string()
            scan.skipSpace()
            try scan.take(":")
            scan.path.append(scan.path.isEmpty ? name : "." + name)
        }
    }

    private mutating func elements() throws(Unexpected) {
        try list(closedBy: "]") { scan, index throws(Unexpected) in
            scan.path.append("[\(index)]")
        }
    }

    /// What objects and arrays share; `begin` reads up to a value and names it in the path.
    private mutating func list(
        closedBy end: Unicode.Scalar,
        begin: (inout JSONScan, Int) throws(Unexpected) -> Void
    ) throws(Unexpected) {
        guard path.count < JSONGuard.mostLevels else {
            throw Unexpected(expected: "at most \(JSONGuard.mostLevels) levels")
        }
        position += 1
        skipSpace()
        if peek == UInt8(ascii: end) {
            position += 1
            return
        }
        var index = 0
        while true {
            try begin(&self, index)
            try value()
            path.removeLast()
            skipSpace()
            index += 1
            if peek != UInt8(ascii: ",") { break }
            position += 1
        }
        guard peek == UInt8(ascii: end) else { throw Unexpected(expected: "\",\" or \"\(end)\"") }
        position += 1
    }

    /// The characters between the quotes as they are written.
    private mutating func string() throws(Unexpected) -> String {
        try take("\"")
        let start = position
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw Unexpected(expected: "no control character in a text") }
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < bytes.count else {
            position = bytes.count
            throw Unexpected(expected: "the end of a text")
        }
        position += 1
        return String(decoding: bytes[start..<position - 1], as: UTF8.self)
    }

    private mutating func number() throws(Unexpected) {
        let start = position
        if peek == UInt8(ascii: "-") { position += 1 }
        let whole = digits()
        var isGood = whole > 0
        if peek == UInt8(ascii: ".") {
            position += 1
            isGood = isGood && digits() > 0
        }
        if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            isGood = isGood && digits() > 0
        }
        guard isGood else {
            if whole == 0 { position = start }
            throw Unexpected(expected: whole == 0 ? "a value" : "a digit")
        }
        numbers.append(start..<position)
        if start == wanted { fieldFound = path.joined() }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        return position - start
    }

    private mutating func word(_ word: StaticString) throws(Unexpected) {
        let end = position + word.utf8CodeUnitCount
        let matches =
            end <= bytes.count
            && word.withUTF8Buffer { bytes[position..<end].elementsEqual($0) }
        guard matches else { throw Unexpected(expected: "a value") }
        position = end
    }

    private mutating func take(_ character: Unicode.Scalar) throws(Unexpected) {
        guard peek == UInt8(ascii: character) else {
            throw Unexpected(expected: "\"\(character)\"")
        }
        position += 1
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }
}
