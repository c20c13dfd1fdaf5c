import FaultModel
import Glibc

/// Turns text, handed over in pieces of any size, into a trace. One thread.
///
/// Lines are parsed where they lie; only one that is cut by the end of a piece is copied, and never
/// more than `ImportOptions.lineLimit` bytes of it.
struct TextImport {
    private let options: ImportOptions
    private let file: String
    private var events: [ParsedEvent] = []
    private var family: EventFamily?
    private var form: (form: LineFrame.Form, line: Int)?
    private var segment: UInt32?
    private var latestNs: UInt64 = 0
    private var isOutOfOrder = false
    private var lineNumber = 1
    private var carry: [UInt8] = []
    private var isDiscarding = false
    private var isEmpty = true
    private var skippedLineCount = 0
    private var firstSkippedLine: String?

    init(options: ImportOptions, file: String) {
        self.options = options
        self.file = file
    }

    /// Parses the lines that end in the piece.
    mutating func consume(_ piece: UnsafeRawBufferPointer) throws(TraceError) {
        let bytes = piece.bindMemory(to: UInt8.self)
        guard var at = bytes.baseAddress, !bytes.isEmpty else { return }
        isEmpty = false
        let end = at + bytes.count
        while at < end {
            guard let found = memchr(at, 10, end - at) else {
                try keep(UnsafeBufferPointer(start: at, count: end - at))
                return
            }
            let newline = UnsafePointer(found.assumingMemoryBound(to: UInt8.self))
            let part = UnsafeBufferPointer(start: at, count: newline - at)
            if carry.isEmpty, !isDiscarding {
                try line(part)
            } else {
                try keep(part)
                let whole = carry
                carry.removeAll(keepingCapacity: true)
                if !isDiscarding {
                    try whole.withUnsafeBufferPointer { (bytes) throws(TraceError) in
                        try line(bytes)
                    }
                }
                isDiscarding = false
            }
            lineNumber += 1
            at = newline + 1
        }
    }

    /// Adds to the unfinished line, or notes once that it is too long.
    private mutating func keep(_ part: UnsafeBufferPointer<UInt8>) throws(TraceError) {
        guard !isDiscarding else { return }
        guard carry.count + part.count <= ImportOptions.lineLimit else {
            isDiscarding = true
            carry.removeAll(keepingCapacity: true)
            return try refuse(Self.tooLong)
        }
        carry.append(contentsOf: part)
    }

    private static let tooLong = LineProblem(
        "expected lines of at most \(ImportOptions.lineLimit) bytes, found a longer one")

    private mutating func refuse(_ problem: LineProblem) throws(TraceError) {
        guard options.skipsBadLines else {
            throw TraceError(.badLine, file: file, line: lineNumber, problem.reason)
        }
        skippedLineCount += 1
        if firstSkippedLine == nil {
            firstSkippedLine = "line \(lineNumber): \(problem.reason)"
        }
    }

    private mutating func line(_ bytes: UnsafeBufferPointer<UInt8>) throws(TraceError) {
        do throws(LineProblem) {
            guard bytes.count <= ImportOptions.lineLimit else { throw Self.tooLong }
            try event(bytes)
        } catch {
            try refuse(error)
        }
    }

