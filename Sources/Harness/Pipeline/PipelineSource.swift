import FaultTraffic
import Measurement

/// The requests of a pipeline cell, round by round. The same round gives every scheme the same
/// requests at the same offsets.
struct PipelineSource {
    private enum Content {
        case trace(TraceStretches)
        case synthetic(ArrivalProcess)
    }

    private let workload: PipelineWorkload
    private let content: Content
    private let burstNs: Double
    private let seed: UInt64

    /// - Throws: `SuiteError` where the workload's trace is not among `traces`.
    init(
        workload: PipelineWorkload, traces: [String: Trace], burstNs: Double, seed: UInt64
    ) throws(SuiteError) {
        self.workload = workload
        self.burstNs = burstNs
        self.seed = seed
        switch workload.arrivals {
        case .trace(let name, let speedUp):
            guard let trace = traces[name] else { throw SuiteError("no trace \"\(name)\"") }
            content = .trace(TraceStretches(trace.events, speedUp: speedUp))
        case .poisson(let perSecond): content = .synthetic(.poisson(perSecond: perSecond))
        case .bursts(let perSecond, let length, let idleNs):
            content = .synthetic(
                .bursts(perSecond: perSecond, length: length, idleNs: idleNs))
        case .saturationShare, nil: content = .synthetic(.asFastAsPossible)
        }
    }

    /// Intended arrivals per second; nil for as fast as possible.
    var offeredPerSecond: Double? {
        switch content {
        case .trace(let stretches): stretches.perSecond
        case .synthetic(let process): process.meanPerSecond
        }
    }

    /// Requests of one burst.
    var requestsPerBurst: Int {
        guard let rate = offeredPerSecond else { return PipelineWorkload.closedRequests }
        return RequestSource.requestsPerBurst(
            perSecond: rate, burstNs: burstNs, atLeast: max(workload.groupSize, 16))
    }

    /// The warm-up and the counted bursts of a round. The warm-up takes the requests of the burst
    /// before the first, so that successive rounds go on through a trace without a gap.
    func script(round: Int, bursts: Int, clock: ClockCalibration) throws -> PipelineScript {
        let events = try (0...bursts).map { burst in
            let number = round * bursts + burst
            switch content {
            case .trace(let stretches):
                return stretches.stretch(number, count: requestsPerBurst)
            case .synthetic(let process):
                var configuration = SyntheticTraffic.Configuration()
                configuration.seed = seed &+ UInt64(number) &* 0x9E37_79B9
                configuration.deviceCount = workload.devices
                configuration.pasidCount = workload.pasids
                configuration.groupSize = .fixed(workload.groupSize)
                configuration.openGroupCount = workload.openGroups
                configuration.arrivals = process
                return try SyntheticTraffic(configuration).events(count: requestsPerBurst)
            }
        }
        let script = try PipelineScript(events, clock: clock, name: workload.name)
        guard script.largestGroup <= workload.credits else {
            script.deallocate()
            throw SuiteError(
                "\(workload.name): expected credits for the largest group's "
                    + "\(script.largestGroup) pages, found \(workload.credits)")
        }
        return script
    }
}

extension ArrivalProcess {
    /// Nil for as fast as possible.
    var meanPerSecond: Double? {
        switch self {
        case .poisson(let rate), .uniform(let rate): rate
        case .bursts(let rate, let length, let idleNs):
            Double(length) * 1e9 / (Double(length) * 1e9 / rate + Double(idleNs))
        case .asFastAsPossible: nil
        }
    }
}
