import CPlatform
import FaultQueues
import Glibc
import Measurement

/// When a thread that is beside the workload acts next. One thread.
public struct BystanderPace {
    private let words: UnsafeMutablePointer<BurstWords>
    private let intervalTicks: UInt64
    private let ticksPerUs: Double
    /// Whether the thread has its CPU to itself, and so may wait without sleeping.
    private let isAlone: Bool
    private let burstTicks: UInt64
    private var nextTicks: UInt64 = 0
    /// A burst ends here for this thread, also where it keeps the timekeeper from ending it.
    private var endTicks: UInt64 = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, everyUs: Int, burstNs: Double,
        clock: ClockCalibration, isAlone: Bool
    ) {
        self.words = words
        self.isAlone = isAlone
        burstTicks = clock.ticks(fromNanoseconds: UInt64(burstNs))
        intervalTicks = clock.ticks(fromNanoseconds: UInt64(everyUs) * 1000)
        ticksPerUs = max(Double(clock.ticks(fromNanoseconds: 1_000_000)) / 1000, 1)
    }

    /// At the begin of a burst, with its first action.
    mutating func begin() {
        let now = Ticks.now()
        nextTicks = now &+ intervalTicks
        endTicks = now &+ burstTicks
    }

    /// Returns at the next time to act, at once where that has passed; false at the burst's end.
    @usableFromInline @inline(never)
    mutating func goesOnSlow() -> Bool {
        while true {
            if words.pointee.stop.value.load(ordering: .relaxed) != 0 { return false }  // ends only
            let now = Ticks.now()
            if now >= endTicks { return false }
            if now >= nextTicks {
                // What was missed is not made up for.
                nextTicks = max(nextTicks &+ intervalTicks, now)
                return true
            }
            if isAlone {
                fq_pause()
            } else {
                // In pieces, so that the end of the burst is seen.
                usleep(UInt32(min(Double(nextTicks &- now) / ticksPerUs + 1, 1000)))
            }
        }
    }
}
