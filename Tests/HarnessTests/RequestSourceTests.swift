import FaultModel
import FaultTraffic
import Measurement
import Testing

@testable import Harness

@Suite("Requests of an open loop are shared out") struct RequestSourceTests {
    /// One tick per nanosecond.
    private let clock = ClockCalibration(
        ticksPerSecond: 1e9, calibrationNs: 1e9, costNs: 10, stepNs: 1, isInvariant: true)

    private func source(
        _ content: RequestSource.Content, producers: Int = 1, burstNs: Double = 1e6,
        seed: UInt64 = 7
    ) -> RequestSource {
        RequestSource(content: content, producers: producers, burstNs: burstNs, seed: seed)
    }

    /// Events `gapNs` apart, each with its own number as address, of so many requesters in turn.
    private func events(
        _ count: Int, gapNs: UInt64 = 1000, requesters: Int = 11
    ) -> [TrafficEvent] {
        (0..<count).map { number in
            TrafficEvent(
                arrivalNs: UInt64(number) * gapNs,
                request: PageRequest(
                    requester: RequesterID(UInt16(98 + number % requesters)),
                    pasid: PASID(1)!, index: PRGIndex(number % 512)!,
                    address: UInt64(number) << 12, permissions: .read, isLast: true))
        }
    }

    private static let processes: [RequestSource.Content] = [
        .process(.poisson(perSecond: 2e6)),
        .process(.bursts(perSecond: 1e7, length: 16, idleNs: 5000)),
    ]

    @Test("the same burst is the same schedule, another burst or seed another", arguments: 0..<2)
    func deterministic(kind: Int) throws {
        let content = Self.processes[kind]
        let first = try source(content, producers: 3).schedule(burst: 4, clock: clock)
        let again = try source(content, producers: 3).schedule(burst: 4, clock: clock)
        #expect(same(first, again))
        // Bursts of a fixed shape have nothing random in their times.
        if kind == 0 {
            let later = try source(content, producers: 3).schedule(burst: 5, clock: clock)
            let other = try source(content, producers: 3, seed: 8)
                .schedule(burst: 4, clock: clock)
            #expect(!same(first, later))
            #expect(!same(first, other))
        }
    }

    @Test("offsets ascend for each producer", arguments: [1, 3, 7])
    func ascending(producers: Int) throws {
        let contents = Self.processes + [.trace(TraceStretches(events(500), speedUp: 3))]
        for content in contents {
            let shares = try source(content, producers: producers).schedule(burst: 2, clock: clock)
            #expect(shares.count == producers)
            for share in shares {
                #expect(!share.isEmpty)
                #expect(
                    zip(share, share.dropFirst()).allSatisfy { $0.offsetTicks <= $1.offsetTicks })
            }
        }
    }

    @Test("a burst holds what its length offers, within bounds")
    func count() throws {
        #expect(source(.process(.poisson(perSecond: 2e6))).requestsPerBurst == 2000)
        #expect(source(.process(.poisson(perSecond: 1000))).requestsPerBurst == 16)
        #expect(source(.process(.poisson(perSecond: 1000)), producers: 200).requestsPerBurst == 200)
        #expect(
            source(.process(.poisson(perSecond: 1e9)), burstNs: 1e8).requestsPerBurst
                == RequestSource.maximumRequestsPerBurst)
        let shares = try source(.process(.poisson(perSecond: 2e6)), producers: 3)
            .schedule(burst: 0, clock: clock)
        #expect(shares.reduce(0) { $0 + $1.count } == 2000)
    }

    @Test("the offered rate counts pauses")
    func offered() {
        #expect(source(.process(.poisson(perSecond: 5e5))).offeredPerSecond == 5e5)
        let bursts = source(.process(.bursts(perSecond: 1e6, length: 10, idleNs: 90_000)))
        #expect(abs(bursts.offeredPerSecond - 1e5) < 1e-6)
        let trace = source(.trace(TraceStretches(events(1001), speedUp: 2)))
        #expect(abs(trace.offeredPerSecond - 1001 * 1e9 / 500_000) < 1e-3)
        #expect(source(.trace(TraceStretches(events(1), speedUp: 2))).offeredPerSecond == 0)
    }

    @Test("a requester of a trace keeps to one producer")
    func requesters() throws {
        let trace = events(400)
        var producerOf: [UInt16: Set<Int>] = [:]
        for burst in 0..<9 {
            let shares = try source(.trace(TraceStretches(trace, speedUp: 1)), producers: 4)
                .schedule(burst: burst, clock: clock)
            for (producer, share) in shares.enumerated() {
                for scheduled in share {
                    producerOf[scheduled.request.requester.rawValue, default: []].insert(producer)
                }
            }
        }
        #expect(producerOf.count == 11)
        #expect(producerOf.values.allSatisfy { $0.count == 1 })
        #expect(producerOf.values.reduce(into: Set()) { $0.formUnion($1) } == [0, 1, 2, 3])
    }

    @Test("successive bursts go through the whole trace", arguments: [37, 160, 1000, 1001, 4097])
    func windows(count: Int) throws {
        let trace = events(count, gapNs: 10_000)
        let suite = Suite(
            name: "s", description: "", rounds: 1, burstsPerRound: 3, burstMs: 1, schemes: ["*"])
        let rounds = suite.roundsToCover(
            Trace(name: "t", source: "", traceClass: .pageRequest, events: trace), speedUp: 1)
        let source = source(.trace(TraceStretches(trace, speedUp: 1)))
        var seen: Set<UInt64> = []
        for round in 0..<rounds {
            // The counted bursts of a round; burst 0 of it is the warm-up.
            for burst in 1...3 {
                let shares = try source.schedule(burst: round * 3 + burst, clock: clock)
                for scheduled in shares.joined() { seen.insert(scheduled.request.address) }
            }
        }
        #expect(seen.count == count)
        #expect(
            rounds == 1 || (rounds - 1) * 3 * source.requestsPerBurst < count, "no round too many")
    }

    @Test("a trace is sped up, and its longest pauses are cut")
    func gaps() throws {
        var trace = events(20, gapNs: 1000)
        for place in 10..<20 { trace[place].arrivalNs += 3_600_000_000_000 }
        let share = try source(.trace(TraceStretches(trace, speedUp: 4))).schedule(
            burst: 0, clock: clock)[0]
        let offsets = share.map(\.offsetTicks)
        #expect(offsets.count == 20)
        #expect(Array(offsets[..<10]) == (0..<10).map { $0 * 250 })
        #expect(offsets[10] - offsets[9] == UInt64(TraceStretches.longestGapNs))
        #expect(offsets[19] - offsets[10] == 9 * 250)
    }

    @Test("a trace shorter than a burst is gone through once in it")
    func shortTrace() throws {
        let share = try source(.trace(TraceStretches(events(5), speedUp: 1))).schedule(
            burst: 3, clock: clock)[0]
        #expect(share.map(\.request.address).sorted() == (0..<5).map { UInt64($0) << 12 })
    }

    private func same(_ left: [[ScheduledRequest]], _ right: [[ScheduledRequest]]) -> Bool {
        left.elementsEqual(right) { one, other in
            one.elementsEqual(other) {
                $0.offsetTicks == $1.offsetTicks && $0.request == $1.request
            }
        }
    }
}
