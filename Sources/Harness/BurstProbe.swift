import Measurement

/// One thread's part of one burst.
struct BurstOutcome: Sendable {
    var operations = 0
    var failedTries = 0
    var durationTicks: UInt64 = 0
    /// Where a trial's bursts are timed from thread to thread: by the thread's own clock.
    var startTicks: UInt64 = 0
    var endTicks: UInt64 = 0
    var counters: ThreadCounters
    var stealNs: UInt64 = 0
    /// Latencies in nanoseconds.
    var latenciesNs: [UInt64] = []
}

/// Reads a thread's own counters around a burst.
struct BurstProbe: ~Copyable {
    private let probe = ThreadProbe()
    private let machine: MachineProbe
    private let allocations = AllocationCounters.current()
    private var before: ThreadCounters
    private var stealBefore: UInt64 = 0
    private var bytesBefore: UInt64 = 0
    /// Bytes allocated inside bursts so far; nil where the allocator cannot be asked.
    private(set) var allocatedBytes: UInt64?

    init(cpus: [Int]) {
        machine = MachineProbe(cpus: cpus)
        before = probe.counters()
        allocatedBytes = allocations == nil ? nil : 0
    }

    mutating func begin() {
        stealBefore = machine.counters().totalStealNs
        before = probe.counters()
        bytesBefore = allocations?.allocatedBytes ?? 0
    }

    /// What the burst just ended did to the thread.
    mutating func end() -> BurstOutcome {
        if let allocations {
            allocatedBytes = allocatedBytes.map { $0 + allocations.allocatedBytes - bytesBefore }
        }
        var outcome = BurstOutcome(counters: probe.counters() - before)
        outcome.stealNs = machine.counters().totalStealNs - stealBefore
        return outcome
    }
}
