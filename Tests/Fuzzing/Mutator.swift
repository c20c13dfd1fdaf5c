import FaultModel

/// Makes inputs of inputs, by a seed: what formats are made of (lines, numbers, words), put
/// together wrongly.
public struct Mutator: Sendable {
    private var random: SeededGenerator
    private let corpus: [[UInt8]]
    private let words: [[UInt8]]
    private let longest: Int

    /// - Parameters:
    ///   - corpus: Sound inputs to take pieces from.
    ///   - words: What means something to the parser.
    ///   - longest: Bytes of the longest input made, 1 or more.
    public init(
        seed: UInt64, stream: UInt64 = 0, corpus: [[UInt8]], words: [[UInt8]], longest: Int
    ) {
        random = SeededGenerator(seed: seed, stream: stream)
        self.corpus = corpus.filter { !$0.isEmpty }
        self.words = words + Self.marks
        self.longest = longest
    }

    /// Bytes that mean something in one format or another.
    private static let marks =
        Array("[]{}:./-()| #\"\\,\n\r\t0123456789abcdefx=\u{0}\u{7F}".utf8)
        .map { [$0] } + [[0x80], [0xFF], [0xC2, 0x85], [0xE2, 0x80, 0xA8]]

    /// Where integers go wrong, in decimal.
    private static let numbers = [
        "0", "1", "-1", "127", "255", "256", "511", "512", "65535", "65536", "1048575", "1048576",
        "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740993",
        "9223372036854775807", "9223372036854775808", "18446744073709551615",
        "18446744073709551616", "99999999999999999999999999",
    ].map { Array($0.utf8) }

    /// An input of the corpus, changed.
    public mutating func next() -> [UInt8] { mutated(corpus.randomElement(using: &random) ?? [0]) }

    /// The input with one to five changes.
    public mutating func mutated(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...5, using: &random) { change(&bytes) }
        return Array(bytes.prefix(longest))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let at = place(in: bytes)
        switch Int.random(in: 0..<12, using: &random) {
        case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where at < bytes.count: bytes[at] = .random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(at..<min(bytes.count, at + length(upTo: 64)))
        case 3: bytes.removeSubrange(at...)
        case 4: overwrite(&bytes, at, with: word())
        case 5: splice(&bytes, at)
        case 6: repeatPiece(of: &bytes, at)
        case 7: changeLine(of: &bytes, at)
        case 8: changeNumber(in: &bytes, at)
        case 9: overwrite(&bytes, at, with: integer())
        default: bytes.insert(contentsOf: word(), at: at)
        }
    }

    /// 0…count.
    private mutating func place(in bytes: [UInt8]) -> Int {
        Int.random(in: 0...bytes.count, using: &random)
    }

    /// More often short than long.
    private mutating func length(upTo limit: Int) -> Int {
        Int.random(in: 1...Int.random(in: 1...limit, using: &random), using: &random)
    }

    private mutating func word() -> [UInt8] { words.randomElement(using: &random) ?? [0] }

    private func overwrite(_ bytes: inout [UInt8], _ at: Int, with piece: [UInt8]) {
        bytes.replaceSubrange(at..<min(bytes.count, at + piece.count), with: piece)
    }

    /// The rest of another input, or a piece of it in between.
    private mutating func splice(_ bytes: inout [UInt8], _ at: Int) {
        guard let other = corpus.randomElement(using: &random) else { return }
        let from = Int.random(in: 0..<other.count, using: &random)
        if Bool.random(using: &random) {
            bytes.replaceSubrange(at..., with: other[from...])
        } else {
            let end = min(other.count, from + length(upTo: 200))
            bytes.insert(contentsOf: other[from..<end], at: at)
        }
    }

    private mutating func repeatPiece(of bytes: inout [UInt8], _ at: Int) {
        let piece = Array(bytes[at..<min(bytes.count, at + length(upTo: 16))])
        guard !piece.isEmpty else { return }
        // Powers of two meet the limits of lengths and depths.
        let times = 1 << Int.random(in: 0...10, using: &random)
        for _ in 0..<min(times, longest / piece.count) {
            bytes.insert(contentsOf: piece, at: at)
            if bytes.count > longest { return }
        }
    }

    /// Removes, doubles or moves a line.
    private mutating func changeLine(of bytes: inout [UInt8], _ at: Int) {
        let start = bytes[..<at].lastIndex(of: 10).map { $0 + 1 } ?? 0
        let end = bytes[at...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
        let line = Array(bytes[start..<end])
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.removeSubrange(start..<end)
        case 1: bytes.insert(contentsOf: line, at: end)
        default:
            bytes.removeSubrange(start..<end)
            let target = place(in: bytes)
            let next = bytes[target...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
            bytes.insert(contentsOf: line, at: next)
        }
    }

    /// Puts a boundary of integers in place of the next number, or a neighbour of the number.
    private mutating func changeNumber(in bytes: inout [UInt8], _ at: Int) {
        func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
        guard let start = bytes[at...].firstIndex(where: isDigit) else { return }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        var number = Self.numbers.randomElement(using: &random) ?? []
        if Bool.random(using: &random),
            let value = UInt64(String(decoding: bytes[start..<end], as: UTF8.self))
        {
            number = Array(String(value &+ (Bool.random(using: &random) ? 1 : .max)).utf8)
        }
        bytes.replaceSubrange(start..<end, with: number)
    }

    /// A boundary of integers in 1, 2, 4 or 8 bytes, in either order.
    private mutating func integer() -> [UInt8] {
        let size = 1 << Int.random(in: 0...3, using: &random)
        let top: UInt64 = 1 << UInt64(size * 8 - 1)
        let value = [0, 1, top &- 1, top, top &+ (top &- 1), UInt64.max, 0x80].randomElement(
            using: &random)
        let bytes = withUnsafeBytes(of: (value ?? 0).littleEndian) { Array($0.prefix(size)) }
        return Bool.random(using: &random) ? bytes : bytes.reversed()
    }
}
