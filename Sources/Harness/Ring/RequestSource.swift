import FaultModel
import FaultTraffic
import Measurement

/// Requests of an open-loop cell, burst by burst, shared out to its producers. The same burst of
/// the same round gives every scheme the same requests at the same offsets.
public struct RequestSource: Sendable {
    enum Content: Sendable {
        case process(ArrivalProcess)
        case trace(TraceStretches)
    }
    let content: Content
    let producers: Int
    let burstNs: Double
    let seed: UInt64

    /// Most requests in one burst: bounds the memory of samples and schedules.
    static let maximumRequestsPerBurst = 16384

    init(content: Content, producers: Int, burstNs: Double, seed: UInt64) {
        self.content = content
        self.producers = producers
        self.burstNs = burstNs
        self.seed = seed
    }

    /// Intended arrivals per second, over all bursts.
    var offeredPerSecond: Double {
        switch content {
        case .process(let process): process.meanPerSecond ?? .infinity
        case .trace(let stretches): stretches.perSecond
        }
    }

    /// Requests of one burst over all producers.
    var requestsPerBurst: Int {
        Self.requestsPerBurst(
            perSecond: offeredPerSecond, burstNs: burstNs, atLeast: max(producers, 16))
    }

    /// Requests that arrive in a burst, within what its memory allows.
    static func requestsPerBurst(perSecond: Double, burstNs: Double, atLeast least: Int) -> Int {
        let wanted = (perSecond * burstNs / 1e9).rounded()
        return max(least, Int(min(wanted, Double(maximumRequestsPerBurst))))
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
        case .trace(let stretches):
            for event in stretches.stretch(burst, count: requestsPerBurst) {
                let producer = Int(event.request.requester.rawValue) % producers
                shares[producer].append(
                    ScheduledRequest(
                        offsetTicks: clock.ticks(fromNanoseconds: event.arrivalNs),
                        request: event.request))
            }
        }
        return shares
    }
}
