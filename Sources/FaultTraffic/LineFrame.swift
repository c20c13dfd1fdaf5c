/// What stands before the payload of an event's line: who, where, when, which event.
///
///     perf, with -F comm,pid,tid,cpu,time,event,trace  COMM PID/TID [CPU] SECONDS.NANOS: EVENT:
///     perf, as it comes                                COMM TID [CPU] SECONDS.MICROS: EVENT:
///     ftrace                                           COMM-TID [CPU] FLAGS SECONDS.MICROS: EVENT:
///     ftrace, option record-tgid                       COMM-TID (PID) [CPU] FLAGS …
///     trace-cmd report                                 COMM-TID [CPU] SECONDS.MICROS: EVENT:
///     quoted in a mail                                 | EVENT:
///
/// A COMM may hold spaces, '-', '/', ':' and brackets. So the anchor is the last
/// `[CPU] FLAGS SECONDS:` of the line, and the ids are read backwards from it; a COMM has at most
/// 15 bytes and cannot hold a whole anchor followed by an event that is known here.
struct LineFrame {
    /// Which of the forms above; a file keeps to one.
    enum Form: String {
        case perfWithProcess = "perf script with process and thread ids"
        case perfWithThread = "perf script with thread ids"
        case ftrace = "ftrace"
        case untimed = "quoted without times"
    }

    var form: Form
    /// Thread group; equal to `thread` where the form has none.
    var process: UInt32
    var thread: UInt32
    /// On the recording's own clock; 0 in the untimed form.
    var timeNs: UInt64
    /// At the event's name.
    var event: LineCursor

    init(_ line: UnsafeBufferPointer<UInt8>) throws(LineProblem) {
        var start = LineCursor(line)
        start.skipSpaces()
        var end = start.end
        while let bracket = Self.lastBracket(from: start.position, to: end) {
            if let after = try Self.anchor(LineCursor(from: bracket, to: start.end)) {
                let owner = try Self.owner(from: start.position, to: bracket)
                self.init(
                    form: owner.form, process: owner.process, thread: owner.thread,
                    timeNs: after.timeNs, event: after.event)
                return
            }
            end = bracket
        }
        guard Self.startsWithQuotedEvent(start) else {
            throw LineProblem(
                "expected 'COMM PID/TID [CPU] SECONDS: EVENT:' as perf script prints it "
                    + "or 'COMM-PID [CPU] FLAGS SECONDS: EVENT:' as ftrace does, "
                    + "found \(start.excerpt)"
            )
        }
        self.init(form: .untimed, process: 0, thread: 0, timeNs: 0, event: start)
    }

    private init(
        form: Form, process: UInt32, thread: UInt32, timeNs: UInt64, event: LineCursor
    ) {
        self.form = form
        self.process = process
        self.thread = thread
        self.timeNs = timeNs
        self.event = event
    }

    /// Only the page-request queue's event is quoted in mails without its frame.
    private static func startsWithQuotedEvent(_ start: LineCursor) -> Bool {
        var cursor = start
        return cursor.take("prq_report: ") || cursor.take("intel_iommu:prq_report: ")
    }

    private static func lastBracket(
        from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>
    ) -> UnsafePointer<UInt8>? {
        var at = end
        while at > start {
            at -= 1
            if at.pointee == UInt8(ascii: "[") { return at }
        }
        return nil
    }

    /// `[CPU] FLAGS SECONDS.FRACTION: `; nil where the text is something else.
    private static func anchor(
        _ text: LineCursor
    ) throws(LineProblem) -> (timeNs: UInt64, event: LineCursor)? {
        var cursor = text
        guard cursor.take("["), cursor.decimal(upTo: 99_999) != nil, cursor.take("]"),
            cursor.skipSpaces() > 0
        else { return nil }
        var timeStart = cursor
        if !Self.endsInColon(cursor) {
            let flags = cursor.position
            while let byte = cursor.first, Self.isFlag(byte) { cursor.advance(1) }
            let width = cursor.position - flags
            guard cursor.skipSpaces() > 0, width > 0, Self.endsInColon(cursor) else { return nil }
            guard width == 4 || width == 5 else {
                throw LineProblem(
                    "expected 4 or 5 flag characters after the CPU, found "
                        + LineCursor.excerpt(flags, width))
            }
            timeStart = cursor
        }
        guard let seconds = cursor.decimal(upTo: UInt64.max / 1_000_000_000), cursor.take(".")
        else { return nil }
        let fractionStart = cursor.position
        guard let fraction = cursor.decimal(upTo: 999_999_999) else { return nil }
        let width = cursor.position - fractionStart
        guard cursor.take(":"), cursor.isAtEnd || cursor.skipSpaces() > 0 else { return nil }
        guard width == 6 || width == 9 else {
            throw LineProblem(
                "expected a time with 6 or 9 digits after the point, found "
                    + LineCursor.excerpt(
                        timeStart.position, cursor.position - timeStart.position))
        }
        let (timeNs, overflow) = (seconds * 1_000_000_000).addingReportingOverflow(
            fraction * (width == 6 ? 1000 : 1))
        guard !overflow else { throw LineProblem("expected a time of 64 bits of nanoseconds") }
        return (timeNs, cursor)
    }

