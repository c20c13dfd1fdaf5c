import Foundation
import Fuzzing
import Testing

/// The seed of randomised tests: `FQBENCH_TEST_SEED`, or a fixed one.
let testSeed = ProcessInfo.processInfo.environment["FQBENCH_TEST_SEED"].flatMap(UInt64.init) ?? 20

extension FuzzedParser: CustomTestStringConvertible {
    public var testDescription: String { name }

    /// How the inputs fared; the first broken promise with the input that broke it.
    func run(_ inputs: some Sequence<[UInt8]>) throws(Violation) -> (accepted: Int, refused: Int) {
        var (accepted, refused) = (0, 0)
        for (position, input) in inputs.enumerated() {
            do throws(Violation) {
                switch try run(input) {
                case .accepted: accepted += 1
                case .refused: refused += 1
                }
            } catch {
                throw Violation(
                    "\(name), seed \(testSeed), input \(position): \(error); in base64 "
                        + Data(input).base64EncodedString())
            }
        }
        return (accepted, refused)
    }
}

@Suite("Parsers keep their promises on what was kept of the fuzzer") struct CorpusTests {
    @Test("every kept input, whole, empty, and cut at every length", arguments: FuzzedParser.all)
    func kept(_ parser: FuzzedParser) throws {
        let inputs = Corpus.inputs(of: parser.name).map(\.bytes)
        #expect(inputs.count >= 2)
        let outcome = try parser.run(inputs + [[]])
        #expect(outcome.accepted > 0, "no input of the corpus is sound")
        // The way in for compressed traces starts a process for each.
        let step = parser.name == "compressed" ? 40 : 7
        for input in inputs.prefix(30) {
            _ = try parser.run(
                stride(from: 0, to: input.count, by: step).map { Array(input[..<$0]) })
        }
    }

    @Test("thousands of mutations by a seed", arguments: FuzzedParser.all)
    func mutations(_ parser: FuzzedParser) throws {
        var mutator = parser.mutator(seed: testSeed)
        let count = parser.name == "compressed" ? 100 : 2000
        let outcome = try parser.run((0..<count).lazy.map { _ in mutator.next() })
        // Mutations that always or never break the input would test little.
        // A compressed input has a checksum.
        #expect(outcome.accepted > count / 100 || parser.name == "compressed", "seed \(testSeed)")
        #expect(outcome.refused > count / 10, "seed \(testSeed)")
    }

    @Test("one seed, one list of inputs")
    func repeatable() {
        var left = FuzzedParser.all[0].mutator(seed: 7)
        var right = FuzzedParser.all[0].mutator(seed: 7)
        var other = FuzzedParser.all[0].mutator(seed: 8)
        let inputs = (0..<50).map { _ in left.next() }
        #expect(inputs == (0..<50).map { _ in right.next() })
        #expect(inputs != (0..<50).map { _ in other.next() })
        #expect(inputs.allSatisfy { $0.count <= FuzzedParser.all[0].longestInput })
    }

    @Test("the kept inputs stay small")
    func size() {
        let total = FuzzedParser.all.flatMap { Corpus.inputs(of: $0.name) }
            .reduce(0) { $0 + $1.bytes.count }
        #expect(total < 200 << 10)
    }
}

/// What the fuzzer's checks are worth: parsers with one fault each, found within a few thousand
/// inputs.
@Suite("A broken promise is seen") struct BrokenPromiseTests {
    /// Lines of one number each; `fault` says what is wrong with the reading of them.
    enum Fault: CaseIterable {
        case twoLines, losesDigits, trustsLength
    }

    @Test(arguments: Fault.allCases)
    func found(_ fault: Fault) {
        let parser = FuzzedParser(name: "planted", longestInput: 256) {
            input throws(Violation) in
            let text = String(decoding: input, as: UTF8.self)
            switch fault {
            case .twoLines:
                if UInt64(text) == nil { try Message.check("expected a number, found \(text)") }
            case .losesDigits:
                guard let number = UInt64(text) else { return .refused }
                guard String(Double(number)) == text + ".0" else {
                    throw Violation("comes back as \(Double(number))")
                }
            case .trustsLength:
                guard let first = input.first else { return .refused }
                guard input.count > Int(first) - 48 else { throw Violation("reads past its end") }
            }
            return .accepted
        }
        var mutator = Mutator(
            seed: testSeed, corpus: [Array("7000000".utf8)], words: parser.words, longest: 256)
        #expect(throws: Violation.self) {
            try parser.run((0..<5000).lazy.map { _ in mutator.next() })
        }
    }

    @Test(
        "a message of two lines, none, or too many words",
        arguments: [
            "a\nb", "a\u{2028}b", "a\u{1B}[2Jb", "a\u{85}b", "",
            String(repeating: "x", count: 2000),
        ])
    func message(_ text: String) {
        #expect(throws: Violation.self) { try Message.check(text) }
    }

    @Test("a message of one line is good")
    func goodMessage() throws { try Message.check("trace.txt:3: expected 1…5, found “é”") }
}
