import FaultTraffic

/// A trace cut into stretches of so many requests, one per burst, at a speed of its own. After the
/// last request the first follows.
struct TraceStretches: Sendable {
    /// Gaps of a sped-up trace longer than this are cut to it: a pause between two phases of the
    /// recorded program says nothing about a queue.
    static let longestGapNs = 1_000_000.0

    let events: [TrafficEvent]
    let speedUp: Double
    /// Intended arrivals per second over the whole trace.
    let perSecond: Double

    init(_ events: [TrafficEvent], speedUp: Double) {
        self.events = events
        self.speedUp = speedUp
        var durationNs = 0.0
        for (event, next) in zip(events, events.dropFirst()) {
            durationNs += Self.gapNs(event, next, speedUp)
        }
        perSecond = durationNs > 0 ? Double(events.count) * 1e9 / durationNs : 0
    }

    private static func gapNs(
        _ event: TrafficEvent, _ next: TrafficEvent, _ speedUp: Double
    ) -> Double {
        min(Double(next.arrivalNs - event.arrivalNs) / speedUp, longestGapNs)
    }

    /// At most `count` requests of the stretch of a burst, with arrivals after its start.
    func stretch(_ burst: Int, count: Int) -> [TrafficEvent] {
        let count = min(count, events.count)
        guard count > 0 else { return [] }
        var place = burst &* count % events.count
        var offsetNs = 0.0
        var stretch: [TrafficEvent] = []
        stretch.reserveCapacity(count)
        for _ in 0..<count {
            let event = events[place]
            stretch.append(TrafficEvent(arrivalNs: UInt64(offsetNs), request: event.request))
            let next = place + 1
            if next < events.count { offsetNs += Self.gapNs(event, events[next], speedUp) }
            place = next % events.count
        }
        return stretch
    }
}

extension Suite {
    /// Rounds after which every request of the trace has gone through each scheme.
    public func roundsToCover(_ trace: Trace, speedUp: Double) -> Int {
        guard !trace.events.isEmpty else { return 1 }
        let perSecond = TraceStretches(trace.events, speedUp: speedUp).perSecond
        let perBurst = RequestSource.requestsPerBurst(
            perSecond: perSecond, burstNs: burstMs * 1e6, atLeast: 16)
        let perRound = min(perBurst, trace.events.count) * burstsPerRound
        return max(1, (trace.events.count + perRound - 1) / perRound)
    }
}
