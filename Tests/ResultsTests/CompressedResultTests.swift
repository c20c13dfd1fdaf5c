import Foundation
import Testing

@testable import Results

@Suite("Compressed result files") struct CompressedResultTests {
    static let tools = ["xz", "zstd", "gzip"]

    static func hasTool(_ name: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/\(name)")
            || FileManager.default.isExecutableFile(atPath: "/bin/\(name)")
    }

    /// A folder with `run.json` and the same file compressed; its path and the compressed bytes.
    private func compressed(_ tool: String) throws -> (path: String, bytes: Data) {
        let folder = NSTemporaryDirectory() + "/fqbench-compressed-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let plain = folder + "/run.json"
        try ResultStore.write(Sample.document(), to: plain)
        let output = folder + "/packed"
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [tool, "-c", plain]
        process.standardOutput = FileHandle(forWritingAtPath: output)
        try process.run()
        process.waitUntilExit()
        return (output, try Data(contentsOf: URL(fileURLWithPath: output)))
    }

    @Test("are read as they are", arguments: tools.filter(hasTool))
    func whole(tool: String) throws {
        let (path, bytes) = try compressed(tool)
        defer {
            try? FileManager.default.removeItem(
                atPath: (path as NSString).deletingLastPathComponent)
        }
        #expect(bytes.first != UInt8(ascii: "{"))
        #expect(try ResultStore.read(path) == Sample.document())
    }

    @Test("that are cut short or altered are refused in one line", arguments: tools.filter(hasTool))
    func damaged(tool: String) throws {
        let (path, bytes) = try compressed(tool)
        defer {
            try? FileManager.default.removeItem(
                atPath: (path as NSString).deletingLastPathComponent)
        }
        for broken in [bytes.prefix(bytes.count / 2), bytes.prefix(8)] {
            try broken.write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: ResultFileError.self) { try ResultStore.read(path) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix(path) && text.contains(tool) && !text.contains("\n"), "\(text)")
        }
    }

    @Test("are bounded by what is inside", .enabled(if: hasTool("gzip")))
    func bomb() throws {
        let (path, _) = try compressed("gzip")
        defer {
            try? FileManager.default.removeItem(
                atPath: (path as NSString).deletingLastPathComponent)
        }
        #expect(throws: ResultFileError.self) { try AtomicFile.readPlain(path, limit: 1000) }
    }
}
