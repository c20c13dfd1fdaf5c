import Foundation
import Testing

@testable import Results

/// The decoder stops the program on some texts; they never reach it.
struct JSONGuardTests {
    static func problem(_ text: String) -> String? { JSONGuard.problem(in: Array(text.utf8)) }

    @Test(arguments: ["[", "{\"a\": ["])
    func levels(piece: String) {
        let depth = piece.count { "[{".contains($0) }
        #expect(Self.problem(String(repeating: piece, count: 100 / depth)) == nil)
        let deep = Self.problem(String(repeating: piece, count: 100 / depth + 1))
        #expect(deep?.contains("expected at most 100 levels") == true)
    }

    @Test func thePlaceIsNamed() {
        let text = "\n\n" + String(repeating: "[", count: 101)
        #expect(Self.problem(text) == "line 3, column 101: expected at most 100 levels")
    }

    /// One after the other, and in texts, brackets are no levels.
    @Test func bracketsThatDoNotNest() {
        let lists = String(repeating: "[],", count: 1000)
        #expect(Self.problem("[\(lists)[]]") == nil)
        let quoted = String(repeating: "[", count: 1000)
        #expect(Self.problem("[\"\(quoted)\"]") == nil)
        #expect(Self.problem("[\"\\\"\(quoted)\"]") == nil)
        // The text ends at the second quotation mark: its backslash is itself escaped.
        #expect(Self.problem("[\"\\\\\"\(quoted)") != nil)
    }

    /// A small compressed file may hold a great many, each of which takes the decoder memory.
    @Test func values() {
        let limit = JSONGuard.mostValues
        let comma = UInt8(ascii: ",")
        #expect(JSONGuard.problem(in: repeatElement(comma, count: limit - 1)) == nil)
        let many = JSONGuard.problem(in: repeatElement(comma, count: limit))
        #expect(many == "line 1, column \(limit): expected at most \(limit) values")
        let quoted = [UInt8(ascii: "\"")] + [UInt8](repeating: comma, count: limit)
        #expect(JSONGuard.problem(in: quoted) == nil)
    }

    /// In UTF-16 quotation marks would not be where they seem.
    @Test func onlyUTF8() throws {
        for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian] {
            let bytes = try #require("[1]".data(using: encoding))
            #expect(JSONGuard.problem(in: bytes)?.contains("expected text in UTF-8") == true)
        }
    }

    /// The text that the decoder would stop at, as a file.
    @Test(arguments: [101, 512, 513, 514, 100_000])
    func deepFiles(count: Int) {
        let line = ResultReadingTests.line(String(repeating: "[", count: count))
        #expect(line == "run.json: not JSON: line 1, column 101: expected at most 100 levels")
    }

    @Test func numbersKeepTheirField() {
        let text = Array(#"{"a": [1, {"b": 2}], "c": -3.5e1}"#.utf8)
        let scan = JSONScan(text)
        #expect(scan.syntaxProblem == nil)
        let fields = scan.numbers.map { JSONScan.field(ofNumberAt: $0, in: text) }
        #expect(fields == ["a[0]", "a[1].b", "c"])
        #expect(JSONScan.field(ofNumberAt: 0..<1, in: text) == nil)
    }

    @Test func messagesAreOneShortLine() {
        #expect(oneLine("a\u{2028}b\u{85}c\nd") == "a b c d")
        let long = String(repeating: "x", count: 601)
        #expect(oneLine(long) == long.dropLast() + "…")
        #expect(oneLine(long, longest: .max) == long)
        let error = ResultFileError(path: "run.json", reason: .missingField(long))
        #expect(error.description.hasPrefix("run.json: xxx") && error.description.count < 620)
    }
}
