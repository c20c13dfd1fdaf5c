import FaultModel
import FaultQueues
import Foundation
import Placement
import Results
import SchemeCatalogue
import Testing

@testable import Harness

extension Trials {
    @Suite("A trial runs every scheme under every measure, and its check holds")
    struct RingTrialTests {
        private let bench: TrialBench

        init() throws { bench = try TrialBench.shared.get() }

        /// Workloads of every measure and shape; those with arrivals get a fixed schedule.
        private static let workloads: [RingWorkload] = {
            let arrivals = Arrivals.poisson(perSecond: 1e6)
            return [
                RingWorkload(name: "closed", measure: .throughput),
                RingWorkload(name: "three-to-one", measure: .throughput, producers: 3),
                RingWorkload(name: "two-to-two", measure: .throughput, producers: 2, consumers: 2),
                RingWorkload(
                    name: "small", measure: .throughput, producers: 2, capacity: 128, batch: 1,
                    headUpdate: .perEntry),
                RingWorkload(name: "round-trip", measure: .roundTrip),
                RingWorkload(name: "open", measure: .openLoop, arrivals: arrivals),
                RingWorkload(
                    name: "open-two", measure: .openLoop, producers: 2, arrivals: arrivals),
                RingWorkload(
                    name: "sticky", measure: .openLoop, producers: 2, capacity: 128,
                    overflow: .sticky, arrivals: arrivals),
                RingWorkload(
                    name: "toggle", measure: .openLoop, producers: 2, capacity: 128,
                    overflow: .toggle, arrivals: arrivals),
            ]
        }()

        @Test("every scheme", arguments: SchemeCatalogue.rings.map(\.name))
        func everyScheme(name: String) throws {
            let scheme = try #require(SchemeCatalogue.rings.first { $0.name == name })
            for workload in Self.workloads
            where scheme.limits.consumers >= workload.consumers
                && scheme.limits.producers >= workload.producers
            {
                let trial = try bench.trial(scheme, workload)
                let round = try trial.run(index: 5)
                try expectSound(round, of: trial)
            }
        }

