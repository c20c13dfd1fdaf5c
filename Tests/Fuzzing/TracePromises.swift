import FaultTraffic

/// What every reader of traces promises, whatever the form.
enum TracePromises {
    /// The trace in the input; nil where it is refused in one line.
    static func read(_ input: [UInt8], _ options: ImportOptions) throws(Violation) -> Trace? {
        let file = MemoryFile(input)
        do {
            return try TraceReader.read(path: file.path, options: options)
        } catch let error as TraceError {
            try check(error)
            return nil
        } catch {
            throw Violation("an error of another type: \(error)")
        }
    }

    /// Only the bytes are to blame, in one line.
    static func check(_ error: TraceError) throws(Violation) {
        try Message.check(error.description)
        guard error.kind != .system else { throw Violation("blames the system: \(error)") }
    }

    /// Whatever was read can be described, written in every form, and read back as it was.
    ///
    /// - Parameter mayLackWords: Whether the text of a tracepoint may have no words for it.
    static func check(_ trace: Trace, mayLackWords: Bool) throws(Violation) {
        let summary = TraceSummary(trace)
        guard summary.eventCount == trace.events.count else {
            throw Violation("a summary of \(summary.eventCount) events")
        }
        var stored = trace
        stored.firstSkippedLine = nil
        do throws(TraceError) {
            let bytes = try TraceFile.encode(trace)
            guard try TraceFile.decode(bytes) == stored else {
                throw TraceError(.damaged, file: "trace", "another trace")
            }
        } catch {
            throw Violation("does not come back from its own file: \(error)")
        }
        let lines = TraceText.csv(trace).count { $0 == 10 }
        guard lines == trace.events.count + 1 else { throw Violation("\(lines) lines of CSV") }
        for frame in TraceText.Frame.allCases {
            try checkText(of: trace, frame, mayLackWords: mayLackWords)
        }
    }

    private static func checkText(
        of trace: Trace, _ frame: TraceText.Frame, mayLackWords: Bool
    ) throws(Violation) {
        let text: [UInt8]
        do throws(TraceError) {
            text = try TraceText.events(trace, frame: frame)
        } catch {
            try check(error)
            guard mayLackWords, error.kind == .notRepresentable else {
                throw Violation("cannot be written as \(frame.rawValue): \(error)")
            }
            return
        }
        guard let read = try read(text, ImportOptions()) else {
            throw Violation("the \(frame.rawValue) text that it is written as is refused")
        }
        // Text of ftrace keeps microseconds; all text counts from its first event.
        let unitNs: UInt64 = frame == .ftrace ? 1000 : 1
        let startNs = (trace.events.first?.arrivalNs ?? 0) / unitNs
        let expected = trace.events.map { event in
            TrafficEvent(
                arrivalNs: (event.arrivalNs / unitNs - startNs) * unitNs, request: event.request)
        }
        guard read.events == expected, read.traceClass == trace.traceClass else {
            throw Violation("does not come back from its own \(frame.rawValue) text")
        }
    }
}
