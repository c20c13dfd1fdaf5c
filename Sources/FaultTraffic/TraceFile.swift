import FaultModel

/// The compact format: documented in `docs/TraceFormat.md`, written and read here alone.
public enum TraceFile {
    /// The newest version that is read, and the one that is written.
    public static let version: UInt16 = 1
    /// The usual extension.
    public static let fileExtension = "fqtrace"

    /// Not text, and altered by every transfer that rewrites line ends or drops the eighth bit.
    static let magic: [UInt8] = [0x89, 0x46, 0x51, 0x54, 0x0D, 0x0A, 0x1A, 0x0A]
    /// Bytes before the name.
    static let fixedHeaderSize = 36
    static let streamSize = 6
    static let checksumSize = 4
    /// A tag, a time and a page.
    static let smallestEventSize = 3

    /// What an event's tag says.
    enum Tag {
        static let permissions: UInt8 = 0x0F
        static let isLast: UInt8 = 0x10
        static let changesStream: UInt8 = 0x20
        static let hasIndex: UInt8 = 0x40
        static let hasPrivateData: UInt8 = 0x80
    }

    /// What a stream's second field says beside the PASID in its low 20 bits.
    enum StreamBits {
        static let hasPASID: UInt32 = 1 << 20
        static let responseNeedsPASID: UInt32 = 1 << 21
        static let all: UInt32 = 1 << 22 - 1
    }

    /// Writes the trace whole or not at all: a temporary file in the same folder, then one step.
    ///
    /// - Parameter replacing: False refuses where `path` exists.
    /// - Throws: `.system` where the file cannot be written, `.notRepresentable` as `encode`.
    public static func write(
        _ trace: Trace, to path: String, replacing: Bool = false
    ) throws(TraceError) {
        try AtomicFile.write(encode(trace, file: path), to: path, replacing: replacing)
    }

    /// Reads a file in this format that is not compressed; `TraceReader` reads every form.
    ///
    /// - Throws: `.system`, `.tooLarge`, and as `decode`.
    public static func read(path: String, byteLimit: Int = 4 << 30) throws(TraceError) -> Trace {
        let input = try ByteInput(path: path, limit: byteLimit)
        var bytes: [UInt8] = []
        try input.forEachPiece { (piece) throws(TraceError) in bytes.append(contentsOf: piece) }
        return try decode(bytes, file: input.file)
    }

    /// What one stream's next event is told relative to.
    struct StreamState {
        var page: UInt64 = 0
        var nextIndex: UInt16 = 0

        /// A group goes on with its index; after its last page the next index follows.
        mutating func follow(_ request: PageRequest) {
            page = request.address >> 12
            nextIndex =
                request.isLast ? (request.index.rawValue + 1) % 512 : request.index.rawValue
        }
    }
}

extension TraceFile {
    /// The file's bytes.
    ///
    /// - Parameter file: Named in errors only.
    /// - Throws: `.notRepresentable` for a trace without events, of DMA faults with one that is a
    ///   page request, or with a name or source longer than 65,535 bytes.
    public static func encode(
        _ trace: Trace, file: String = "trace"
    ) throws(TraceError) -> [UInt8] {
        let name = Array(trace.name.utf8)
        let source = Array(trace.source.utf8)
        guard !trace.events.isEmpty else {
            throw TraceError(.notRepresentable, file: file, "expected one or more events to write")
        }
        if let position = trace.traceClass.firstMisfit(in: trace.events) {
            throw TraceError(
                .notRepresentable, file: file,
                "expected DMA faults alone, found a page request: event \(position)")
        }
        guard let nameLength = UInt16(exactly: name.count),
            let sourceLength = UInt16(exactly: source.count)
        else {
            throw TraceError(
                .notRepresentable, file: file, "expected a name and source of at most 65535 bytes")
        }
        var writer = ByteWriter()
        var streams: [StreamKey: Int] = [:]
        var states: [StreamState] = []
        var body = ByteWriter()
        var streamTable = ByteWriter()
        var previousNs: UInt64 = 0
        var current = 0
        for event in trace.events {
            let request = event.request
            let key = StreamKey(request)
            let stream = streams[key] ?? states.count
            if stream == states.count {
                streams[key] = stream
                states.append(StreamState())
                streamTable.append(request.requester.rawValue)
                streamTable.append(key.bits)
            }
            body.append(
                event, stream: stream == current ? nil : stream, after: states[stream],
                previousNs: previousNs)
            states[stream].follow(request)
            current = stream
            previousNs = event.arrivalNs
        }
        writer.bytes.reserveCapacity(
            fixedHeaderSize + name.count + source.count + streamTable.bytes.count
                + body.bytes.count + checksumSize)
        writer.bytes += magic
        writer.append(version)
        writer.append(trace.traceClass.rawValue)
        writer.append(UInt8(trace.hasRecordedTimes ? 1 : 0))
        writer.append(UInt32(states.count))
        writer.append(UInt64(trace.events.count))
        writer.append(UInt64(trace.skippedLineCount))
        writer.append(nameLength)
        writer.append(sourceLength)
        writer.bytes += name + source + streamTable.bytes + body.bytes
        writer.append(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    private struct StreamKey: Hashable {
        let requester: RequesterID
        let bits: UInt32

        init(_ request: PageRequest) {
            requester = request.requester
            bits =
                request.pasidBits.rawValue | (request.hasPASID ? StreamBits.hasPASID : 0)
                | (request.responseNeedsPASID ? StreamBits.responseNeedsPASID : 0)
        }
    }
}

/// Appends numbers, least significant byte first.
private struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Seven bits a byte, the highest bit set on all but the last.
    mutating func appendVariable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(
        _ event: TrafficEvent, stream: Int?, after state: TraceFile.StreamState,
        previousNs: UInt64
    ) {
        let request = event.request
        let hasIndex = request.index.rawValue != state.nextIndex
        let hasPrivateData = request.privateData0 | request.privateData1 != 0
        append(
            request.permissions.rawValue
                | (request.isLast ? TraceFile.Tag.isLast : 0)
                | (stream != nil ? TraceFile.Tag.changesStream : 0)
                | (hasIndex ? TraceFile.Tag.hasIndex : 0)
                | (hasPrivateData ? TraceFile.Tag.hasPrivateData : 0))
        if let stream { appendVariable(UInt64(stream)) }
        if hasIndex { appendVariable(UInt64(request.index.rawValue)) }
        appendVariable(event.arrivalNs - previousNs)
        // Small steps either way become small numbers: 0, -1, 1, -2, … as 0, 1, 2, 3, …
        let step = Int64(bitPattern: request.address >> 12 &- state.page)
        appendVariable(UInt64(bitPattern: step << 1 ^ step >> 63))
        if hasPrivateData {
            appendVariable(request.privateData0)
            appendVariable(request.privateData1)
        }
    }
}
