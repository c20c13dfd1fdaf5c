import FaultModel
import FaultOracle
import FaultQueues
import Glibc
import Measurement
import Placement
import Results
import Synchronization

/// One round of one cell: threads pinned and started, a canary, a warm-up burst, the counted
/// bursts, a canary. Correctness is checked in the same bursts that are timed.
struct RingTrial {
    let scheme: RingScheme
    let workload: RingWorkload
    let topology: Topology
    /// One CPU per thread, the consumers' first.
    let cpus: [Int]
    let isOversubscribed: Bool
    let clock: ClockCalibration
    let bursts: Int
    let burstNs: Double
    var thinkPasses: UInt64
    let seed: UInt64
    /// Closed loops only: requests carry a time stamp, to show what that costs.
    var stamps = false
    var runsCanary = true
    /// Open loops only: for each burst, the warm-up first, one list per producer.
    var schedules: [[[ScheduledRequest]]] = []

    /// Samples that a consumer keeps from one burst; 2 ms of the fastest round trips.
    static let samplesPerBurst = 32768

    /// Runs the round.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned or was moved.
    func run(index: Int) throws -> RoundRecord {
        let shared = TrialState(self)
        var threads: [PinnedThread] = []
        do {
            for (place, cpu) in cpus.enumerated() {
                let isConsumer = place < workload.consumers
                let number = isConsumer ? place : place - workload.consumers
                threads.append(
                    try PinnedThread.start(
                        name: isConsumer ? "fault-\(number)" : "device-\(number)", cpu: cpu,
                        on: topology
                    ) {
                        guard shared.waitForLaunch() else { return }
                        if isConsumer {
                            ConsumerThread(trial: self, shared: shared, number: number).run()
                        } else {
                            ProducerThread(trial: self, shared: shared, number: number).run()
                        }
                    })
            }
        } catch {
            shared.launch(false)
            for thread in threads { try? thread.join() }
            throw error
        }
        shared.launch(true)
        for thread in threads { try thread.join() }
        return shared.record(index: index)
    }

    /// Rings of the trial: one, or there and back.
    var configuration: RingConfiguration { workload.configuration(producers: workload.producers) }

    /// Whether the canary has two CPUs to play between.
    var hasCanary: Bool {
        runsCanary && !isOversubscribed && cpus[0] != cpus[workload.consumers]
    }
}

/// What the threads of a trial share beside the burst's words. Written by one thread between two
/// meetings and read by others after, or under the lock.
final class TrialState: @unchecked Sendable {
    let trial: RingTrial
    let words: UnsafeMutablePointer<BurstWords>
    let canary = Canary()
    /// The ring, and for round trips the way back; set by consumer 0.
    var rings: [any AnyObject & Sendable] = []
    /// Common start of the next burst; set by consumer 0.
    var startTicks: UInt64 = 0
    var canaryNs: [Double?] = []
    private let outcomes = Mutex<[ThreadOutcome]>([])
    private let endpoints = Mutex<Void>(())
    private let launched = Atomic<Int>(0)

    init(_ trial: RingTrial) {
        self.trial = trial
        words = allocateShared(initial: BurstWords())
    }

    deinit { freeShared(words, count: 1) }

    func launch(_ isComplete: Bool) {
        launched.store(isComplete ? 1 : -1, ordering: .releasing)
    }

    /// False where the trial is off because a thread could not be started.
    func waitForLaunch() -> Bool {
        var wait = SpinWait()
        while true {
            let state = launched.load(ordering: .acquiring)
            if state != 0 { return state == 1 }
            wait.wait()
        }
    }

    func meet() { words.pointee.meet(parties: trial.cpus.count) }

    /// Rings hand out endpoints to one thread at a time.
    func makingEndpoint<Result>(_ make: () -> Result) -> Result {
        let result = endpoints.withLock { _ in UncheckedBox(value: make()) }
        return result.value
    }

    func finish(_ outcome: ThreadOutcome) { outcomes.withLock { $0.append(outcome) } }

    /// The round, once every thread has been joined.
    func record(index: Int) -> RoundRecord {
        let all = outcomes.withLock { $0 }
        let producers = all.filter { !$0.isConsumer }.sorted { $0.number < $1.number }
        let consumers = all.filter(\.isConsumer).sorted { $0.number < $1.number }
        return RoundAssembly(
            trial: trial, index: index, producers: producers, consumers: consumers,
            canaryNs: canaryNs
        ).record()
    }
}

/// Carries a value that is not Sendable out of a closure that one thread runs.
private struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
}

/// What one thread brings home.
struct ThreadOutcome: Sendable {
    let isConsumer: Bool
    let number: Int
    let cpu: Int
    /// The counted bursts, in order.
    var bursts: [BurstOutcome] = []
    var allocatedBytes: UInt64?
    var overflowed = 0
    /// Producers: the accepted requests, warm-up included. Consumers: the delivered ones.
    var requests: UInt64 = 0
    var view: DeliveryView?
    var droppedSamples: UInt64 = 0
}

/// One thread's part of one burst.
struct BurstOutcome: Sendable {
    var operations = 0
    var failedTries = 0
    var durationTicks: UInt64 = 0
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
