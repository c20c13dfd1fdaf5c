import FaultModel

extension TraceFile {
    /// The trace in a file's bytes. Nothing is taken on trust: the checksum first, then every
    /// count against the bytes that are there, then every value against its width.
    ///
    /// - Parameter file: Named in errors only.
    /// - Throws: `.notATrace`, `.newerVersion`, `.damaged`.
    public static func decode(
        _ bytes: [UInt8], file: String = "trace"
    ) throws(TraceError) -> Trace {
        guard bytes.starts(with: magic) else {
            throw TraceError(
                .notATrace, file: file, "expected a .fqtrace file, found other first bytes")
        }
        func damaged(_ reason: String) -> TraceError { TraceError(.damaged, file: file, reason) }
        guard bytes.count >= fixedHeaderSize + checksumSize else {
            throw damaged("expected a whole .fqtrace header, found \(bytes.count) bytes")
        }
        let found = UInt16(bytes[8]) | UInt16(bytes[9]) << 8
        guard found <= version else {
            throw TraceError(
                .newerVersion, file: file,
                "expected .fqtrace version \(version) or older, found version \(found); "
                    + "update fqbench to read it")
        }
        let content = bytes.count - checksumSize
        var reader = ByteReader(bytes, from: content)
        let stored = reader.integer(UInt32.self)
        guard CRC32C.checksum(bytes[..<content]) == stored else {
            throw damaged("expected the checksum of its content, found another: cut or altered")
        }
        reader = ByteReader(bytes, from: magic.count + 2, to: content)
        do throws(LineProblem) {
            guard found == version else { throw LineProblem("expected version \(version)") }
            return try reader.trace()
        } catch {
            throw damaged(error.reason)
        }
    }
}

