import Foundation

/// The inputs that are kept: `Tests/Corpus/<parser>/`, sound ones, those that once broke a promise,
/// and those that reach code that no other does.
public enum Corpus {
    /// As the sources lie on disk.
    public static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Corpus")

    /// Name and content of every input of a parser, by name; none where the folder is missing.
    public static func inputs(of parser: String) -> [(name: String, bytes: [UInt8])] {
        let folder = folder.appending(path: parser)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { name in
            FileManager.default.contents(atPath: folder.appending(path: name).path)
                .map { (name, [UInt8]($0)) }
        }
    }
}

extension FuzzedParser {
    /// A mutator of this parser's corpus.
    public func mutator(seed: UInt64, stream: UInt64 = 0) -> Mutator {
        Mutator(
            seed: seed, stream: stream, corpus: Corpus.inputs(of: name).map(\.bytes), words: words,
            longest: longestInput)
    }
}
