import FaultModel
import FaultTraffic
import Measurement

/// Requests of an open-loop cell, burst by burst, shared out to its producers. The same burst of
/// the same round gives every scheme the same requests at the same offsets.
public struct RequestSource: Sendable {
    enum Content: Sendable {
        case process(ArrivalProcess)
        case trace([TrafficEvent], speedUp: Double)
    }
    let content: Content
    let producers: Int
    let burstNs: Double
    let seed: UInt64

    /// Most requests in one burst: bounds the memory of samples and schedules.
    static let maximumRequestsPerBurst = 16384
    /// Gaps of a sped-up trace longer than this are cut to it: a pause between two phases of the
    /// recorded program says nothing about a ring.
    static let longestGapNs = 1_000_000.0

    init(content: Content, producers: Int, burstNs: Double, seed: UInt64) {
        self.content = content
        self.producers = producers
        self.burstNs = burstNs
        self.seed = seed
    }

    /// Intended arrivals per second, over all bursts.
    var offeredPerSecond: Double {
        switch content {
        case .process(.poisson(let rate)), .process(.uniform(let rate)): return rate
        case .process(.bursts(let rate, let length, let idleNs)):
            let periodNs = Double(length) * 1e9 / rate + Double(idleNs)
            return Double(length) * 1e9 / periodNs
        case .process(.asFastAsPossible): return .infinity
        case .trace(let events, let speedUp):
            let duration = Self.compressedDurationNs(events, speedUp: speedUp)
            return duration > 0 ? Double(events.count) * 1e9 / duration : 0
        }
    }

    /// Requests of one burst over all producers.
    var requestsPerBurst: Int {
        let wanted = Int((offeredPerSecond * burstNs / 1e9).rounded())
        return min(max(wanted, producers, 16), Self.maximumRequestsPerBurst)
    }

    /// One list per producer, ascending by offset.
    func schedule(burst: Int, clock: ClockCalibration) throws -> [[ScheduledRequest]] {
        var shares = [[ScheduledRequest]](repeating: [], count: producers)
        switch content {
        case .process(let process):
            let arrivals = try ArrivalSchedule(
                process, count: requestsPerBurst,
                seed: seed &+ UInt64(truncatingIfNeeded: burst) &* 0x9E37_79B9)
            for (number, offsetNs) in arrivals.offsetsNs.enumerated() {
                let producer = number % producers
                shares[producer].append(
                    ScheduledRequest(
                        offsetTicks: clock.ticks(fromNanoseconds: offsetNs),
                        request: PageRequest(
                            requester: RequesterID(UInt16(producer)), pasid: PASID(1 + number % 64),
                            index: PRGIndex(number % 512)!, address: UInt64(number) << 12,
                            permissions: .read, isLast: true)))
            }
        case .trace(let events, let speedUp):
            let count = min(requestsPerBurst, events.count)
            var place = burst &* count % max(events.count, 1)
            var offsetNs = 0.0
            for _ in 0..<count {
                let event = events[place]
                let producer = Int(event.request.requester.rawValue) % producers
                shares[producer].append(
                    ScheduledRequest(
                        offsetTicks: clock.ticks(fromNanoseconds: UInt64(offsetNs)),
                        request: event.request))
                let next = place + 1
                if next < events.count {
                    let gap = Double(events[next].arrivalNs - event.arrivalNs) / speedUp
                    offsetNs += min(gap, Self.longestGapNs)
                }
                place = next % events.count
            }
        }
        return shares
    }

    private static func compressedDurationNs(_ events: [TrafficEvent], speedUp: Double) -> Double {
        var total = 0.0
        for (event, next) in zip(events, events.dropFirst()) {
            total += min(Double(next.arrivalNs - event.arrivalNs) / speedUp, longestGapNs)
        }
        return total
    }
}

extension Suite {
    /// Rounds after which every request of the trace has gone through each scheme.
    public func roundsToCover(_ trace: Trace, of workload: RingWorkload) -> Int {
        guard case .trace(_, let speedUp) = workload.arrivals, !trace.events.isEmpty else {
            return 1
        }
        let source = RequestSource(
            content: .trace(trace.events, speedUp: speedUp), producers: workload.producers,
            burstNs: burstMs * 1e6, seed: 0)
        let perRound = min(source.requestsPerBurst, trace.events.count) * burstsPerRound
        return max(1, (trace.events.count + perRound - 1) / perRound)
    }
}
