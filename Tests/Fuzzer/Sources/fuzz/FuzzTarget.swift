import CFuzzer
import Foundation
import Fuzzing

/// The parser that this process fuzzes: the environment's `FQBENCH_FUZZ_PARSER`.
private enum FuzzTarget {
    /// Breaks its promise on one word of five letters, which it reads letter by letter: found only
    /// where what an input reached leads to the next.
    static let planted = FuzzedParser(name: "planted", longestInput: 16) {
        input throws(Violation) in
        var position = 0
        for letter in "fault".utf8 {
            guard position < input.count, input[position] == letter else { return .refused }
            position += 1
        }
        throw Violation("the planted fault")
    }

    static let parser: FuzzedParser = {
        let name = ProcessInfo.processInfo.environment["FQBENCH_FUZZ_PARSER"] ?? ""
        guard let parser = (FuzzedParser.all + [planted]).first(where: { $0.name == name }) else {
            fatalError("FQBENCH_FUZZ_PARSER: no parser \"\(name)\"")
        }
        return parser
    }()

    static let corpus = Corpus.inputs(of: parser.name).map(\.bytes)
}

/// One input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(Violation) {
        _ = try FuzzTarget.parser.run(input)
    } catch {
        fatalError("broken promise of \(FuzzTarget.parser.name): \(error)")
    }
    return 0
}

/// A third of the changes are ours; libFuzzer's know what the code compares with.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
    _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ capacity: Int, _ seed: UInt32
) -> Int {
    guard seed % 3 == 0 else { return LLVMFuzzerMutate(data, size, capacity) }
    var mutator = Mutator(
        seed: UInt64(seed), corpus: FuzzTarget.corpus, words: FuzzTarget.parser.words,
        longest: capacity)
    let changed = mutator.mutated(Array(UnsafeBufferPointer(start: data, count: size)))
    guard !changed.isEmpty else { return LLVMFuzzerMutate(data, size, capacity) }
    data.update(from: changed, count: changed.count)
    return changed.count
}
