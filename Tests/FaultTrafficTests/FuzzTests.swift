import FaultModel
import Testing

@testable import FaultTraffic

/// Seeded mutations of valid input: whatever comes out, it is a value or an error, never a crash.
@Suite struct FuzzTests {
    private static let samples = [
        Sample.perfWithProcess, Sample.perfWithThread, Sample.ftrace, Sample.mailedPageRequests,
        Sample.dmaFaults,
        Sample.pageRequest(
            "dmar0/0000:6a:01.0 seq# -1: rid=0x6a08 addr=0xfffffffffffff rwxpl pasid=0xfffff "
                + "index=0x1ff private=0x12/0xab"),
    ]

    /// Bytes that mean something somewhere in a line.
    private static let telling = Array("[]:./-()| #\n\r0123456789abcdefx=rwxpl\u{0}\u{7F}".utf8)

    private static func mutated(
        _ bytes: [UInt8], _ other: [UInt8], _ random: inout SeededGenerator
    ) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[at] = telling.randomElement(using: &random) ?? 0
            case 2: bytes.insert(telling.randomElement(using: &random) ?? 0, at: at)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + 5))
            case 4: bytes.removeSubrange(at...)
            case 5:
                let from = Int.random(in: 0..<other.count, using: &random)
                bytes.insert(contentsOf: other[from..<min(other.count, from + 30)], at: at)
            default:
                bytes.insert(
                    contentsOf: [UInt8](repeating: bytes[at], count: 40), at: at)
            }
        }
        return bytes
    }

    @Test(arguments: [false, true])
    func mutatedText(_ skipsBadLines: Bool) throws {
        var random = SeededGenerator(seed: testSeed, stream: skipsBadLines ? 1 : 0)
        var options = ImportOptions()
        options.skipsBadLines = skipsBadLines
        options.groupSize = 3
        var accepted = 0
        for round in 0..<10_000 {
            let bytes = Array(Self.samples[round % Self.samples.count].utf8)
            let other = Array(Self.samples.randomElement(using: &random)!.utf8)
            let input = Self.mutated(bytes, other, &random)
            do throws(TraceError) {
                let trace = try imported(input, pieceSize: 1 + round % 300, options)
                accepted += 1
                // What is accepted is sound: it can be stored and comes back.
                var stored = trace
                stored.firstSkippedLine = nil
                let bytes = try TraceFile.encode(trace)
                #expect(try TraceFile.decode(bytes) == stored, "seed \(testSeed) round \(round)")
            } catch {
                #expect(!error.description.contains("\n"), "seed \(testSeed) round \(round)")
            }
        }
        // Mutations that always or never break the text would test little.
        #expect(accepted > 500 && accepted < 10_000, "seed \(testSeed)")
    }

    @Test(arguments: [false, true])
    func mutatedFiles(_ isSealed: Bool) throws {
        var random = SeededGenerator(seed: testSeed, stream: isSealed ? 3 : 2)
        let files = try [
            TraceFile.encode(TraceFileTests.boundary),
            TraceFile.encode(imported(Sample.perfWithProcess)),
            TraceFile.encode(imported(Sample.mailedPageRequests)),
        ]
        var accepted = 0
        for round in 0..<10_000 {
            let file = files[round % files.count]
            let other = files.randomElement(using: &random)!
            let changed = Self.mutated(file, other, &random)
            let input = isSealed && changed.count > 4 ? TraceFileTests.sealed(changed) : changed
            do throws(TraceError) {
                let trace = try TraceFile.decode(input)
                accepted += input == file ? 0 : 1
                #expect(try TraceFile.decode(TraceFile.encode(trace)) == trace)
            } catch {
                #expect(error.kind != .system, "seed \(testSeed) round \(round)")
            }
        }
        if isSealed {
            // The decoder behind the checksum was reached.
            #expect(accepted > 100, "seed \(testSeed)")
        } else {
            #expect(accepted == 0, "seed \(testSeed)")
        }
    }
}
