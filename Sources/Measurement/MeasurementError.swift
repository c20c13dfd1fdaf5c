/// Why this machine cannot be measured on, or measuring could not be set up.
///
/// Every case means an unfit environment, not a mistake of the caller's.
public enum MeasurementError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The time-stamp counter changes its rate, so that ticks are not a time.
    case counterNotInvariant
    /// Two attempts at calibration ended with segments that disagree.
    ///
    /// - Parameters:
    ///   - outliers: Segments of the last attempt that were off their median by more than the
    ///   bound.
    ///   - segments: Segments of that attempt.
    ///   - worstDeviation: The largest distance from the median, as a share of it.
    case calibrationUnsteady(outliers: Int, segments: Int, worstDeviation: Double)
    /// `sigaction` failed; the value is its errno.
    case stopSignalUnavailable(errno: Int32)

    public var description: String {
        switch self {
        case .counterNotInvariant:
            return "time-stamp counter: not invariant on this machine (CPUID 0x80000007, EDX bit"
                + " 8); expected one rate in every power state"
        case .calibrationUnsteady(let outliers, let segments, let worstDeviation):
            let partsPerMillion = Int((min(worstDeviation, 1e6) * 1e6).rounded())
            let bound = Int((ClockCalibration.maximumDisagreement * 1e6).rounded())
            return "clock calibration: \(outliers) of \(segments) segments disagree, by up to"
                + " \(partsPerMillion) ppm; expected at most \(segments / 4) beyond \(bound) ppm"
        case .stopSignalUnavailable(let code):
            return "sigaction(SIGINT, SIGTERM, SIGHUP): errno \(code); expected to handle each once"
        }
    }
}
