import CPlatform
import Glibc

/// How ticks become nanoseconds on this machine, measured and not looked up.
///
/// The rate is the slope of the counter against CLOCK_MONOTONIC_RAW over several segments. A
/// segment whose own slope is off the median of all by more than `maximumDisagreement` is an
/// outlier (the hypervisor may stop the machine between two readings) and does not count. More than
/// a quarter of outliers, and the whole calibration is refused; it is tried once more before that
/// is an error.
///
/// A value: any thread may use it at any time.
public struct ClockCalibration: Sendable, Equatable {
    /// Ticks per second against CLOCK_MONOTONIC_RAW.
    public let ticksPerSecond: Double
    /// Length of the segments that the rate comes from, in nanoseconds.
    public let calibrationNs: Double
    /// Cost of one `Ticks.now()` as this build compiles it: the median of many batches.
    public let costNs: Double
    /// Smallest step other than zero between two ordered readings in a row. It is the counter's own
    /// step where that is coarser than a reading takes (10 ns on some virtual machines whose ticks
    /// are 0.4 ns long), and otherwise the time of a reading; in both cases nothing shorter can be
    /// resolved.
    public let stepNs: Double
    /// Whether the counter runs at one rate in every power state.
    public let isInvariant: Bool

    @usableFromInline let nanosecondsPerTick: Double
    @usableFromInline let ticksPerNanosecond: Double

    /// Largest distance of a segment's slope from the median of all, as a share of it: 100 ppm.
    public static let maximumDisagreement = 1e-4
    /// Shortest calibration that is accepted, in nanoseconds.
    public static let minimumDurationNs: UInt64 = 300_000_000

    /// A calibration from its figures, as a test or a reader of old results builds it.
    ///
    /// - Precondition: `ticksPerSecond` is finite and greater than zero.
    public init(
        ticksPerSecond: Double, calibrationNs: Double, costNs: Double, stepNs: Double,
        isInvariant: Bool
    ) {
        precondition(
            ticksPerSecond.isFinite && ticksPerSecond > 0, "a clock needs a rate above zero")
        self.ticksPerSecond = ticksPerSecond
        self.calibrationNs = calibrationNs
        self.costNs = costNs
        self.stepNs = stepNs
        self.isInvariant = isInvariant
        nanosecondsPerTick = 1e9 / ticksPerSecond
        ticksPerNanosecond = ticksPerSecond / 1e9
    }

    /// Measures the calling thread's machine; sleeps for most of `durationNs`.
    ///
    /// - Parameters:
    ///   - durationNs: At least `minimumDurationNs`; the retry takes as long again.
    ///   - segments: How many slopes are compared, 4…1000.
    ///   - allowsVariantCounter: Goes on where the counter is not invariant. The result says so.
    /// - Throws: `counterNotInvariant`, `calibrationUnsteady`.
    public static func measure(
        durationNs: UInt64 = 320_000_000, segments: Int = 8, allowsVariantCounter: Bool = false
    ) throws(MeasurementError) -> ClockCalibration {
        precondition(durationNs >= minimumDurationNs, "a calibration takes at least 300 ms")
        precondition((4...1000).contains(segments), "a calibration compares 4 to 1000 segments")
        let isInvariant = fq_ticks_invariant()
        guard isInvariant || allowsVariantCounter else { throw .counterNotInvariant }
        let slope = try steadySlope {
            readings(durationNs: durationNs, segments: segments)
        }
        let perTick = 1e9 / slope.ticksPerSecond
        return ClockCalibration(
            ticksPerSecond: slope.ticksPerSecond, calibrationNs: slope.coveredNs,
            costNs: readingCost() * perTick, stepNs: Double(smallestStep()) * perTick,
            isInvariant: isInvariant)
    }

    /// Nanoseconds that `ticks` take, rounded to the nearest. Exact to 1 ns up to a month.
    @inlinable
    public func nanoseconds(fromTicks ticks: UInt64) -> UInt64 {
        Self.rounded(Double(ticks) * nanosecondsPerTick)
    }

    /// Ticks in so many nanoseconds, rounded to the nearest; `UInt64.max` where they do not fit.
    @inlinable
    public func ticks(fromNanoseconds nanoseconds: UInt64) -> UInt64 {
        Self.rounded(Double(nanoseconds) * ticksPerNanosecond)
    }

    @inlinable
    static func rounded(_ value: Double) -> UInt64 {
        value < 0x1p64 - 2048 ? UInt64(value + 0.5) : .max
    }
}

extension ClockCalibration {
    /// The two clocks at one moment, as near as they can be read.
    struct Reading: Equatable {
        var ticks: UInt64
        var ns: UInt64
    }

