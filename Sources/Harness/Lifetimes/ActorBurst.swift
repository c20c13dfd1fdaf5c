import CPlatform
import FaultQueues
import Measurement

/// What a thread of a lifetime trial carries through a burst. One thread.
public struct ActorBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    @usableFromInline var wait: PollWait
    /// Latencies of one operation each; nil where only the rate counts.
    @usableFromInline let samples: LatencySamples?
    /// The timekeeper's, and of those with samples; `.max` for others.
    @usableFromInline var deadlineTicks: UInt64 = .max
    @usableFromInline var endTicks: UInt64 = 0
    @usableFromInline var operations = 0
    @usableFromInline var failedTries = 0
    @usableFromInline var passesToClock: UInt32 = 1

    init(words: UnsafeMutablePointer<BurstWords>, wait: PollWait, samples: LatencySamples?) {
        self.words = words
        self.wait = wait
        self.samples = samples
    }

    /// Whether the burst goes on; who has a deadline looks at the clock every so many calls.
    @inlinable @inline(__always)
    mutating func goesOn(every passes: UInt32 = 32) -> Bool {
        // Relaxed: it only ends loops.
        if words.pointee.stop.value.load(ordering: .relaxed) != 0 { return false }
        passesToClock &-= 1
        if passesToClock != 0 { return true }
        passesToClock = passes
        if deadlineTicks == .max || Ticks.now() < deadlineTicks { return true }
        words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
        return false
    }

    /// Whether the time is up, for threads that go on until then.
    @inlinable @inline(__always)
    var isStopped: Bool {
        words.pointee.stop.value.load(ordering: .relaxed) != 0  // only ends loops
    }

    /// After the last operation of a burst.
    @inlinable @inline(__always)
    mutating func finish() {
        endTicks = Ticks.now()
        words.pointee.finishProducer()
    }

    /// Whether so many threads have made their last operation.
    @inlinable @inline(__always)
    func haveFinished(_ threads: Int) -> Bool {
        // Acquiring: what they did last is visible to what follows.
        words.pointee.finishedProducers.value.load(ordering: .acquiring) >= threads
    }
}

/// Passes of an empty loop.
@inlinable @inline(__always)
func work(passes: Int) {
    var left = passes
    while left > 0 {
        fq_opaque(UInt64(truncatingIfNeeded: left))
        left &-= 1
    }
}
