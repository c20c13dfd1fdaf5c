import FaultTraffic

/// The compact trace format.
public enum TraceFilePromises {
    static let parser = FuzzedParser(
        name: "fqtrace", longestInput: 2048, words: ["\u{1A}", "fuzz"]
    ) { input throws(Violation) in
        // As it is: nearly always the checksum refuses it.
        var trace = try decoded(input)
        if trace == nil { trace = try decoded(sealed(input)) }
        guard let trace else { return .refused }
        // No event is shorter than three bytes.
        guard trace.events.count <= input.count / 3 else {
            throw Violation("\(trace.events.count) events of \(input.count) bytes")
        }
        try TracePromises.check(trace, mayLackWords: true)
        return .accepted
    }

    private static func decoded(_ input: [UInt8]) throws(Violation) -> Trace? {
        do throws(TraceError) {
            return try TraceFile.decode(input)
        } catch {
            try TracePromises.check(error)
            return nil
        }
    }

    /// The bytes with a right checksum in place of their last four, so that what lies behind it
    /// is read; unchanged below four.
    public static func sealed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 4 else { return bytes }
        let content = bytes.dropLast(4)
        let sum = CRC32C.checksum(content)
        return content + withUnsafeBytes(of: sum.littleEndian) { Array($0) }
    }
}
