import CPlatform
import Glibc

/// How a thread waits for a word that another thread will change: a burst of `pause`
/// instructions that doubles with every wait (1, 2, 4, … 64), then `sched_yield` for ever after.
///
/// The bursts are 127 pauses in all. A pause is about 27 ns on the development machine (an EPYC
/// "Milan" guest; 10 to 45 ns elsewhere), so a wait that outlives some 3.4 µs starts to yield. That
/// bound is far above a hand-over between two running threads (about 0.13 µs) and far below a
/// scheduler tick: a waiter never holds for long the CPU that the thread it waits for may need.
/// Every wait therefore ends also where threads outnumber CPUs.
///
/// A value of one thread; make a new one for each wait.
public struct SpinWait: BitwiseCopyable, Sendable {
    /// Pauses of the next burst; above `longestBurst` once the bursts are used up.
    @usableFromInline var burst: UInt32 = 1

    @inlinable
    public init() {}

    /// Pauses in the longest burst.
    @inlinable
    public static var longestBurst: UInt32 { 64 }

    /// Pauses of all bursts together: what is spent before the first yield.
    @inlinable
    public static var pausesBeforeYield: UInt32 { 2 * longestBurst - 1 }

    /// Whether the next wait gives the CPU away.
    @inlinable
    public var isYielding: Bool { burst > Self.longestBurst }

    /// Waits a little, more with every call. Reads no shared memory and orders none.
    @inlinable
    public mutating func wait() {
        if isYielding {
            Self.yieldProcessor()
        } else {
            Self.pause(times: burst)
            burst &<<= 1
        }
    }

    /// Spins for that many pauses.
    @inlinable
    public static func pause(times: UInt32) {
        var left = times
        while left > 0 {
            fq_pause()
            left &-= 1
        }
    }

    /// Lets another runnable thread have this CPU.
    @inline(never)
    public static func yieldProcessor() {
        sched_yield()
    }
}
