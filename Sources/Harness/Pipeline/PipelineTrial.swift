import FaultModel
import FaultQueues
import Measurement
import Placement
import Results

/// One round of one pipeline cell: threads pinned and started, a canary, a warm-up burst, the
/// counted bursts, a canary; then what must be left of it, which is nothing.
struct PipelineTrial {
    let scheme: ReportingScheme
    let workload: PipelineWorkload
    let topology: Topology
    /// One CPU per thread of the placement: the workers', the fault thread's, the devices'.
    let cpus: [Int]
    let isOversubscribed: Bool
    let clock: ClockCalibration
    /// What to send, the warm-up first. Freed by the caller.
    let script: PipelineScript
    /// Passes of an empty loop per nanosecond, for service and submit times.
    let passesPerNs: Double
    /// Seconds without an answer after which devices that wait for one give up. Far beyond any
    /// pause of a machine, because it fails the trial.
    var patience = 20.0

    /// Counted bursts.
    var bursts: Int { script.bursts.count - 1 }

    /// Every thread's CPU, that of the one which unbinds at the end.
    var allCPUs: [Int] {
        workload.unbindEveryUs == nil
            ? cpus : cpus + [topology.shape.spareCPU(besides: cpus)?.cpu ?? cpus[0]]
    }

    /// Whether the canary has two CPUs to play between.
    var hasCanary: Bool { !isOversubscribed && cpus.count > 1 && cpus[0] != cpus[1] }

    func passes(_ ns: Double) -> Int { Int(ns * passesPerNs) }

    /// Requests that may be in the structure, and some more for those that a device has given up.
    var maximumPages: Int {
        let unanswered = min(
            script.devices.count * workload.credits,
            script.bursts.map(\.pageCount).max() ?? 0)
        return min(max(2 * (unanswered + workload.capacity), 1024), 1 << 20)
    }

    /// Runs the round.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned or was moved.
    func run(index: Int) throws -> RoundRecord {
        let shared = PipelineState(self)
        let workers = workload.workers
        try shared.run(
            cpus: allCPUs, on: topology,
            name: {
                switch PipelineRole(place: $0, of: workload) {
                case .worker: "worker-\($0)"
                case .faultThread: "fault-0"
                case .devices: "device-\($0 - workers - 1)"
                case .unbinder: "unbind-0"
                }
            }
        ) { place in
            PipelineThread(trial: self, shared: shared, place: place).run()
        }
        return shared.record(index: index)
    }
}

/// What a thread of a pipeline trial does, by its place: workers first, then the fault thread, then
/// the devices where they have a thread, then the one that unbinds.
enum PipelineRole {
    case worker, faultThread, devices, unbinder

    init(place: Int, of workload: PipelineWorkload) {
        self =
            place < workload.workers
            ? .worker
            : place == workload.workers
                ? .faultThread
                : place == workload.workers + 1 && workload.deviceThread ? .devices : .unbinder
    }

    /// As a thread's record says it.
    var name: String {
        switch self {
        case .worker: "consumer"
        case .faultThread: "producer"
        case .devices: "devices"
        case .unbinder: "unbind"
        }
    }
}

extension MachineShape {
    /// A CPU that may be used and none of these threads has: on a core that none of them uses where
    /// there is one.
    func spareCPU(besides used: [Int]) -> (cpu: Int, isOnOwnCore: Bool)? {
        let cores = Set(pus.filter { used.contains($0.cpu) }.map(\.core))
        let spare = pus.filter { isAllowed($0.cpu) && !used.contains($0.cpu) }
        if let alone = spare.first(where: { !cores.contains($0.core) }) {
            return (alone.cpu, true)
        }
        return spare.first.map { ($0.cpu, false) }
    }
}

/// What the threads of a pipeline trial share.
final class PipelineState: TrialMeeting, @unchecked Sendable {
    let trial: PipelineTrial
    let port: ResponsePort
    let unbinds: UnsafeMutablePointer<UnbindWords>
    /// When the group that a request completes was meant to arrive, by the request's sequence.
    let intended: UnsafeMutablePointer<UInt64>
    let ring: SPSCRing
    let devices: UnsafeMutablePointer<EmulatedDevices>
    /// Set by the first thread.
    var instance: ReportingInstance?
    private var outcomes: [PipelineOutcome] = []

    init(_ trial: PipelineTrial) {
        self.trial = trial
        port = ResponsePort(
            lanes: trial.script.devices.count, entries: EmulatedDevices.sequences,
            submitPasses: trial.passes(trial.workload.submitNs), keys: trial.script.keys.count)
        unbinds = allocateShared(initial: UnbindWords(keys: trial.script.keys.count))
        intended = allocateShared(count: EmulatedDevices.sequences) { _ in 0 }
        ring = SPSCRing(
            RingConfiguration(capacity: trial.workload.capacity, overflow: .sticky))
        devices = allocateShared(
            initial: EmulatedDevices(
                ring: ring.makeProducer(), words: unbinds, port: port, intended: intended,
                script: trial.script, credits: trial.workload.credits,
                retryTicks: trial.clock.ticks(
                    fromNanoseconds: UInt64(trial.workload.retryUs * 1000)),
                patienceTicks: trial.clock.ticks(
                    fromNanoseconds: UInt64(trial.patience * 1e9))))
        super.init(parties: trial.allCPUs.count)
    }

    deinit {
        devices.pointee.deallocate()
        freeShared(devices, count: 1)
        freeShared(intended, count: EmulatedDevices.sequences)
        freeShared(unbinds, count: 1)
        port.deallocate()
    }

    func finish(_ outcome: PipelineOutcome) { alone { outcomes.append(outcome) } }

    /// The round, once every thread has been joined: the figures, and the last checks.
    func record(index: Int) -> RoundRecord {
        var violations: [String] = []
        if let instance {
            let dropped = instance.discardPartial()
            let census = instance.census()
            if census != ReportingCensus() {
                violations.append(
                    "left behind: \(census) (after a discard of \(dropped))")
            }
        }
        return PipelineRound(
            trial: trial, index: index, threads: outcomes.sorted { $0.place < $1.place },
            canaryNs: canaryNs, violations: violations
        ).record()
    }
}

/// What one thread brings home.
struct PipelineOutcome: Sendable {
    let place: Int
    let role: PipelineRole
    let cpu: Int
    var bursts: [BurstOutcome] = []
    var allocatedBytes: UInt64?
    /// Groups that were completed (fault thread), or answered by this thread (worker).
    var groups = 0
    var handledGroups = 0
    /// Groups of which the devices sent every page.
    var sentGroups = 0
    var otherLatenciesNs: [String: [UInt64]] = [:]
    var counts: [String: Int] = [:]
    /// A sentence each.
    var violations: [String] = []
}
