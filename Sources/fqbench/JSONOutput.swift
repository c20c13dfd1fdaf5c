import Foundation

/// JSON on standard output: sorted keys, one document.
enum JSONOutput {
    static func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let bytes = try encoder.encode(value)
        FileHandle.standardOutput.write(bytes + Data("\n".utf8))
    }
}
