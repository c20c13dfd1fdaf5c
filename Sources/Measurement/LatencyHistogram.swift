import Histogram

/// Latencies in nanoseconds, from 1 ns to 100 s, and the percentiles that they can support.
///
/// Histograms of threads and rounds are merged, and percentiles read from the merged one: the mean
/// of percentiles is the percentile of nothing. A table of three digits takes 256 KiB, one of two
/// digits 32 KiB, whatever was recorded.
///
/// A value: one thread at a time may change it. Recording allocates nothing, but the first change
/// to a copy copies the table.
public struct LatencyHistogram: Sendable {
    /// Significant decimal digits that a recorded value keeps.
    public enum Precision: Sendable {
        /// Within 1 %, for tables that a measured thread holds.
        case twoDigits
        /// Within 0.1 %.
        case threeDigits
    }

    /// The table itself, for encoding. Counts are exact, values to the precision.
    public private(set) var histogram: Histogram<UInt64>
    /// Recorded values above `maximumTrackableNs`. Each is in the table, as that maximum.
    public private(set) var clamped: UInt64 = 0

    /// 100 s, the largest value that is told from a larger one.
    public static let maximumTrackableNs: UInt64 = 100_000_000_000
    /// Samples that must lie beyond a percentile before it is given.
    public static let samplesBeyondPercentile = 10.0

    /// An empty histogram. Only those of one precision can be merged.
    public init(precision: Precision = .threeDigits) {
        histogram = Histogram(
            highestTrackableValue: Self.maximumTrackableNs,
            numberOfSignificantValueDigits: precision == .twoDigits ? .two : .three)
    }

    /// Counts one latency in nanoseconds. Zero (shorter than a step of the clock) is kept as zero.
    public mutating func record(_ ns: UInt64) {
        if ns > Self.maximumTrackableNs { clamped += 1 }
        // Cannot be refused: the value is within the range that the table was made for.
        histogram.record(min(ns, Self.maximumTrackableNs))
    }

    /// Counts every sample of a buffer whose owner is done. What the buffer dropped is not here:
    /// see `LatencySamples.dropped`.
    public mutating func record(_ samples: LatencySamples, clock: ClockCalibration) {
        for ticks in samples.samples { record(clock.nanoseconds(fromTicks: ticks)) }
    }

    /// Adds all counts of another: the same as if its values had been recorded here.
    ///
    /// - Precondition: both have the same precision.
    public mutating func merge(_ other: LatencyHistogram) {
        histogram.add(other.histogram)
        clamped += other.clamped
    }

    /// Latencies recorded.
    public var count: UInt64 { histogram.totalCount }

    /// The largest latency, in nanoseconds and exact up to `maximumTrackableNs`; nil when empty.
    public var maximum: UInt64? { count == 0 ? nil : histogram.maxRecorded }

    /// Mean in nanoseconds, to the table's precision; nil when empty.
    public var mean: Double? { count == 0 ? nil : histogram.mean }

    /// The latency in nanoseconds that a share `p` of all did not exceed: the top of the table's
    /// entry that holds it, at most `maximum`.
    ///
    /// - Parameter p: A share, 0…1: 0.99 and not 99.
    /// - Returns: Nil where fewer than `samplesBeyondPercentile` samples lie beyond it, that is
    /// where
    ///   count·(1−p) < 10. So 1 gives nil; the largest value is `maximum`.
    public func percentile(_ p: Double) -> UInt64? {
        precondition(p >= 0 && p <= 1, "a percentile is a share, 0 to 1")
        // 1 − 0.9999 is a little less than 0.0001 in binary; the slack keeps the decimal's meaning.
        let needed = Self.samplesBeyondPercentile * (1 - 1e-9)
        guard Double(count) * (1 - p) >= needed else { return nil }
        return histogram.valueAtPercentile(p * 100)
    }
}