/// Reads numbers; every read is bounded by the end.
private struct ByteReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int, to end: Int? = nil) {
        self.bytes = bytes
        position = start
        self.end = end ?? bytes.count
    }

    private var count: Int { end - position }

    /// Nil where the bytes end before.
    mutating func integer<Number: FixedWidthInteger & UnsignedInteger>(
        _: Number.Type
    ) -> Number? {
        let size = Number.bitWidth / 8
        guard count >= size else { return nil }
        var value: Number = 0
        for offset in (0..<size).reversed() {
            value = value << 8 | Number(bytes[position + offset])
        }
        position += size
        return value
    }

    private mutating func required<Number: FixedWidthInteger & UnsignedInteger>(
        _ type: Number.Type
    ) throws(LineProblem) -> Number {
        guard let value = integer(type) else { throw Self.short }
        return value
    }

    private static let short = LineProblem("expected more bytes, found the end")

    private mutating func variable() throws(LineProblem) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < end else { throw Self.short }
            let byte = bytes[position]
            position += 1
            let part = UInt64(byte & 0x7F)
            guard shift < 64, (part << shift) >> shift == part else {
                throw LineProblem("expected numbers of at most 64 bits")
            }
            value |= part << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private mutating func text(_ length: Int) throws(LineProblem) -> String {
        guard count >= length else { throw Self.short }
        defer { position += length }
        guard let text = String(validating: bytes[position..<position + length], as: UTF8.self)
        else { throw LineProblem("expected a name and source in UTF-8") }
        return text
    }

    /// Everything after the version.
    mutating func trace() throws(LineProblem) -> Trace {
        guard let traceClass = try TraceClass(rawValue: required(UInt8.self)) else {
            throw LineProblem("expected page requests or DMA faults, found an unknown class")
        }
        let flags = try required(UInt8.self)
        guard flags <= 1 else { throw LineProblem("expected no unknown flags") }
        let streamCount = try Int(required(UInt32.self))
        let eventCount = try required(UInt64.self)
        guard let skipped = try Int(exactly: required(UInt64.self)) else {
            throw LineProblem("expected a count of skipped lines below 2^63")
        }
        let nameLength = try Int(required(UInt16.self))
        let sourceLength = try Int(required(UInt16.self))
        let name = try text(nameLength)
        let source = try text(sourceLength)
        guard streamCount <= count / TraceFile.streamSize else {
            throw LineProblem("expected fewer streams than \(streamCount) in so few bytes")
        }
        let streams = try (0..<streamCount).map { _ throws(LineProblem) in try stream() }
        guard eventCount > 0, eventCount <= UInt64(count / TraceFile.smallestEventSize) else {
            throw LineProblem(
                "expected one or more events, and no more than fit \(count) bytes, "
                    + "found \(eventCount)")
        }
        let events = try events(Int(eventCount), of: streams)
        if let position = traceClass.firstMisfit(in: events) {
            throw LineProblem(
                "expected DMA faults alone, found a page request: event \(position)")
        }
        guard position == end else {
            throw LineProblem("expected the checksum after the last event, found more bytes")
        }
        return Trace(
            name: name, source: source, traceClass: traceClass, events: events,
            hasRecordedTimes: flags & 1 != 0, skippedLineCount: skipped)
    }

    private struct Stream {
        let requester: RequesterID
        let pasid: PASID?
        let responseNeedsPASID: Bool
    }

    private mutating func stream() throws(LineProblem) -> Stream {
        let requester = try RequesterID(required(UInt16.self))
        let bits = try required(UInt32.self)
        let hasPASID = bits & TraceFile.StreamBits.hasPASID != 0
        let pasid = bits & PASID.max.rawValue
        guard bits <= TraceFile.StreamBits.all, hasPASID || pasid == 0 else {
            throw LineProblem("expected a stream's PASID of 20 bits and two flags")
        }
        return Stream(
            requester: requester, pasid: hasPASID ? PASID(pasid) : nil,
            responseNeedsPASID: bits & TraceFile.StreamBits.responseNeedsPASID != 0)
    }

    private mutating func events(
        _ count: Int, of streams: [Stream]
    ) throws(LineProblem) -> [TrafficEvent] {
        var states = [TraceFile.StreamState](
            repeating: TraceFile.StreamState(), count: streams.count)
        var events: [TrafficEvent] = []
        events.reserveCapacity(count)
        var current: UInt64 = 0
        var atNs: UInt64 = 0
        for _ in 0..<count {
            let tag = try required(UInt8.self)
            if tag & TraceFile.Tag.changesStream != 0 { current = try variable() }
            guard current < streams.count else {
                throw LineProblem("expected one of \(streams.count) streams, found \(current)")
            }
            let number = Int(current)
            let stream = streams[number]
            let rawIndex =
                tag & TraceFile.Tag.hasIndex != 0
                ? try variable() : UInt64(states[number].nextIndex)
            let (sumNs, overflow) = try atNs.addingReportingOverflow(variable())
            let step = try variable()
            let page = states[number].page &+ (step >> 1 ^ (0 &- (step & 1)))
            guard let index = PRGIndex(rawIndex), !overflow, page >> 52 == 0 else {
                throw LineProblem(
                    "expected an index of 9 bits, a time of 64 and a page number of 52")
            }
            let hasPrivateData = tag & TraceFile.Tag.hasPrivateData != 0
            let request = PageRequest(
                requester: stream.requester, pasid: stream.pasid, index: index,
                address: page << 12,
                permissions: Permissions(rawValue: tag & TraceFile.Tag.permissions),
                isLast: tag & TraceFile.Tag.isLast != 0,
                responseNeedsPASID: stream.responseNeedsPASID,
                privateData0: hasPrivateData ? try variable() : 0,
                privateData1: hasPrivateData ? try variable() : 0)
            atNs = sumNs
            states[number].follow(request)
            events.append(TrafficEvent(arrivalNs: atNs, request: request))
        }
        return events
    }
}

extension TraceClass {
    /// Where the first event is that says more than this class can: for DMA faults one with a
    /// PASID, an index, a group or an answer.
    func firstMisfit(in events: [TrafficEvent]) -> Int? {
        guard self == .dmaFault else { return nil }
        return events.firstIndex { event in
            let request = event.request
            return request.hasPASID || request.responseNeedsPASID || !request.isLast
                || request.index.rawValue != 0 || request.privateData0 | request.privateData1 != 0
        }
    }
}
