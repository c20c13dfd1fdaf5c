/// The compressions that are read, through the system's tools.
public enum Compression: String, CaseIterable, Sendable {
    /// The raw value is the tool's name.
    case xz, zstd, gzip

    /// A file's first bytes.
    public var magic: [UInt8] {
        switch self {
        case .xz: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
        case .zstd: [0x28, 0xB5, 0x2F, 0xFD]
        case .gzip: [0x1F, 0x8B]
        }
    }

    /// Of a file's name, with its dot.
    public var suffix: String {
        switch self {
        case .xz: ".xz"
        case .zstd: ".zst"
        case .gzip: ".gz"
        }
    }

    /// What a file with these first bytes is compressed with; nil for none of the above.
    ///
    /// - Parameter head: At least six bytes, or the whole file.
    public static func detected(in head: some Collection<UInt8>) -> Compression? {
        allCases.first { head.starts(with: $0.magic) }
    }
}
