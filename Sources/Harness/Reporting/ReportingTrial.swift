import FaultModel
import FaultQueues
import Measurement
import Placement
import Results

/// One round of one reporting cell: threads pinned and started, a canary, a warm-up burst, the
/// counted bursts, a canary; then what must be left of it, which is nothing.
struct ReportingTrial {
    let scheme: ReportingScheme
    let workload: ReportingWorkload
    let topology: Topology
    /// One CPU per thread, the workers' first.
    let cpus: [Int]
    let isOversubscribed: Bool
    let clock: ClockCalibration
    let bursts: Int
    let burstNs: Double
    /// Passes of an empty loop per nanosecond, for service and submit times.
    let passesPerNs: Double

    /// Requests of a lane that the port can tell apart, and so the most of one burst.
    static let entriesPerLane = 1 << 18
    /// Samples kept from one burst: all that a burst's reports can be, or flushes of 100 ns.
    var samplesPerBurst: Int {
        workload.observe == .flushLatency ? Int(burstNs / 100) + 1024 : Self.entriesPerLane
    }

    /// Runs the round.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned or was moved.
    func run(index: Int) throws -> RoundRecord {
        let shared = ReportingState(self)
        try shared.run(
            cpus: cpus, on: topology,
            name: { $0 < workload.workers ? "worker-\($0)" : "fault-\($0 - workload.workers)" }
        ) { place in
            ReportingThread(trial: self, shared: shared, place: place).run()
        }
        return shared.record(index: index)
    }

    /// Whether the canary has two CPUs to play between.
    var hasCanary: Bool { !isOversubscribed && cpus.count > 1 && cpus[0] != cpus[1] }

    func passes(_ ns: Double) -> Int { Int(ns * passesPerNs) }
}

/// What the threads of a reporting trial share.
final class ReportingState: TrialMeeting, @unchecked Sendable {
    let trial: ReportingTrial
    /// A lane for each reporter, and one for the flushed PASID.
    let port: ResponsePort
    let flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    /// Set by the first thread.
    var instance: ReportingInstance?
    private var outcomes: [ReportingOutcome] = []

    init(_ trial: ReportingTrial) {
        self.trial = trial
        port = ResponsePort(
            lanes: trial.workload.reporters + 1, entries: ReportingTrial.entriesPerLane,
            submitPasses: trial.passes(trial.workload.submitNs))
        flushes = allocateShared(initial: PaddedAtomic<UInt64>(0))
        super.init(parties: trial.cpus.count)
    }

    deinit {
        port.deallocate()
        freeShared(flushes, count: 1)
    }

    func finish(_ outcome: ReportingOutcome) { alone { outcomes.append(outcome) } }

    /// The round, once every thread has been joined: the figures, and the last checks.
    func record(index: Int) -> RoundRecord {
        let all = outcomes.sorted { $0.place < $1.place }
        var violations: [String] = []
        if let instance {
            let dropped = instance.discardPartial()
            let census = instance.census()
            if census != ReportingCensus() {
                violations.append(
                    "left behind: \(census.partialPages) partial pages, \(census.queuedGroups) "
                        + "queued groups, \(census.nodesOut) nodes (after a discard of \(dropped))")
            }
        }
        return ReportingRound(
            trial: trial, index: index, threads: all, canaryNs: canaryNs, violations: violations
        ).record()
    }
}

/// What one thread brings home.
struct ReportingOutcome: Sendable {
    let place: Int
    let isWorker: Bool
    let cpu: Int
    var bursts: [BurstOutcome] = []
    var allocatedBytes: UInt64?
    var groups: UInt64 = 0
    var handledGroups = 0
    /// A sentence each.
    var violations: [String] = []
}
