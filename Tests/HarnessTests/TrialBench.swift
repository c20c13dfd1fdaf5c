import FaultModel
import FaultQueues
import Foundation
import Measurement
import Placement
import Results
import Testing

@testable import Harness

/// Parent of every suite that starts pinned threads: one trial at a time, whatever else runs.
@Suite("Trials", .serialized) enum Trials {}

/// This machine, measured once, and trials on it that take milliseconds.
struct TrialBench {
    let topology: Topology
    let clock: ClockCalibration

    static let shared = Result { try TrialBench() }

    private init() throws {
        topology = try Topology(source: .thisMachine)
        // The figures of a trial do not matter here, so a machine that is too unsteady to be
        // measured on will do.
        clock =
            (try? ClockCalibration.measure(allowsVariantCounter: true))
            ?? Self.anyClock
    }

    /// For what needs a rate of ticks and does not care which.
    static let anyClock = ClockCalibration(
        ticksPerSecond: 2e9, calibrationNs: 1, costNs: 20, stepNs: 20, isInvariant: false)

    /// The machine's best place for so many threads; shared CPUs where there are none.
    func cpus(_ threads: Int) -> (cpus: [Int], isOversubscribed: Bool) {
        if let (name, cpus) = topology.shape.placements(threads: threads).first {
            return (cpus, name == .oversubscribed)
        }
        let allowed = topology.shape.allowedCPUs
        return ((0..<threads).map { allowed[$0 % allowed.count] }, true)
    }

    func trial(
        _ scheme: RingScheme, _ workload: RingWorkload, bursts: Int = 2, burstNs: Double = 200_000
    ) throws -> RingTrial {
        let (cpus, isOversubscribed) = cpus(workload.threads)
        var trial = RingTrial(
            scheme: scheme, workload: workload, topology: topology, cpus: cpus,
            isOversubscribed: isOversubscribed, clock: clock, bursts: bursts, burstNs: burstNs,
            thinkPasses: 0, seed: 1)
        trial.runsCanary = false
        if workload.measure == .openLoop {
            let source = RequestSource(
                content: .process(.poisson(perSecond: 1e6)), producers: workload.producers,
                burstNs: burstNs, seed: 1)
            trial.schedules = try (0...bursts).map {
                try source.schedule(burst: $0, clock: clock)
            }
        }
        return trial
    }

    /// A reporting workload from the fields of its JSON but for the name.
    static func workload(_ fields: String) throws -> ReportingWorkload {
        let text = #"{"name": "cell", "pasids": 8, "openGroups": 4, \#(fields)}"#
        let workload = try JSONDecoder().decode(ReportingWorkload.self, from: Data(text.utf8))
        if let fault = workload.fault { throw SuiteError(fault) }
        return workload
    }

    /// - Parameter oneCPU: All threads of the workload on the first CPU.
    func reportingTrial(
        _ scheme: ReportingScheme, _ workload: ReportingWorkload, oneCPU: Bool, bursts: Int = 2,
        burstNs: Double = 200_000
    ) -> ReportingTrial {
        let place = cpus(workload.threads)
        let first = topology.shape.allowedCPUs[0]
        var trial = ReportingTrial(
            scheme: scheme, workload: workload, topology: topology,
            cpus: oneCPU ? [Int](repeating: first, count: workload.threads) : place.cpus,
            isOversubscribed: oneCPU || place.isOversubscribed, clock: clock, bursts: bursts,
            burstNs: burstNs, passesPerNs: 0.5, seed: 7)
        trial.runsCanary = false
        return trial
    }

    /// A trial whose producers offer exactly `count` requests in each burst, all at once.
    func fixedTrial(_ scheme: RingScheme, producers: Int = 1, count: Int) throws -> RingTrial {
        let workload = RingWorkload(
            name: "fixed", measure: .openLoop, producers: producers,
            arrivals: .poisson(perSecond: 1e6))
        var trial = try trial(scheme, workload)
        let request = PageRequest(
            requester: RequesterID(1), pasid: PASID(1)!, index: PRGIndex(1)!, address: 0,
            permissions: .read, isLast: true)
        let share = [ScheduledRequest](
            repeating: ScheduledRequest(offsetTicks: 0, request: request), count: count)
        trial.schedules = (0...trial.bursts).map { _ in
            [[ScheduledRequest]](repeating: share, count: producers)
        }
        return trial
    }
}
