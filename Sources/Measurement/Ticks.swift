import CPlatform

/// The counter that times everything: the time-stamp counter of x86-64, the generic timer of arm64.
///
/// A tick is no unit of time until `ClockCalibration` says how long it is. Any thread may read it
/// at any time; readings of one thread never decrease, and those of different CPUs agree only as
/// well as the machine keeps its counters in step.
public enum Ticks {
    /// The counter now. Not serialised: a few instructions of either side may slide past it.
    @inlinable
    public static func now() -> UInt64 { fq_ticks() }

    /// The counter after every earlier instruction has finished and before a later one starts.
    @inlinable
    public static func nowOrdered() -> UInt64 { fq_ticks_ordered() }
}
