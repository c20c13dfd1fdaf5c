import FaultModel

/// What all threads of a run did, in the order of the beginnings, with what the checks look up.
public struct ReportingHistory: Sendable {
    /// Sorted by beginning.
    public let events: [HistoryEvent]
    /// By `HistoryEvent.thread`.
    public let threads: [String]

    /// An operation that concerns many requests.
    struct Interval {
        let begin: UInt64
        let end: UInt64
        let event: Int
    }

    /// Merges the threads' logs. Events of one thread keep their order.
    public init(_ logs: [some Sequence<HistoryEvent>], threads: [String]) {
        self.threads = threads
        let all = logs.flatMap { Array($0) }
        events = all.indices.sorted { (all[$0].begin, $0) < (all[$1].begin, $1) }.map { all[$0] }
    }

    /// From events that are in order already.
    public init(events: [HistoryEvent], threads: [String]) {
        self.events = events
        self.threads = threads
    }

    func intervals(_ kind: HistoryEvent.Kind, by word: (HistoryEvent) -> UInt64) -> [UInt64:
        [Interval]]
    {
        var found: [UInt64: [Interval]] = [:]
        for (place, event) in events.enumerated() where event.kind == kind {
            found[word(event), default: []].append(
                Interval(begin: event.begin, end: event.end, event: place))
        }
        return found
    }

    /// One line: what the event says.
    public func sentence(_ place: Int) -> String {
        let event = events[place]
        let thread =
            threads.indices.contains(Int(event.thread))
            ? threads[Int(event.thread)] : "thread \(event.thread)"
        let pasid =
            event.pasidBits >> 31 == 1 ? "PASID \(event.pasidBits & 0xFFFFF)" : "no PASID"
        let owner = "device \(event.device), \(pasid)"
        let request = "request \(event.lane):\(event.number)"
        let what: String
        switch event.kind {
        case .page, .last:
            let outcome = ReportOutcome(rawValue: event.outcome).map { "\($0)" } ?? "?"
            let last = event.kind == .last ? ", the last of its group" : ""
            what = "reports \(request) of \(owner), index \(event.index)\(last): \(outcome)"
        case .member: what = "finds \(request) of \(owner), index \(event.index) in the group"
        case .take: what = "takes the group of \(event.count) that ends with \(request), \(owner)"
        case .respond:
            let outcome = RespondOutcome(rawValue: event.outcome).map { "\($0)" } ?? "?"
            let code = ResponseCode(rawValue: event.count).map { "\($0)" } ?? "?"
            what = "answers \(code) to the group that ends with \(request): \(outcome)"
        case .finish: what = "finishes the group that ends with \(request)"
        case .flush: what = "flushes \(owner)"
        case .discard: what = "discards what is partial: \(event.tag) dropped"
        case .remove:
            what = "removes device \(event.device): \(event.outcome == 0 ? "removed" : "unknown")"
        case .add: what = "adds device \(event.device): \(event.outcome == 0 ? "added" : "refused")"
        case .look: what = "finds \(event.outcome) answers to \(request), codes \(event.count)"
        }
        return "\(thread) \(what)"
    }
}