        private func expectSound(_ round: RoundRecord, of trial: RingTrial) throws {
            let workload = trial.workload
            #expect(round.index == 5)
            #expect(round.check.violations == [], "\(workload.name)")
            #expect(round.check.holds)
            #expect(round.check.accepted == round.check.delivered)
            if workload.measure == .openLoop {
                // Every scheduled request was taken or dropped, the warm-up's too. How many go
                // through in a closed loop is a matter of time.
                let offered = trial.schedules.joined().reduce(0) { $0 + $1.count }
                #expect(round.check.accepted + round.overflowed == offered, "\(workload.name)")
                #expect(round.check.delivered > 0, "\(workload.name)")
            }
            #expect(round.bursts.count == trial.bursts)
            #expect(round.bursts.allSatisfy { $0.operations >= 0 && $0.durationNs > 0 })
            #expect(round.threads.count == workload.threads)
            #expect(
                round.threads.map(\.role)
                    == [String](repeating: "producer", count: workload.producers)
                    + [String](repeating: "consumer", count: workload.consumers))
            let consumers = workload.consumers
            #expect(
                round.threads.map(\.cpu)
                    == Array(trial.cpus[consumers...]) + Array(trial.cpus[..<consumers]))
            #if !DEBUG
                // Without optimisation the loops allocate. Nil where the allocator cannot be asked.
                #expect(
                    round.threads.allSatisfy { ($0.allocatedBytes ?? 0) == 0 },
                    "\(workload.name)")
            #endif
            #expect((round.latencyHistogram == nil) == (workload.measure == .throughput))
            #expect((round.tailBlame == nil) == (workload.measure == .throughput))
            if let histogram = round.latencyHistogram {
                let samples = try HistogramCodec.decode(histogram).totalCount
                let counted = round.bursts.reduce(0) { $0 + $1.operations }
                // What arrives after the last producer has finished is sampled too.
                #expect(samples >= UInt64(counted), "\(workload.name)")
                #expect(samples <= UInt64(round.check.delivered), "\(workload.name)")
            }
            if workload.overflow == .wait { #expect(round.overflowed == 0) }
        }

        @Test("a full ring that drops says how many, and the rest arrives")
        func overflow() throws {
            let scheme = RingScheme(SPSCRing.self)
            var trial = try bench.fixedTrial(scheme, count: 3000)
            for policy in [OverflowPolicy.sticky, .toggle] {
                trial = RingTrial(
                    scheme: scheme,
                    workload: RingWorkload(
                        name: "flood", measure: .openLoop, capacity: 128, batch: 1,
                        overflow: policy, arrivals: .poisson(perSecond: 1e6)),
                    topology: trial.topology, cpus: trial.cpus,
                    isOversubscribed: trial.isOversubscribed, clock: trial.clock,
                    bursts: trial.bursts, burstNs: trial.burstNs, thinkPasses: 0, seed: 1,
                    runsCanary: false, schedules: trial.schedules)
                let round = try trial.run(index: 0)
                #expect(round.check.violations == [])
                // The warm-up is offered as well.
                #expect(round.check.accepted + round.overflowed == 3000 * (trial.bursts + 1))
            }
        }

        @Test("think time and stamps change no outcome")
        func thinkTimeAndStamps() throws {
            var trial = try bench.trial(
                RingScheme(MPSCRing.self),
                RingWorkload(name: "paced", measure: .throughput, producers: 2))
            trial.thinkPasses = 50
            trial.stamps = true
            let round = try trial.run(index: 0)
            #expect(round.check.violations == [])
            #expect(round.latencyHistogram == nil, "throughput shows no latencies")
        }

        @Test("two threads with a CPU each have a canary before and after")
        func canary() throws {
            let workload = RingWorkload(name: "pair", measure: .throughput)
            var trial = try bench.trial(RingScheme(SPSCRing.self), workload)
            trial.runsCanary = true
            let round = try trial.run(index: 0)
            #expect((round.canaryBeforeNs == nil) == trial.isOversubscribed)
            #expect((round.canaryAfterNs == nil) == trial.isOversubscribed)
            #expect(round.canaryBeforeNs ?? 1 > 0)
            #expect(round.check.violations == [])
        }

        @Test("long bursts of round trips have room for every sample")
        func room() throws {
            let workload = RingWorkload(name: "trip", measure: .roundTrip)
            let trial = try bench.trial(RingScheme(SPSCRing.self), workload, burstNs: 1e8)
            #expect(trial.samplesPerBurst == 2_500_000)
            let short = try bench.trial(RingScheme(SPSCRing.self), workload, burstNs: 1e5)
            #expect(short.samplesPerBurst >= RequestSource.maximumRequestsPerBurst)
        }

        @Test("a thread that cannot be pinned ends the trial, and none is left")
        func pinFails() throws {
            let sound = try bench.trial(
                RingScheme(SPSCRing.self), RingWorkload(name: "pair", measure: .throughput))
            let nowhere = 1_000_000
            for cpus in [[nowhere, sound.cpus[0]], [sound.cpus[0], nowhere]] {
                let trial = RingTrial(
                    scheme: sound.scheme, workload: sound.workload, topology: sound.topology,
                    cpus: cpus, isOversubscribed: false, clock: sound.clock, bursts: 1,
                    burstNs: 1e5, thinkPasses: 0, seed: 1)
                #expect(throws: PlacementError.self) { try trial.run(index: 0) }
                #expect(threadsLeft() == [])
            }
        }

        @Test(
            "a thread that is moved ends the trial after all of it has been joined",
            .enabled(if: (try? TrialBench.shared.get())?.topology.shape.allowedCPUs.count ?? 1 > 1)
        )
        func moved() throws {
            let trial = try bench.trial(
                RingScheme(WanderingRing.self), RingWorkload(name: "pair", measure: .throughput))
            let error = try #require(throws: PlacementError.self) { try trial.run(index: 0) }
            guard case .moved(let thread, _, _) = error else {
                Issue.record("expected a thread that was moved, found \(error)")
                return
            }
            #expect(thread == "fault-0")
            #expect(threadsLeft() == [])
        }

        /// Names of this process's threads that belong to trials. The kernel takes a thread out of
        /// its list a moment after it has told who joins it.
        private func threadsLeft() -> [String] {
            var left: [String] = []
            for _ in 0..<2000 {
                let tasks =
                    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
                left = tasks.compactMap { task in
                    let name = try? String(
                        contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
                    return name?.trimmingCharacters(in: .whitespacesAndNewlines)
                }.filter { $0.hasPrefix("fault-") || $0.hasPrefix("device-") }
                if left.isEmpty { break }
                usleep(1000)
            }
            return left
        }
    }

    @Suite("A ring that is wrong is caught by the trial's own check")
    struct DamagedRingTests {
        private let bench: TrialBench

        init() throws { bench = try TrialBench.shared.get() }

        private func violations<Kind: DamageKind>(_ kind: Kind.Type) throws -> [String] {
            let trial = try bench.fixedTrial(
                RingScheme(DamagedRing<Kind>.self), producers: 2, count: 1500)
            let round = try trial.run(index: 0)
            #expect(round.check.holds == round.check.violations.isEmpty)
            #expect(round.check.violations.allSatisfy { !$0.contains("\n") && $0.count > 10 })
            return round.check.violations
        }

        @Test("without damage it passes")
        func sound() throws { #expect(try violations(Sound.self) == []) }

        @Test("lost requests")
        func drops() throws {
            // 4500 requests of each producer: four of them are the thousandth.
            let found = try violations(Dropping.self)
            #expect(
                found == ["producer 0: 4 requests lost", "producer 1: 4 requests lost"])
        }

        @Test("requests delivered twice")
        func duplicates() throws {
            let found = try violations(Duplicating.self)
            #expect(found.contains("producer 0: sequence 999 after 999, and 3 more"))
            #expect(found.contains("producer 1: 4 requests too many"))
        }

        @Test("requests out of order")
        func swaps() throws {
            let found = try violations(Swapping.self)
            #expect(
                found == [
                    "producer 0: sequence 999 after 1000, and 3 more",
                    "producer 1: sequence 999 after 1000, and 3 more",
                ])
        }

        @Test("torn requests")
        func tears() throws {
            let found = try violations(Tearing.self)
            #expect(found.count == 2)
            #expect(found[0].hasPrefix("producer 0: 4 requests torn, first with sequence 999"))
        }

        @Test("requests of nobody")
        func strays() throws {
            let found = try violations(Straying.self)
            #expect(found.contains { $0.hasPrefix("8 requests delivered of no producer") })
            #expect(found.contains("producer 0: 4 requests lost"))
        }
    }
}

/// A sound ring whose consumer leaves its CPU for another.
private final class WanderingRing: PageRequestRing {
    static let structure = "wandering"
    static let lockKind: LockKind? = nil
    static let limits = SPSCRing.limits
    static let provenance = Provenance(
        models: "original", keeps: "spsc", departs: "its thread moves", omits: "nothing")

    private let ring: SPSCRing

    init(_ configuration: RingConfiguration) { ring = SPSCRing(configuration) }

    func makeProducer() -> SPSCRing.Producer { ring.makeProducer() }

    func makeConsumer() -> SPSCRing.Consumer {
        if let place = try? PinnedThread.callingThreadPlace(),
            let other = (try? Topology(source: .thisMachine))?.shape.pus
                .first(where: { $0.cpu != place.runningOn })
        {
            bindCallingThread(to: other.cpu)
        }
        return ring.makeConsumer()
    }
}
