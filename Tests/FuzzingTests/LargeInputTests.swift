import Foundation
import Fuzzing
import Testing

/// Inputs that are large and regular, where work that grows with the square of the input would
/// not end, nor fit the memory. The limits end such a run; no test asserts how fast one is.
@Suite("Work grows with the input alone") struct LargeInputTests {
    static func parser(_ name: String) throws -> FuzzedParser {
        try #require(FuzzedParser.all.first { $0.name == name })
    }

    static func repeated(_ text: String, _ count: Int) -> [UInt8] {
        Array(String(repeating: text, count: count).utf8)
    }

    @Test(
        "lines of text made to be searched again and again", .timeLimit(.minutes(5)),
        arguments: [
            "[", "[1] ", "[1]", "[0] a ", " ", "0", "-", "(1)", "|", "\n", "[0] 1.000000: ",
        ])
    func text(_ piece: String) throws {
        let bytes = Self.repeated(piece, 200_000 / piece.utf8.count)
        for name in ["perf", "ftrace", "mail"] {
            _ = try Self.parser(name).run(bytes + [10])
            _ = try Self.parser(name).run(bytes)
        }
    }

    /// A result with one number that fits no integer, which the decoder does not name, below a
    /// long name and among many numbers.
    @Test("a number that does not fit among many below a long name", .timeLimit(.minutes(5)))
    func numbersBelowLongName() throws {
        let name = String(repeating: "n", count: 200_000)
        let numbers = String(repeating: "1,", count: 200_000)
        let text =
            #"{"tool": "fqbench", "schemaVersion": 1, ""# + name + #"": ["# + numbers
            + #"1], "seed": 1e400}"#
        #expect(try Self.parser("result").run(Array(text.utf8)) == .refused)
    }

    @Test("nesting", .timeLimit(.minutes(5)), arguments: ["[", #"{"a":"#, #"{"ring":["#])
    func nesting(_ piece: String) throws {
        for name in ["result", "suite"] {
            for count in [400, 513, 5000, 100_000] {
                #expect(try Self.parser(name).run(Self.repeated(piece, count)) == .refused)
            }
        }
    }

    static func suite(schemes: String, ring: String) -> [UInt8] {
        Array(
            """
            {"name": "s", "description": "", "rounds": 1, "burstsPerRound": 1, "burstMs": 1,
            "schemes": [\(schemes)], "ring": [\(ring)]}
            """.utf8)
    }

    @Test("a scheme's name that is nearly a megabyte long", .timeLimit(.minutes(5)))
    func longSchemeName() throws {
        let name = String(repeating: "s", count: 900_000)
        let ring = #"{"name": "a", "measure": "throughput"}"#
        _ = try Self.parser("suite").run(Self.suite(schemes: "\"\(name)\"", ring: ring))
        _ = try Self.parser("suite").run(Self.suite(schemes: "\"*\(name)*\"", ring: ring))
    }

    @Test("as many workloads as a file can hold", .timeLimit(.minutes(5)))
    func manyWorkloads() throws {
        let ring = (0..<22_000).map { #"{"name": "\#($0)", "measure": "throughput"}"# }
        let text = Self.suite(schemes: "\"*\"", ring: ring.joined(separator: ","))
        #expect(text.count < 1 << 20)
        #expect(try Self.parser("suite").run(text) == .refused)
        let fewer = Self.suite(schemes: "\"*\"", ring: ring[..<1000].joined(separator: ","))
        #expect(try Self.parser("suite").run(fewer) == .accepted)
    }

    /// A few bytes that stand for counts of many buckets.
    @Test("histograms over the widest ranges", .timeLimit(.minutes(5)), arguments: 0...6)
    func widestHistograms(_ digits: UInt8) throws {
        for bits in 1...64 {
            let highest = bits == 64 ? UInt64.max : 1 << UInt64(bits) - 1
            var bytes: [UInt8] = [0x1C, 0x84, 0x93, 0x13, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, digits]
            bytes += [0, 0, 0, 0, 0, 0, 0, 1]
            bytes += withUnsafeBytes(of: highest.bigEndian) { Array($0) }
            bytes += [0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 2, 2]
            _ = try Self.parser("histogram").run(bytes)
        }
    }
}
