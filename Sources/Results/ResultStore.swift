import Decompression
import Foundation

/// Result files: JSON with sorted keys, replaced as a whole or not at all.
///
/// The calls are independent of each other. Two processes that write the same path at the same time
/// leave the whole document of one of them.
public enum ResultStore {
    /// No result is larger; it bounds what a wrong path can make this process read.
    public static let maximumBytes = 256 << 20

    /// Writes `document`, after checking it as `read` does.
    ///
    /// - Parameter overwrite: Whether an existing file may be replaced.
    /// - Throws: Nothing is left behind then, and an older file is untouched.
    public static func write(
        _ document: RunDocument, to path: String, overwrite: Bool = false
    ) throws(ResultFileError) {
        let bytes = try encode(document, path: path)
        try AtomicFile.write(bytes, to: path, overwrite: overwrite)
    }

    /// Writes a run that goes on: replaces the file at `path` only where it holds an earlier state
    /// of the same run (start, seed and suite).
    public static func checkpoint(
        _ document: RunDocument, to path: String
    ) throws(ResultFileError) {
        let existing: RunIdentity
        do throws(ResultFileError) {
            let bytes = try AtomicFile.read(path, limit: maximumBytes)
            guard Compression.detected(in: bytes.prefix(16)) == nil else {
                throw ResultFileError(
                    path: path,
                    reason: .compressed("is compressed; decompress it to go on with its run"))
            }
            existing = try ResultDecoding.decode(RunIdentity.self, from: bytes, path: path)
        } catch {
            guard error.reason == .missing else { throw error }
            return try write(document, to: path)
        }
        if let difference = existing.difference(from: RunIdentity(of: document)) {
            throw ResultFileError(path: path, reason: .otherRun(difference))
        }
        try write(document, to: path, overwrite: true)
    }

    /// The run in the file at `path`, which may be compressed with xz, zstd or gzip; every value
    /// checked and every histogram decodable.
    public static func read(_ path: String) throws(ResultFileError) -> RunDocument {
        try decode(try AtomicFile.readPlain(path, limit: maximumBytes), path: path)
    }

    /// Names in the folder that result files may have, compressed or not, sorted; without hidden
    /// ones.
    public static func fileNames(in folder: String) throws(ResultFileError) -> [String] {
        guard let stream = opendir(folder) else { throw .system(folder, "open") }
        defer { closedir(stream) }
        let endings = ["", ".xz", ".zst", ".gz"].map { ".json" + $0 }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix("."), endings.contains(where: { name.hasSuffix($0) }) {
                names.append(name)
            }
        }
        return names.sorted()
    }

    /// The run in `bytes`; `path` only names it in errors.
    public static func decode(
        _ bytes: [UInt8], path: String
    ) throws(ResultFileError) -> RunDocument {
        guard !bytes.isEmpty else { throw ResultFileError(path: path, reason: .empty) }
        try ResultDecoding.checkHeader(of: bytes, path: path)
        let document = try ResultDecoding.decode(RunDocument.self, from: bytes, path: path)
        try check(document, path: path, histograms: true)
        return document
    }

    /// What `write` puts into the file; `path` only names it in errors.
    public static func encode(
        _ document: RunDocument, path: String
    ) throws(ResultFileError) -> [UInt8] {
        try check(document, path: path, histograms: false)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            return [UInt8](try encoder.encode(document)) + [UInt8(ascii: "\n")]
        } catch {
            let problem = oneLine("cannot be written as JSON: \(error)")
            throw ResultFileError(
                path: path, reason: .invalid(field: "the document", problem: problem))
        }
    }

    /// `<UTC>.<machine class>.<suite>.<commit7>.json`, the time as `20261121T073000Z`.
    ///
    /// - Parameters:
    ///   - startedAt: As in the document, `2026-11-21T07:30:00Z`.
    ///   - machineClass: A name for the kind of machine, `epyc-2c`.
    ///   - commit: Cut to 7 characters; `nocommit` where it is empty.
    ///
    /// Letters other than ASCII, and every character with a meaning in a path or between the
    /// fields, become `-`, so that the name has exactly its five fields.
    public static func fileName(
        startedAt: String, machineClass: String, suite: String, commit: String
    ) -> String {
        let time = startedAt.filter { $0 != "-" && $0 != ":" }
        let short = String(commit.prefix(7))
        let fields = [time, machineClass, suite, short.isEmpty ? "nocommit" : short]
        return fields.map(fileNameField).joined(separator: ".") + ".json"
    }

    private static func fileNameField(_ text: String) -> String {
        let allowed = text.prefix(64).map { character -> Character in
            let isPlain = character.isASCII && (character.isLetter || character.isNumber)
            return isPlain || character == "_" ? character : "-"
        }
        return allowed.isEmpty ? "unknown" : String(allowed)
    }

    private static func check(
        _ document: RunDocument, path: String, histograms: Bool
    ) throws(ResultFileError) {
        if let problem = DocumentCheck.firstProblem(in: document, histograms: histograms) {
            throw ResultFileError(
                path: path, reason: .invalid(field: problem.field, problem: problem.text))
        }
    }
}

/// What makes two files states of the same run.
struct RunIdentity: Decodable {
    let tool: String
    let startedAt: String
    let seed: UInt64
    let suite: SuiteRecord

    init(of document: RunDocument) {
        tool = document.tool
        startedAt = document.startedAt
        seed = document.seed
        suite = document.suite
    }

    /// The first difference in words; nil for the same run.
    func difference(from other: RunIdentity) -> String? {
        if tool != other.tool { return "tool \(tool)" }
        if startedAt != other.startedAt { return "started at \(startedAt)" }
        if seed != other.seed { return "seed \(seed)" }
        if suite != other.suite { return "suite \(suite.name) \(suite.fingerprint)" }
        return nil
    }
}
