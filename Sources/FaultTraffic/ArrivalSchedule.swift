import FaultModel
import Foundation

/// A stream that cannot be generated as asked: one line that names the option and its range.
public struct TrafficConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The option, as the configuration names it.
    public let option: String
    /// What was expected, and what was found.
    public let reason: String

    public init(option: String, _ reason: String) {
        self.option = option
        self.reason = reason
    }

    public var description: String { "\(option): \(reason)" }
}

/// How arrivals are spaced in time. Rates are events per second, positive and finite.
public enum ArrivalProcess: Sendable, Equatable {
    /// Independent arrivals: exponential gaps with mean 1 / rate, the first gap included.
    case poisson(perSecond: Double)
    /// One every 1 / rate, the first at 0.
    case uniform(perSecond: Double)
    /// `length` events at `perSecond`, then `idleNs` after the last one's slot, and again.
    case bursts(perSecond: Double, length: Int, idleNs: UInt64)
    /// Every event is due at 0.
    case asFastAsPossible
}

/// When each of n events is meant to arrive: what an open-loop workload is measured against.
public struct ArrivalSchedule: Sendable, Equatable {
    /// Nanoseconds since the start, ascending.
    public let offsetsNs: [UInt64]

    /// Offsets longer than this (about 292 years) are refused, so that sums cannot overflow.
    static let longestNs = Double(1 << 62)

    /// `count` arrivals of a process; equal seeds give equal schedules.
    ///
    /// - Throws: for a negative count, a rate that is not positive and finite, a burst without
    ///   events, or a schedule longer than 2^62 ns.
    public init(
        _ process: ArrivalProcess, count: Int, seed: UInt64
    ) throws(TrafficConfigurationError) {
        guard count >= 0 else {
            throw TrafficConfigurationError(
                option: "count", "expected zero or more events, not \(count)")
        }
        var random = SeededGenerator(seed: seed, stream: Self.randomStream)
        switch process {
        case .asFastAsPossible:
            offsetsNs = [UInt64](repeating: 0, count: count)
        case .uniform(let perSecond):
            let periodNs = try Self.period(of: perSecond)
            try Self.checkLength(periodNs * Double(count))
            offsetsNs = (0..<count).map { UInt64((Double($0) * periodNs).rounded()) }
        case .poisson(let perSecond):
            let periodNs = try Self.period(of: perSecond)
            // The longest gap that 53 bits of randomness can give is 37 times the mean.
            try Self.checkLength(periodNs * Double(count) * 37)
            var atNs = 0.0
            offsetsNs = (0..<count).map { _ in
                atNs -= log(1 - random.nextUnit()) * periodNs
                return UInt64(atNs.rounded())
            }
        case .bursts(let perSecond, let length, let idleNs):
            let periodNs = try Self.period(of: perSecond)
            guard length > 0 else {
                throw TrafficConfigurationError(
                    option: "arrivals", "expected a burst of one or more events, not \(length)")
            }
            let cycleNs = periodNs * Double(length) + Double(idleNs)
            try Self.checkLength(cycleNs * Double(count / length + 1))
            offsetsNs = (0..<count).map { position in
                let startNs = cycleNs * Double(position / length)
                return UInt64((startNs + periodNs * Double(position % length)).rounded())
            }
        }
    }

    /// The arrivals of a trace, as recorded.
    public init(of trace: Trace) {
        offsetsNs = trace.events.map(\.arrivalNs)
    }

    private init(offsetsNs: [UInt64]) { self.offsetsNs = offsetsNs }

    /// The same schedule with every offset multiplied by `factor`: 0.5 doubles the rate.
    ///
    /// - Throws: as `Trace.scaled(by:)`.
    public func scaled(by factor: Double) throws(TrafficConfigurationError) -> ArrivalSchedule {
        let scale = try TimeScale(factor: factor, longestNs: offsetsNs.last ?? 0)
        return ArrivalSchedule(offsetsNs: offsetsNs.map(scale.apply))
    }

    /// Keeps the arrivals' randomness apart from that of the requests.
    private static let randomStream: UInt64 = 1

    private static func period(of perSecond: Double) throws(TrafficConfigurationError) -> Double {
        guard perSecond > 0, perSecond.isFinite else {
            throw TrafficConfigurationError(
                option: "arrivals",
                "expected a positive, finite number of events per second, not \(perSecond)")
        }
        return 1e9 / perSecond
    }

    private static func checkLength(_ lengthNs: Double) throws(TrafficConfigurationError) {
        guard lengthNs <= longestNs else {
            throw TrafficConfigurationError(
                option: "arrivals", "expected a stream shorter than 2^62 ns; raise the rate")
        }
    }
}

/// A checked factor on times.
struct TimeScale {
    let factor: Double

    init(factor: Double, longestNs: UInt64) throws(TrafficConfigurationError) {
        guard factor > 0, factor.isFinite else {
            throw TrafficConfigurationError(
                option: "scale", "expected a positive, finite factor, not \(factor)")
        }
        guard Double(longestNs) * factor < Double(1 << 62) * 2 else {
            throw TrafficConfigurationError(
                option: "scale", "a factor of \(factor) makes the stream longer than 2^63 ns")
        }
        self.factor = factor
    }

    func apply(_ timeNs: UInt64) -> UInt64 { UInt64((Double(timeNs) * factor).rounded()) }
}
