import FaultTraffic

/// The way in for compressed traces, which runs a tool.
enum CompressedPromises {
    static let parser = FuzzedParser(
        name: "compressed", longestInput: 2048
    ) { input throws(Violation) in
        var options = ImportOptions()
        options.name = "fuzz"
        options.byteLimit = 1 << 20
        guard let trace = try TracePromises.read(input, options) else { return .refused }
        try TracePromises.check(trace, mayLackWords: true)
        return .accepted
    }

    /// Whether the first bytes are those of a compression that is read: xz, zstd, gzip.
    static func isCompressed(_ input: [UInt8]) -> Bool {
        [[0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], [0x28, 0xB5, 0x2F, 0xFD], [0x1F, 0x8B]]
            .contains { (magic: [UInt8]) in input.starts(with: magic) }
    }
}
