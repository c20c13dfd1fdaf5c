import CPlatform
import FaultQueues
import Measurement
import Placement
import Results
import Synchronization

/// What nothing can beat on this machine, and what the harness itself costs, measured in the run
/// whose figures stand beside it.
public enum Floor {
    private static let batches = 31
    private static let passes = 50_000

    /// Measures the floor; takes about a tenth of a second and the time of the round trips.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned.
    public static func measure(
        topology: Topology, clock: ClockCalibration
    ) throws -> FloorRecord {
        var roundTrips: [String: Double] = [:]
        var transfers: [String: Double] = [:]
        for (name, cpus) in topology.shape.placements(threads: 2) where name != .oversubscribed {
            let pair = try coreToCore(cpus[0], cpus[1], topology: topology, clock: clock)
            if let pair { roundTrips[name.rawValue] = pair }
            transfers[name.rawValue] = try Transfer.measure(
                from: cpus[0], to: cpus[1], topology: topology, clock: clock)
        }
        let single = try onOneCPU(topology: topology) { singleThread(clock) }
        return FloorRecord(
            emptyLoopNs: single.emptyLoopNs, nullSchemeNs: single.nullSchemeNs,
            localAtomicAddNs: single.localAtomicAddNs, roundTripNs: roundTrips,
            transferNs: transfers,
            stampingNs: try stampingNs(topology: topology, clock: clock))
    }

    /// The round trip between two CPUs in nanoseconds: one word, each side in turn.
    public static func coreToCore(
        _ first: Int, _ second: Int, topology: Topology, clock: ClockCalibration,
        durationNs: UInt64 = 20_000_000
    ) throws -> Double? {
        let pair = CanaryPair()
        let server = try PinnedThread.start(name: "canary", cpu: second, on: topology) {
            pair.canary.serve()
        }
        do {
            let measurer = try PinnedThread.start(name: "canary", cpu: first, on: topology) {
                let median = pair.canary.measure(clock: clock, durationNs: durationNs)
                pair.medianNs.withLock { $0 = median }
            }
            try measurer.join()
        } catch {
            pair.canary.cancel()
            try? server.join()
            throw error
        }
        try server.join()
        return pair.medianNs.withLock { $0 }
    }

    /// Nanoseconds of one pass of `ThinkTime`'s loop.
    static func thinkPassNs(topology: Topology, clock: ClockCalibration) throws -> Double {
        try onOneCPU(topology: topology) {
            var think = ThinkTime(bound: UInt64(passes), seed: 1)
            return median(clock) {
                // The same draws, to know how many passes they are.
                var copy = think
                var count: UInt64 = 0
                for _ in 0..<8 {
                    think.pass()
                    count += copy.draw()
                }
                return Int(count)
            }
        }
    }

    private struct Single: Sendable {
        var emptyLoopNs = 0.0
        var nullSchemeNs = 0.0
        var localAtomicAddNs = 0.0
    }

    private static func singleThread(_ clock: ClockCalibration) -> Single {
        let words = allocateShared(initial: BurstWords())
        defer { freeShared(words, count: 1) }
        let scheme = RingScheme(NullRing.self)
        let ring = scheme.make(RingConfiguration(capacity: 128))
        let end = scheme.makeProducer(ring)
        defer { end.release() }
        var burst = ProducerBurst(
            words: words, producer: 0, wait: PollWait(isOversubscribed: false),
            think: ThinkTime(bound: 0, seed: 0), stamps: false)
        let counter = allocateShared(initial: PaddedAtomic<UInt64>(0))
        defer { freeShared(counter, count: 1) }
        var single = Single()
        single.emptyLoopNs = median(clock) {
            measuredEmptyLoop(count: passes, &burst)
            return passes
        }
        let calls = median(clock) {
            end.call(&burst, passes)
            return passes
        }
        single.nullSchemeNs = max(0, calls - single.emptyLoopNs)
        single.localAtomicAddNs = median(clock) {
            for _ in 0..<passes {
                counter.pointee.value.wrappingAdd(1, ordering: .relaxed)
            }
            return passes
        }
        return single
    }

    /// Nanoseconds per pass: the median over batches.
    private static func median(_ clock: ClockCalibration, _ batch: () -> Int) -> Double {
        let costs = (0..<batches).map { _ in
            let start = Ticks.nowOrdered()
            let passes = batch()
            let ticks = Ticks.nowOrdered() &- start
            return Double(clock.nanoseconds(fromTicks: ticks)) / Double(passes)
        }
        return Statistics.median(costs) ?? 0
    }

    /// What a stamp on each side adds to a request: rounds of the same trial with and without, in
    /// turn. Below zero where it is lost in the noise.
    private static func stampingNs(topology: Topology, clock: ClockCalibration) throws -> Double {
        guard let (name, cpus) = topology.shape.placements(threads: 2).first else { return 0 }
        var costs: [[Double]] = [[], []]
        for round in 0..<6 {
            for stamps in [round % 2 == 0, round % 2 != 0] {
                var trial = RingTrial(
                    scheme: RingScheme(SPSCRing.self),
                    workload: RingWorkload(name: "stamping", measure: .throughput),
                    topology: topology, cpus: cpus, isOversubscribed: name == .oversubscribed,
                    clock: clock, bursts: 5, burstNs: 1_000_000, thinkPasses: 0, seed: 0)
                trial.stamps = stamps
                trial.runsCanary = false
                let record = try trial.run(index: round)
                costs[stamps ? 1 : 0] += record.bursts.filter { $0.rate > 0 }.map { 1e9 / $0.rate }
            }
        }
        return (Statistics.median(costs[1]) ?? 0) - (Statistics.median(costs[0]) ?? 0)
    }

    private static func onOneCPU<Figure: Sendable>(
        topology: Topology, _ body: @escaping @Sendable () -> Figure
    ) throws -> Figure {
        let result = Outcome<Figure>()
        let cpu = topology.shape.allowedCPUs[0]
        try PinnedThread.start(name: "floor", cpu: cpu, on: topology) {
            let figure = body()
            result.value.withLock { $0 = figure }
        }.join()
        guard let figure = result.value.withLock({ $0 }) else {
            preconditionFailure("a joined thread has run its body")
        }
        return figure
    }

    private final class Outcome<Figure: Sendable>: Sendable {
        let value = Mutex<Figure?>(nil)
    }

    private final class CanaryPair: Sendable {
        let canary = Canary()
        let medianNs = Mutex<Double?>(nil)
    }
}
