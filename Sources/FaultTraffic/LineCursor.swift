import Glibc

/// Walks the bytes of one line. The memory belongs to the caller and outlives the cursor.
struct LineCursor {
    private(set) var position: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        // An empty buffer may have no address; any stands for zero bytes.
        position = bytes.baseAddress ?? UnsafePointer(bitPattern: 1)!
        end = position + bytes.count
    }

    init(from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>) {
        position = start
        self.end = end
    }

    var count: Int { end - position }
    var isAtEnd: Bool { position == end }
    /// Nil at the end.
    var first: UInt8? { isAtEnd ? nil : position.pointee }

    /// Whether the rest starts with the ASCII literal; if so, steps over it.
    mutating func take(_ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        guard count >= length, memcmp(position, literal.utf8Start, length) == 0 else {
            return false
        }
        position += length
        return true
    }

    mutating func advance(_ distance: Int) { position += min(distance, count) }

    /// Steps over spaces; how many.
    @discardableResult
    mutating func skipSpaces() -> Int {
        let start = position
        while position < end, position.pointee == UInt8(ascii: " ") { position += 1 }
        return position - start
    }

    /// One or more decimal digits up to `limit`; nil, and no move, otherwise.
    mutating func decimal(upTo limit: UInt64) -> UInt64? {
        var value: UInt64 = 0
        var at = position
        while at < end, let digit = Self.decimalDigit(at.pointee) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(digit)
            guard !overflow, !carry, sum <= limit else { return nil }
            value = sum
            at += 1
        }
        guard at > position else { return nil }
        position = at
        return value
    }

    /// One to sixteen hexadecimal digits; nil, and no move, otherwise.
    mutating func hexadecimal() -> UInt64? {
        var value: UInt64 = 0
        var at = position
        while at < end, let digit = Self.hexadecimalDigit(at.pointee) {
            guard value >> 60 == 0 else { return nil }
            value = value << 4 | digit
            at += 1
        }
        guard at > position, at - position <= 16 else { return nil }
        position = at
        return value
    }

    /// Exactly `digits` hexadecimal digits; nil, and no move, otherwise.
    mutating func hexadecimal(digits: Int) -> UInt64? {
        guard count >= digits else { return nil }
        var value: UInt64 = 0
        for offset in 0..<digits {
            guard let digit = Self.hexadecimalDigit(position[offset]) else { return nil }
            value = value << 4 | digit
        }
        position += digits
        return value
    }

    /// Where the byte occurs first; nil where it does not.
    func firstIndex(of byte: UInt8) -> UnsafePointer<UInt8>? {
        guard count > 0, let found = memchr(position, Int32(byte), count) else { return nil }
        return UnsafePointer(found.assumingMemoryBound(to: UInt8.self))
    }

    /// The next bytes as text for a message, cut short.
    var excerpt: String { Self.excerpt(position, count) }

    static func excerpt(_ start: UnsafePointer<UInt8>, _ count: Int) -> String {
        let shown = String(
            decoding: UnsafeBufferPointer(start: start, count: min(count, 60)), as: UTF8.self)
        return "'\(shown)\(count > 60 ? "…" : "")'"
    }

    static func decimalDigit(_ byte: UInt8) -> UInt64? {
        let value = byte &- UInt8(ascii: "0")
        return value < 10 ? UInt64(value) : nil
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt64? {
        if let digit = decimalDigit(byte) { return digit }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? UInt64(letter) + 10 : nil
    }
}
