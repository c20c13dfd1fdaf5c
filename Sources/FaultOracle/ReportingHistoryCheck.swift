import FaultModel

/// Checks the guarantees of fault reporting on a merged history: which operation ended before which
/// began says what each may have seen; between operations that overlap, either order is allowed.
///
/// The duties of the caller hold in every history that is checked: the requests of a key come from
/// one thread, and nobody reports for a PASID while it is flushed.
public struct ReportingHistoryCheck {
    typealias Interval = ReportingHistory.Interval

    /// A request: where it was reported, and what became of it.
    struct Request {
        var report = -1
        var take = -1
        var respond = -1
        var finish = -1
        /// For a last one that was queued: where its pages are in `held`.
        var heldFrom = 0
        var heldTo = 0
        /// The group that a page came out in, by the place of its `take`.
        var memberOf = -1
        var answers = 0
        var codes = 0
    }

    let history: ReportingHistory
    let flushes: [UInt64: [Interval]]
    let removals: [UInt64: [Interval]]
    let additions: [UInt64: [Interval]]
    let discards: [Interval]
    /// Tags of held pages, group after group.
    var held: [UInt64] = []
    var requests: [[Request]]
    public private(set) var violations: [Violation] = []

    /// Enough to see what is wrong.
    static let mostViolations = 12

    public init(_ history: ReportingHistory) {
        self.history = history
        flushes = history.intervals(.flush) { $0.owner }
        removals = history.intervals(.remove) { UInt64($0.device) }
        additions = history.intervals(.add) { UInt64($0.device) }
        discards = history.intervals(.discard) { _ in 0 }[0] ?? []
        requests = []
    }

    /// Everything that is wrong with a history, the first dozen.
    public static func violations(in history: ReportingHistory) -> [Violation] {
        var check = ReportingHistoryCheck(history)
        check.collect()
        check.checkReports()
        check.checkGroups()
        check.checkAnswers()
        check.checkDevices()
        return check.violations
    }

    mutating func complain(_ number: Int, _ sentence: String, _ events: [Int]) {
        guard violations.count < Self.mostViolations else { return }
        violations.append(
            Violation(.invariant(number), sentence, events: events.filter { $0 >= 0 }))
    }

    // MARK: Collecting

    mutating func collect() {
        var lanes: [Int] = []
        for event in history.events where event.kind == .page || event.kind == .last {
            while lanes.count <= event.lane { lanes.append(0) }
            lanes[event.lane] = max(lanes[event.lane], event.number + 1)
        }
        requests = lanes.map { Array(repeating: Request(), count: $0) }
        var pending: [UInt64: [UInt64]] = [:]
        for (place, event) in history.events.enumerated() {
            guard requests.indices.contains(event.lane),
                requests[event.lane].indices.contains(event.number)
            else { continue }
            switch event.kind {
            case .page, .last: collectReport(place, event, &pending)
            case .take: collectTake(place, event)
            case .respond: collectRespond(place, event)
            case .finish: requests[event.lane][event.number].finish = place
            case .look:
                requests[event.lane][event.number].answers += Int(event.outcome)
                requests[event.lane][event.number].codes += Int(event.count)
            default: break
            }
        }
    }

    private mutating func collectReport(
        _ place: Int, _ event: HistoryEvent, _ pending: inout [UInt64: [UInt64]]
    ) {
        requests[event.lane][event.number].report = place
        let outcome = ReportOutcome(rawValue: event.outcome)
        if event.kind == .page {
            if outcome == .held { pending[event.key, default: []].append(event.tag) }
            return
        }
        let tags = pending.removeValue(forKey: event.key) ?? []
        guard outcome == .queued else { return }
        requests[event.lane][event.number].heldFrom = held.count
        held += tags
        requests[event.lane][event.number].heldTo = held.count
    }

    private mutating func collectTake(_ place: Int, _ event: HistoryEvent) {
        let earlier = requests[event.lane][event.number].take
        if earlier >= 0 {
            complain(45, "a group was delivered twice", [earlier, place])
        }
        requests[event.lane][event.number].take = place
    }

    private mutating func collectRespond(_ place: Int, _ event: HistoryEvent) {
        let earlier = requests[event.lane][event.number].respond
        if earlier >= 0 {
            complain(44, "a group was answered twice by its owner", [earlier, place])
        }
        requests[event.lane][event.number].respond = place
    }

    // MARK: Looking up

    /// The first operation that began after a moment.
    static func first(_ intervals: [Interval]?, after ticks: UInt64) -> Interval? {
        guard let intervals else { return nil }
        var low = 0
        var high = intervals.count
        while low < high {
            let middle = (low + high) / 2
            if intervals[middle].begin > ticks { high = middle } else { low = middle + 1 }
        }
        return low < intervals.count ? intervals[low] : nil
    }

    /// An operation that overlaps the time from one moment to another.
    static func overlapping(_ intervals: [Interval]?, _ from: UInt64, _ to: UInt64) -> Interval? {
        guard let intervals else { return nil }
        // Operations of one kind on one thing do not overlap each other, so their ends ascend too.
        var low = 0
        var high = intervals.count
        while low < high {
            let middle = (low + high) / 2
            if intervals[middle].end >= from { high = middle } else { low = middle + 1 }
        }
        guard low < intervals.count, intervals[low].begin <= to else { return nil }
        return intervals[low]
    }

    /// An operation that lies wholly between two moments.
    static func between(_ intervals: [Interval]?, _ from: UInt64, _ to: UInt64) -> Interval? {
        guard let next = first(intervals, after: from), next.end < to else { return nil }
        return next
    }
}
