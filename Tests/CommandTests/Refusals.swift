import Testing

/// Runs that must end with one line on standard error, nothing on standard output and nothing
/// written.
enum Refusals {
    static func expect(
        _ arguments: [String], in folder: Folder, status: Int32 = 1, saying words: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try snapshot(of: folder)
        let outcome = try Program.run(arguments, in: folder)
        #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.text == "", sourceLocation: sourceLocation)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.errors.hasSuffix("\n"), sourceLocation: sourceLocation)
        #expect(
            outcome.errors.hasPrefix("fqbench: "), "\(outcome.errors)",
            sourceLocation: sourceLocation)
        for word in words {
            #expect(
                outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation)
        }
        #expect(try snapshot(of: folder) == before, sourceLocation: sourceLocation)
    }

    /// Every file with its content.
    private static func snapshot(of folder: Folder) throws -> [String: String] {
        var files: [String: String] = [:]
        for name in folder.names {
            files[name] = (try? folder.read(name)).map { $0.base64EncodedString() } ?? "folder"
        }
        return files
    }
}