    /// The rate over the segments that agree.
    struct Slope: Equatable {
        var ticksPerSecond: Double
        var coveredNs: Double
    }

    /// The slope of `attempt()`, or of a second one where the first is refused.
    static func steadySlope(
        _ attempt: () -> [Reading]
    ) throws(MeasurementError) -> Slope {
        do {
            return try slope(through: attempt())
        } catch {
            return try slope(through: attempt())
        }
    }

    /// The common slope of the segments between neighbouring readings.
    ///
    /// - Precondition: at least two readings.
    static func slope(through readings: [Reading]) throws(MeasurementError) -> Slope {
        precondition(readings.count >= 2, "a slope needs two readings")
        let segments = zip(readings, readings.dropFirst()).map { first, second in
            // A clock that stands still or runs backwards gives a segment that agrees with nothing.
            second.ns > first.ns && second.ticks > first.ticks
                ? (ticks: Double(second.ticks - first.ticks), ns: Double(second.ns - first.ns))
                : (ticks: 0, ns: 1)
        }
        let rates = segments.map { $0.ticks / $0.ns }
        let median = rates.sorted()[rates.count / 2]
        let deviations = rates.map { median > 0 ? abs($0 / median - 1) : .infinity }
        let kept = zip(segments, deviations).filter { $0.1 <= maximumDisagreement }.map(\.0)
        let outliers = segments.count - kept.count
        guard outliers * 4 <= segments.count else {
            throw .calibrationUnsteady(
                outliers: outliers, segments: segments.count,
                worstDeviation: deviations.max() ?? 0)
        }
        let coveredNs = kept.reduce(0) { $0 + $1.ns }
        return Slope(
            ticksPerSecond: kept.reduce(0) { $0 + $1.ticks } * 1e9 / coveredNs,
            coveredNs: coveredNs)
    }

    /// `segments` + 1 readings, spread over the whole duration.
    private static func readings(durationNs: UInt64, segments: Int) -> [Reading] {
        // Rounded up, so that the segments together are never shorter than what was asked for.
        let pauseNs = (durationNs + UInt64(segments) - 1) / UInt64(segments)
        var result = [reading()]
        result.reserveCapacity(segments + 1)
        for _ in 0..<segments {
            sleep(untilNs: result[result.count - 1].ns + pauseNs)
            result.append(reading())
        }
        return result
    }

    /// Of many pairs the one whose three readings lie closest together: an interrupt between them
    /// would otherwise be taken for the rate.
    private static func reading() -> Reading {
        var best = Reading(ticks: 0, ns: 0)
        var narrowest = UInt64.max
        for _ in 0..<64 {
            let before = Ticks.nowOrdered()
            let ns = monotonicRawNs()
            let after = Ticks.nowOrdered()
            if after &- before < narrowest {
                narrowest = after &- before
                best = Reading(ticks: before &+ narrowest / 2, ns: ns)
            }
        }
        return best
    }

    /// CLOCK_MONOTONIC_RAW cannot be slept on, so the sleep is by another clock and checked by it.
    private static func sleep(untilNs end: UInt64) {
        var now = monotonicRawNs()
        while now < end {
            let left = end - now
            var request = timespec(
                tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
            nanosleep(&request, nil)
            now = monotonicRawNs()
        }
    }

    static func monotonicRawNs() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_RAW, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Ticks that one reading takes: the median over batches, because a batch may be interrupted.
    private static func readingCost() -> Double {
        let readingsPerBatch = 256
        var batches: [UInt64] = []
        batches.reserveCapacity(201)
        for _ in 0..<201 {
            let start = Ticks.nowOrdered()
            for _ in 0..<readingsPerBatch {
                fq_opaque(Ticks.now())
            }
            batches.append(Ticks.nowOrdered() &- start)
        }
        batches.sort()
        return Double(batches[batches.count / 2]) / Double(readingsPerBatch)
    }

    /// Ticks of the smallest step. A counter coarser than its reading repeats values, so zero steps
    /// are skipped; a slow one (arm64: 1 GHz down to 1 MHz) still steps within the tries.
    ///
    /// Readings are ordered: a processor whose counter moves in steps of many ticks may add one
    /// tick to a second reading within a step, so that plain readings increase by 1 without
    /// resolving it.
    private static func smallestStep() -> UInt64 {
        var smallest = UInt64.max
        var previous = Ticks.nowOrdered()
        var steps = 0
        var tries = 0
        while steps < 20_000, tries < 1_000_000 {
            let current = Ticks.nowOrdered()
            if current > previous {
                smallest = min(smallest, current - previous)
                steps += 1
            }
            previous = current
            tries += 1
        }
        return smallest == .max ? 0 : smallest
    }
}
