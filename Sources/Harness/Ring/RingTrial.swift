import FaultModel
import FaultOracle
import FaultQueues
import Glibc
import Measurement
import Placement
import Results

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

    /// Samples kept from one burst: one per 40 ns, faster than any round trip through two rings,
    /// and never fewer than an open loop can offer.
    var samplesPerBurst: Int {
        max(2 * RequestSource.maximumRequestsPerBurst, Int(burstNs / 40))
    }

    /// Runs the round.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned or was moved.
    func run(index: Int) throws -> RoundRecord {
        let shared = TrialState(self)
        try shared.run(
            cpus: cpus, on: topology,
            name: { $0 < workload.consumers ? "fault-\($0)" : "device-\($0 - workload.consumers)" }
        ) { place in
            if place < workload.consumers {
                ConsumerThread(trial: self, shared: shared, number: place).run()
            } else {
                ProducerThread(
                    trial: self, shared: shared, number: place - workload.consumers
                ).run()
            }
        }
        return shared.record(index: index)
    }

    /// Rings of the trial: one, or there and back.
    var configuration: RingConfiguration { workload.configuration(producers: workload.producers) }

    /// Whether the canary has two CPUs to play between.
    var hasCanary: Bool {
        runsCanary && !isOversubscribed && cpus[0] != cpus[workload.consumers]
    }
}

/// What the threads of a ring's trial share.
final class TrialState: TrialMeeting, @unchecked Sendable {
    let trial: RingTrial
    /// The ring, and for round trips the way back; set by consumer 0.
    var rings: [any AnyObject & Sendable] = []
    private var outcomes: [ThreadOutcome] = []

    init(_ trial: RingTrial) {
        self.trial = trial
        super.init(parties: trial.cpus.count)
    }

    func finish(_ outcome: ThreadOutcome) { alone { outcomes.append(outcome) } }

    /// The round, once every thread has been joined.
    func record(index: Int) -> RoundRecord {
        let producers = outcomes.filter { !$0.isConsumer }.sorted { $0.number < $1.number }
        let consumers = outcomes.filter(\.isConsumer).sorted { $0.number < $1.number }
        return RoundAssembly(
            trial: trial, index: index, producers: producers, consumers: consumers,
            canaryNs: canaryNs
        ).record()
    }
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