    /// Whether the word at the cursor is a time: it alone ends in a colon.
    private static func endsInColon(_ cursor: LineCursor) -> Bool {
        let end = cursor.firstIndex(of: UInt8(ascii: " ")) ?? cursor.end
        return end > cursor.position && end[-1] == UInt8(ascii: ":")
    }

    private static func isFlag(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "#"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}

extension LineFrame {
    /// The ids before `[CPU]`, read from their end.
    private static func owner(
        from start: UnsafePointer<UInt8>, to bracket: UnsafePointer<UInt8>
    ) throws(LineProblem) -> (form: Form, process: UInt32, thread: UInt32) {
        func problem() -> LineProblem {
            LineProblem(
                "expected 'COMM PID/TID', 'COMM TID' or 'COMM-PID' before the CPU, found "
                    + LineCursor.excerpt(start, bracket - start))
        }
        var end = trimmed(from: start, to: bracket)
        var group: UInt32?
        if end > start, end[-1] == UInt8(ascii: ")") {
            guard let (value, open) = threadGroup(from: start, to: end - 1) else {
                throw problem()
            }
            group = value
            end = trimmed(from: start, to: open)
        }
        guard let (thread, digits) = trailingNumber(from: start, to: end), digits > start else {
            throw problem()
        }
        let mark = digits[-1]
        if mark == UInt8(ascii: "-"), digits - 1 > start, digits[-2] != UInt8(ascii: " ") {
            return (.ftrace, group ?? thread, thread)
        }
        guard group == nil else { throw problem() }
        if mark == UInt8(ascii: " "), trimmed(from: start, to: digits) > start {
            return (.perfWithThread, thread, thread)
        }
        if mark == UInt8(ascii: "/"),
            let (process, first) = trailingNumber(from: start, to: digits - 1), first > start,
            first[-1] == UInt8(ascii: " "), trimmed(from: start, to: first) > start
        {
            return (.perfWithProcess, process, thread)
        }
        throw problem()
    }

    /// `(  1234)` or `(-------)` up to its closing bracket: the number, nil where unknown, and
    /// where the opening bracket is.
    private static func threadGroup(
        from start: UnsafePointer<UInt8>, to close: UnsafePointer<UInt8>
    ) -> (UInt32?, UnsafePointer<UInt8>)? {
        var at = close
        if let (value, first) = trailingNumber(from: start, to: close) {
            at = trimmed(from: start, to: first)
            guard at > start, at[-1] == UInt8(ascii: "(") else { return nil }
            return (value, at - 1)
        }
        while at > start, at[-1] == UInt8(ascii: "-") { at -= 1 }
        guard at < close else { return nil }
        at = trimmed(from: start, to: at)
        guard at > start, at[-1] == UInt8(ascii: "(") else { return nil }
        return (nil, at - 1)
    }

    private static func trimmed(
        from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>
    ) -> UnsafePointer<UInt8> {
        var end = end
        while end > start, end[-1] == UInt8(ascii: " ") { end -= 1 }
        return end
    }

    /// The decimal number that ends the text, and where it begins.
    private static func trailingNumber(
        from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>
    ) -> (UInt32, UnsafePointer<UInt8>)? {
        var at = end
        while at > start, LineCursor.decimalDigit(at[-1]) != nil { at -= 1 }
        var cursor = LineCursor(from: at, to: end)
        guard let value = cursor.decimal(upTo: UInt64(Int32.max)) else { return nil }
        return (UInt32(value), at)
    }
}
