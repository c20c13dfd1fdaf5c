import CPlatform
import FaultQueues
import Glibc

/// The words that the threads of one trial share: where they meet, and when they stop.
///
/// Overlap: every thread of the trial, at the same time, except `prepare`.
public struct BurstWords: ~Copyable {
    /// Set by the timekeeper at the end of the overlap, read by everybody in every pass.
    @usableFromInline let stop = PaddedAtomic<UInt64>(0)
    /// Producers that have made their last call in this burst.
    @usableFromInline let finishedProducers = PaddedAtomic<Int>(0)
    /// Workers that have handed over their last group in this burst.
    @usableFromInline let finishedWorkers = PaddedAtomic<Int>(0)
    private let arrived = PaddedAtomic<Int>(0)
    private let generation = PaddedAtomic<Int>(0)

    init() {}

    /// Back to the state before a burst; between two meetings, by one thread.
    func prepare() {
        stop.value.store(0, ordering: .relaxed)  // published by the next meeting
        finishedProducers.value.store(0, ordering: .relaxed)  // published by the next meeting
        finishedWorkers.value.store(0, ordering: .relaxed)  // published by the next meeting
    }

    /// Returns when `parties` threads have called it. What each wrote before, all see after.
    ///
    /// Waits by spinning, then by yielding, so that it ends with all threads on one CPU.
    func meet(parties: Int) {
        let mine = generation.value.load(ordering: .relaxed)  // cannot move before this arrival
        if arrived.value.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == parties {
            arrived.value.store(0, ordering: .relaxed)  // published by the new generation
            generation.value.store(mine &+ 1, ordering: .releasing)
            return
        }
        var wait = SpinWait()
        while generation.value.load(ordering: .acquiring) == mine { wait.wait() }
    }

    /// Tells the consumers that one producer more has made its last call.
    @usableFromInline
    func finishProducer() {
        finishedProducers.value.wrappingAdd(1, ordering: .releasing)
    }

    /// Tells the responders that one worker more has handed over its last group.
    @usableFromInline
    func finishWorker() {
        finishedWorkers.value.wrappingAdd(1, ordering: .releasing)
    }
}

/// How a measured loop waits after a failed try: one pause, and a yield once it has failed so often
/// in a row that whoever it waits for can hardly be running. The same for every scheme.
@frozen
public struct PollWait: BitwiseCopyable, Sendable {
    @usableFromInline let patience: UInt32
    @usableFromInline var failures: UInt32 = 0

    /// Where each thread has a CPU, 4096 pauses are about 0.1 ms, far beyond any hand-over; where
    /// they share, giving way early is the only way on.
    public init(isOversubscribed: Bool) { patience = isOversubscribed ? 4 : 4096 }

    /// After a failed try.
    @inlinable
    public mutating func failed() {
        fq_pause()
        failures &+= 1
        if failures >= patience { yieldSlow() }
    }

    /// After one that succeeded.
    @inlinable
    public mutating func succeeded() { failures = 0 }

    @usableFromInline @inline(never)
    mutating func yieldSlow() {
        failures = 0
        sched_yield()
    }
}

/// Randomised work between operations, so that the owner of a cache line does not run alone for
/// long stretches: passes of an empty loop, uniform in 0 ..< bound.
@frozen
public struct ThinkTime: BitwiseCopyable, Sendable {
    @usableFromInline let bound: UInt64
    @usableFromInline var state: UInt64

    /// - Parameter bound: Passes, below 2³¹; 0 for none.
    public init(bound: UInt64, seed: UInt64) {
        self.bound = bound
        state = seed
    }

    /// Passes of the next wait.
    @inlinable
    mutating func draw() -> UInt64 {
        // A linear congruential step (Knuth's MMIX constants): two instructions, and nothing here
        // needs more than its high bits.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // 31 random bits times the bound, less 31 bits. Shifts bind tighter than products.
        return ((state >> 33) &* bound) >> 31
    }

    @inlinable
    public mutating func pass() {
        if bound == 0 { return }
        var left = draw()
        while left > 0 {
            fq_opaque(left)
            left &-= 1
        }
    }
}
