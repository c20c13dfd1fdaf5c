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
    /// One CPU per thread of the workload, the workers' first.
    let cpus: [Int]
    let isOversubscribed: Bool
    let clock: ClockCalibration
    let bursts: Int
    var burstNs: Double
    /// Passes of an empty loop per nanosecond, for service and submit times.
    let passesPerNs: Double
    let seed: UInt64
    /// Off where only what the threads do matters.
    var runsCanary = true
    /// Instead of as many samples as a burst can have.
    var sampleLimit: Int?

    /// Requests of a lane that the port can tell apart, and so the most of one burst.
    static let entriesPerLane = 1 << 18
    /// The most flushes of one burst.
    var flushesPerBurst: Int {
        if workload.observe == .flushLatency { return FlushBurst.mostPerBurst }
        guard let plan = workload.flusher else { return 0 }
        // A late one may be followed by one at once.
        return 2 * Int(burstNs) / (plan.everyUs * 1000) + 4
    }
    /// Samples kept from one burst: all that its reports or its flushes can be.
    var samplesPerBurst: Int {
        sampleLimit
            ?? (workload.observe == .flushLatency ? flushesPerBurst : Self.entriesPerLane)
    }
    /// The same of one who answers: every group of the reporters, and those of flushes.
    var answersPerBurst: Int {
        sampleLimit
            ?? workload.reporters * Self.entriesPerLane / workload.groupSize
            + FlushBurst.ownGroups * flushesPerBurst
    }

    /// Runs the round.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned or was moved.
    func run(index: Int) throws -> RoundRecord {
        let shared = ReportingState(self, index: index)
        try shared.run(cpus: allCPUs, on: topology, name: { role(of: $0).threadName }) { place in
            ReportingThread(trial: self, shared: shared, place: place).run()
        }
        return shared.record(index: index)
    }

    /// Whether the canary has two CPUs to play between.
    var hasCanary: Bool { runsCanary && !isOversubscribed && cpus.count > 1 && cpus[0] != cpus[1] }

    func passes(_ ns: Double) -> Int { Int(ns * passesPerNs) }

    func role(of place: Int) -> ReportingRole {
        let firstResponder = workload.workers + workload.reporters
        if place < workload.workers { return .worker(place) }
        if place < firstResponder { return .reporter(place - workload.workers) }
        if place < workload.threads { return .responder(place - firstResponder) }
        return workload.flusher != nil ? .flusher : .churner
    }

    /// With that of the thread beside the workload, at the end.
    var allCPUs: [Int] { cpus + (workload.hasBystander ? [bystander.cpu] : []) }

    /// Where the thread beside the workload runs, and whether it may spin there: on a core that
    /// nobody of the workload uses, or else a CPU, or else the first worker's.
    var bystander: (cpu: Int, isAlone: Bool) {
        guard let spare = topology.shape.spareCPU(besides: cpus) else { return (cpus[0], false) }
        return (spare.cpu, spare.isOnOwnCore)
    }
}

/// What a thread of a reporting trial is, and its number among its like.
enum ReportingRole: Sendable, Equatable {
    case worker(Int), reporter(Int), responder(Int), flusher, churner

    var threadName: String {
        switch self {
        case .worker(let number): "worker-\(number)"
        case .reporter(let lane): "fault-\(lane)"
        case .responder(let number): "responder-\(number)"
        case .flusher: "flusher"
        case .churner: "churner"
        }
    }

    /// As a thread's record says.
    var recordName: String {
        switch self {
        case .worker: "consumer"
        case .reporter: "producer"
        case .responder: "responder"
        case .flusher: "flusher"
        case .churner: "churner"
        }
    }
}

/// What the threads of a reporting trial share.
final class ReportingState: TrialMeeting, @unchecked Sendable {
    let trial: ReportingTrial
    /// A lane for each reporter, and one for the flushed PASID.
    let port: ResponsePort
    let flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    /// Pages whose handling fails, and groups that nobody answers.
    let failing: TagShare
    let silent: TagShare
    /// Where devices come and go.
    let phases: DevicePhases?
    let seen: SeenPages?
    /// From each worker to each responder, the worker's side by side.
    let handOvers: UnsafeMutablePointer<GroupHandOver>?
    private let round: UInt64
    /// Set by the first thread.
    var instance: ReportingInstance?
    private var outcomes: [ReportingOutcome] = []

    init(_ trial: ReportingTrial, index: Int) {
        self.trial = trial
        let workload = trial.workload
        round = UInt64(index)
        port = ResponsePort(
            lanes: workload.reporters + 1, entries: ReportingTrial.entriesPerLane,
            submitPasses: trial.passes(workload.submitNs))
        flushes = allocateShared(initial: PaddedAtomic<UInt64>(0))
        let salt = trial.seed &+ UInt64(index) << 32
        failing = TagShare(workload.errorShare, salt: salt)
        silent = TagShare(workload.answers?.silentShare ?? 0, salt: salt &+ 1)
        let isChurned = workload.churn != nil
        phases = isChurned ? DevicePhases(devices: workload.devices) : nil
        seen =
            isChurned
            ? SeenPages(lanes: workload.reporters, entries: ReportingTrial.entriesPerLane) : nil
        let pairs = workload.workers * workload.responders
        let capacity = HeldGroups.capacity(workload.answers?.window ?? 1)
        handOvers =
            pairs > 0
            ? allocateShared(count: pairs) { _ in GroupHandOver(capacity: capacity) } : nil
        super.init(parties: trial.allCPUs.count)
    }

    deinit {
        port.deallocate()
        freeShared(flushes, count: 1)
        phases?.deallocate()
        seen?.deallocate()
        if let handOvers {
            let pairs = trial.workload.workers * trial.workload.responders
            for pair in 0..<pairs { handOvers[pair].deallocate() }
            freeShared(handOvers, count: pairs)
        }
    }

    /// A thread's own random numbers begin here.
    func seed(of place: Int) -> UInt64 {
        var random = SeededGenerator(seed: trial.seed, stream: round << 16 | UInt64(place))
        return random.next()
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
                    "left behind: \(census) (after a discard of \(dropped))")
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
    let role: ReportingRole
    let cpu: Int
    var bursts: [BurstOutcome] = []
    var allocatedBytes: UInt64?
    /// Groups that it completed.
    var groups = 0
    var handledGroups = 0
    /// Groups of its own that a flush or a removal answered.
    var settledGroups = 0
    /// Answers of its own that were not sent because somebody else had sent one.
    var lateAnswers = 0
    /// Latencies in nanoseconds that are not the cell's headline, by name.
    var otherLatenciesNs: [String: [UInt64]] = [:]
    /// Beside them, of the counted bursts.
    var counts: [String: Int] = [:]
    /// A sentence each.
    var violations: [String] = []
}