    private mutating func event(_ whole: UnsafeBufferPointer<UInt8>) throws(LineProblem) {
        guard let bytes = Self.content(of: whole) else { return }
        var frame = try LineFrame(bytes)
        let found = try EventFamily(&frame.event)
        if let family, family != found {
            throw LineProblem(
                "expected \(family.rawValue) only, as before, found \(found.rawValue); "
                    + "a trace holds one kind, import them apart")
        }
        if let form, form.form != frame.form {
            throw LineProblem(
                "expected the form '\(form.form.rawValue)' as in line \(form.line), found "
                    + "'\(frame.form.rawValue)'")
        }
        var parsedSegment: UInt32?
        let request: PageRequest
        switch found {
        case .pageFault: request = try EventPayload.pageFault(frame.event)
        case .pageRequestQueue:
            (request, parsedSegment) = try EventPayload.pageRequest(frame.event)
        case .dmaFault: (request, parsedSegment) = try EventPayload.dmaFault(frame.event)
        }
        if let segment, let parsedSegment, segment != parsedSegment {
            throw LineProblem(
                "expected devices of PCI segment \(String(segment, radix: 16)) only, as before, "
                    + "found segment \(String(parsedSegment, radix: 16)); a requester has no "
                    + "room for a segment, import them apart")
        }
        let timeNs =
            frame.form == .untimed
            ? UInt64(events.count).multipliedReportingOverflow(by: options.untimedSpacingNs)
                .partialValue
            : frame.timeNs
        guard timeNs >= latestNs || latestNs - timeNs <= options.reorderToleranceNs else {
            throw LineProblem(
                "expected times that ascend, found one \(latestNs - timeNs) ns before the latest, "
                    + "more than the \(options.reorderToleranceNs) ns that are sorted")
        }
        isOutOfOrder = isOutOfOrder || timeNs < latestNs
        latestNs = max(latestNs, timeNs)
        family = found
        form = form ?? (frame.form, lineNumber)
        segment = segment ?? parsedSegment
        events.append(
            ParsedEvent(
                timeNs: timeNs, process: frame.process, thread: frame.thread, line: lineNumber,
                request: request))
    }

    /// The line without its quotation mark and the space at its end; nil where nothing is left, or
    /// where it is a header. Every COMM is printed with a space before it, so an event's line never
    /// starts with `#`.
    private static func content(
        of whole: UnsafeBufferPointer<UInt8>
    ) -> UnsafeBufferPointer<UInt8>? {
        guard let start = whole.baseAddress else { return nil }
        var end = start + whole.count
        while end > start, [32, 9, 13].contains(end[-1]) { end -= 1 }
        guard end > start, start.pointee != UInt8(ascii: "#") else { return nil }
        guard start.pointee == UInt8(ascii: "|") else {
            return UnsafeBufferPointer(start: start, count: end - start)
        }
        guard end - start > 1 else { return nil }
        let isMark = start[1] == UInt8(ascii: " ")
        return UnsafeBufferPointer(
            start: isMark ? start + 2 : start, count: end - start - (isMark ? 2 : 0))
    }

    /// The trace, once all the text was consumed.
    mutating func finish() throws(TraceError) -> Trace {
        if isEmpty { throw TraceError(.notATrace, file: file, "expected a trace, found no bytes") }
        if !carry.isEmpty {
            // A cut line can still parse, with a number that lost its last digits.
            try refuse(
                LineProblem("expected a newline at the end, found the text cut within a line"))
        }
        guard let family, let form = form?.form else {
            let skipped =
                skippedLineCount > 0
                ? " (\(skippedLineCount) bad lines skipped; \(firstSkippedLine ?? ""))" : ""
            throw TraceError(
                .notATrace, file: file,
                "expected a page fault, page request or DMA fault, found none in "
                    + "\(lineNumber - 1) lines\(skipped)")
        }
        if isOutOfOrder {
            // Ties keep the order of the lines.
            events.sort { ($0.timeNs, $0.line) < ($1.timeNs, $1.line) }
        }
        let mapped: [TrafficEvent]
        if family == .pageFault {
            mapped = try FaultMapping.map(events, options: options, file: file)
        } else {
            let startNs = events.first?.timeNs ?? 0
            mapped = events.map {
                TrafficEvent(arrivalNs: $0.timeNs - startNs, request: $0.request)
            }
        }
        return Trace(
            name: options.name ?? TraceReader.name(ofFile: file),
            source: options.source ?? Self.source(family, form, options),
            traceClass: family.traceClass, events: mapped, hasRecordedTimes: form != .untimed,
            skippedLineCount: skippedLineCount, firstSkippedLine: firstSkippedLine)
    }

    private static func source(
        _ family: EventFamily, _ form: LineFrame.Form, _ options: ImportOptions
    ) -> String {
        let text = "Text (\(form.rawValue)) of \(family.rawValue)"
        guard family == .pageFault else { return text + "." }
        return text + "; a PASID per \(options.pasidOwner.rawValue), "
            + "a requester per \(options.requesterOwner.rawValue), "
            + "groups of at most \(options.groupSize)."
    }
}
