import FaultModel

/// One page request of a stream and the time at which it is meant to arrive.
public struct TrafficEvent: BitwiseCopyable, Sendable, Equatable {
    /// Nanoseconds since the start of the stream.
    public var arrivalNs: UInt64
    /// What arrives.
    public var request: PageRequest

    public init(arrivalNs: UInt64, request: PageRequest) {
        self.arrivalNs = arrivalNs
        self.request = request
    }
}

/// What the events of a trace are.
public enum TraceClass: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Recoverable: page requests that are grouped and answered.
    case pageRequest = 1
    /// Unrecoverable faults as `iommu:io_page_fault` reports them: no PASID, no index, no group,
    /// no answer. Each event is a request of its own with index 0, marked last.
    case dmaFault = 2

    public var description: String {
        switch self {
        case .pageRequest: "page-request"
        case .dmaFault: "dma-fault"
        }
    }
}

/// A stream of events that ascend in time, with where they come from.
public struct Trace: Sendable, Equatable {
    /// Short, for tables: the file's name without its extensions unless the caller chose one.
    public var name: String
    /// Where it comes from and how it was mapped, in a sentence or two.
    public var source: String
    /// What every event is.
    public let traceClass: TraceClass
    /// Ascending by `arrivalNs`; equal times keep the order of the recording.
    public let events: [TrafficEvent]
    /// False where the text carried no times and the events were spaced evenly instead.
    public let hasRecordedTimes: Bool
    /// Bad lines that an import was told to skip.
    public let skippedLineCount: Int
    /// Why the first of them was skipped; not stored in files.
    public var firstSkippedLine: String?

    /// - Precondition: `events` ascend by `arrivalNs` and `skippedLineCount` is not negative.
    public init(
        name: String, source: String, traceClass: TraceClass, events: [TrafficEvent],
        hasRecordedTimes: Bool = true, skippedLineCount: Int = 0, firstSkippedLine: String? = nil
    ) {
        precondition(skippedLineCount >= 0, "a count of lines is not negative")
        var previousNs: UInt64 = 0
        for event in events {
            precondition(event.arrivalNs >= previousNs, "events must ascend by arrival time")
            previousNs = event.arrivalNs
        }
        self.name = name
        self.source = source
        self.traceClass = traceClass
        self.events = events
        self.hasRecordedTimes = hasRecordedTimes
        self.skippedLineCount = skippedLineCount
        self.firstSkippedLine = firstSkippedLine
    }

    /// From the start of the stream to the last arrival.
    public var durationNs: UInt64 { events.last?.arrivalNs ?? 0 }

    /// The same events with every arrival multiplied by `factor`: 0.5 doubles the rate.
    ///
    /// - Throws: `TrafficConfigurationError` where the factor is not positive and finite, or where
    ///   an arrival would not fit 63 bits of nanoseconds.
    public func scaled(by factor: Double) throws(TrafficConfigurationError) -> Trace {
        let scale = try TimeScale(factor: factor, longestNs: durationNs)
        return Trace(
            name: name, source: source, traceClass: traceClass,
            events: events.map { event in
                TrafficEvent(arrivalNs: scale.apply(event.arrivalNs), request: event.request)
            },
            hasRecordedTimes: hasRecordedTimes, skippedLineCount: skippedLineCount,
            firstSkippedLine: firstSkippedLine)
    }
}
