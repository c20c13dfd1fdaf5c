import FaultModel
import Fuzzing
import Testing

@testable import FaultTraffic

/// Seeded mutations of recordings, handed over in pieces of every size: whatever comes out, it is
/// the trace or the error of the text in one piece.
@Suite struct FuzzTests {
    private static let samples = [
        Sample.perfWithProcess, Sample.perfWithThread, Sample.ftrace, Sample.mailedPageRequests,
        Sample.dmaFaults,
        Sample.pageRequest(
            "dmar0/0000:6a:01.0 seq# -1: rid=0x6a08 addr=0xfffffffffffff rwxpl pasid=0xfffff "
                + "index=0x1ff private=0x12/0xab"),
    ].map { Array($0.utf8) }

    @Test(arguments: [false, true])
    func piecesOfMutatedText(_ skipsBadLines: Bool) {
        var mutator = Mutator(
            seed: testSeed, stream: skipsBadLines ? 1 : 0, corpus: Self.samples, words: [],
            longest: 4096)
        var options = ImportOptions()
        options.skipsBadLines = skipsBadLines
        options.groupSize = 3
        func outcome(_ input: [UInt8], pieceSize: Int) -> Result<Trace, TraceError> {
            Result { () throws(TraceError) in try imported(input, pieceSize: pieceSize, options) }
        }
        var accepted = 0
        for round in 0..<5000 {
            let input = mutator.next()
            let whole = outcome(input, pieceSize: .max)
            let inPieces = outcome(input, pieceSize: 1 + round % 300)
            #expect(whole == inPieces, "seed \(testSeed) round \(round)")
            if case .success = whole { accepted += 1 }
        }
        // Mutations that always or never break the text would test little.
        #expect(accepted > 100 && accepted < 5000, "seed \(testSeed)")
    }
}
