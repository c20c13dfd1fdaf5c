import CPlatform
import Glibc

/// Delays at the places where threads meet: before a lock, with it held, at an allocation. They
/// widen every window between two accesses, so that a race needs no luck, on one CPU as on many.
///
/// The checked lock and the checked node memory call `point()`; broken twins call `gap()` at the
/// place that is broken. Nothing that is measured calls either.
public enum Disturbance {
    /// How many of 1024 points delay; 0 switches all of it off.
    private static let rate = SharedAtomic<Int>(0)
    private static let seed = SharedAtomic<UInt64>(0)
    /// Points passed, so that each draws a number of its own.
    private static let passed = SharedAtomic<UInt64>(0)

    /// Sets the rate, 0…1024, and what the delays derive from. While no scheme runs.
    public static func set(rate newRate: Int, seed newSeed: UInt64) {
        precondition((0...1024).contains(newRate), "a rate is out of 1024")
        rate.store(newRate, ordering: .relaxed)  // threads are started after this
        seed.store(newSeed, ordering: .relaxed)  // as above
        passed.store(0, ordering: .relaxed)  // as above
    }

    /// A place where two threads may meet.
    public static func point() {
        let rate = rate.load(ordering: .relaxed)  // set before the threads began
        guard rate > 0 else { return }
        let draw = next()
        if Int(truncatingIfNeeded: draw & 1023) < rate { delay(draw >> 10) }
    }

    /// The window of a broken twin: gives the CPU away more often than not.
    public static func gap() {
        guard rate.load(ordering: .relaxed) > 0 else { return }  // set before the threads began
        let draw = next()
        if draw & 3 != 0 { delay(draw >> 2) }
    }

    private static func delay(_ draw: UInt64) {
        switch draw & 15 {
        case 0...7: for _ in 0...(draw >> 4 & 3) { sched_yield() }
        case 8...13: SpinWait.pause(times: UInt32(truncatingIfNeeded: draw >> 4 & 63))
        default: usleep(UInt32(truncatingIfNeeded: draw >> 4 & 127))
        }
    }

    private static func next() -> UInt64 {
        let number = passed.wrappingAdd(1, ordering: .relaxed).newValue  // a number only
        var mixed = (number ^ seed.load(ordering: .relaxed)) &* 0x9E37_79B9_7F4A_7C15  // as above
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        return mixed ^ mixed >> 31
    }
}
