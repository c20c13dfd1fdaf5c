import FaultModel
import FaultTraffic
import Placement
import Results
import SchemeCatalogue
import Testing

@testable import Harness

extension Trials {
    @Suite("A plan is run round by round") struct SuiteRunnerTests {
        private let bench: TrialBench

        init() throws { bench = try TrialBench.shared.get() }

        private static let suite = Suite(
            name: "tiny", description: "", rounds: 3, burstsPerRound: 2, burstMs: 0.1,
            schemes: ["spsc", "mpsc"],
            ring: [
                RingWorkload(name: "closed", measure: .throughput),
                RingWorkload(
                    name: "load", measure: .openLoop, arrivals: .saturationShare(0.5)),
                RingWorkload(
                    name: "replay", measure: .openLoop,
                    arrivals: .trace(name: "sample", speedUp: 1)),
            ])

        private static let trace = Trace(
            name: "sample", source: "", traceClass: .pageRequest,
            events: (0..<64).map {
                TrafficEvent(
                    arrivalNs: UInt64($0) * 1000,
                    request: PageRequest(
                        requester: RequesterID(1), pasid: PASID(1)!, index: PRGIndex(1)!,
                        address: UInt64($0) << 12, permissions: .read, isLast: true))
            })

        /// Everything on one placement, so that a test has the same cells on every machine.
        private func runner(
            seed: UInt64 = 3, suite: Suite = Self.suite, traces: [String: Trace] = ["sample": trace]
        ) throws -> SuiteRunner {
            let topology = bench.topology.restricted(to: [bench.topology.shape.allowedCPUs[0]])
            let plan = try SuitePlan(
                suite: suite, schemes: SchemeCatalogue.all, shape: topology.shape)
            return try SuiteRunner(
                plan: plan, topology: topology, clock: bench.clock, seed: seed, traces: traces)
        }

        private func document(_ runner: SuiteRunner) -> RunDocument {
            RunDocument(
                startedAt: "2026-11-21T07:30:00Z", seed: runner.seed,
                suite: SuiteRecord(
                    name: "tiny", rounds: runner.plan.suite.rounds,
                    fingerprint: runner.plan.fingerprint),
                environment: [:], build: [:],
                topology: TopologyRecord(summary: "", allowedCPUs: [0], placements: [:]),
                clock: ClockRecord(
                    ticksPerSecond: 1e9, calibrationNs: 1, costNs: 1, stepNs: 1, isInvariant: true),
                floor: FloorRecord(
                    emptyLoopNs: 1, nullSchemeNs: 1, localAtomicAddNs: 1, roundTripNs: [:],
                    transferNs: [:], stampingNs: 0),
                cells: [])
        }

        /// Runs until `limit` visits are done; the visits in the order in which they were made.
        private func visits(
            _ runner: SuiteRunner, _ document: inout RunDocument, limit: Int = .max
        ) throws -> (visits: [String], isComplete: Bool) {
            var made: [String] = []
            let isComplete = try runner.run(
                &document,
                onProgress: { state in
                    #expect(state.total == 18)
                    if let next = state.next, made.count < limit {
                        made.append("\(next.workload) \(next.scheme)")
                    }
                    #expect((state.next == nil) == (state.done == state.total))
                },
                // Asked for cells first, of which every one is needed, and then before each visit.
                shouldStop: { made.count >= limit },
                afterRound: { _ in })
            return (made, isComplete)
        }

        @Test("every cell gets every round, and every check holds")
        func complete() throws {
            let runner = try runner()
            var document = document(runner)
            let result = try visits(runner, &document)
            #expect(result.isComplete)
            #expect(result.visits.count == 18)
            #expect(document.cells.map(\.key) == runner.plan.cells.map(\.key))
            for cell in document.cells {
                #expect(cell.rounds.map(\.index) == [0, 1, 2])
                #expect(cell.rounds.allSatisfy { $0.bursts.count == 2 && $0.check.holds })
                #expect((cell.offeredPerSecond == nil) == (cell.measure != .openLoop))
                #expect(cell.offeredPerSecond ?? 1 > 0)
            }
            // Round by round: the first six visits are one of each cell.
            #expect(Set(result.visits[..<6]).count == 6)
            #expect(Set(result.visits[6..<12]).count == 6)
        }

        @Test("the seed decides the order")
        func order() throws {
            func order(_ seed: UInt64) throws -> [String] {
                let runner = try runner(seed: seed)
                var document = document(runner)
                return try visits(runner, &document).visits
            }
            let first = try order(3)
            #expect(try order(3) == first)
            #expect(try order(4) != first)
        }

        @Test("a run that is stopped keeps what is finished, and goes on from there")
        func resume() throws {
            let runner = try runner()
            var document = document(runner)
            let first = try visits(runner, &document, limit: 7)
            #expect(!first.isComplete)
            // The visit that was about to be made is not.
            let done = document.cells.reduce(0) { $0 + $1.rounds.count }
            #expect(done == 6)
            let earlier = document
            let rest = try visits(runner, &document)
            #expect(rest.isComplete)
            #expect(rest.visits.count == 12)
            for (before, after) in zip(earlier.cells, document.cells) {
                #expect(before.rounds.allSatisfy { after.rounds.contains($0) })
                #expect(before.offeredPerSecond == after.offeredPerSecond)
                #expect(after.rounds.count == 3)
            }
        }

        @Test("what keeps the rounds may fail, and they stay in the document")
        func failingCheckpoint() throws {
            struct Full: Error {}
            let runner = try runner()
            var document = document(runner)
            #expect(throws: Full.self) {
                try runner.run(
                    &document, onProgress: { _ in }, shouldStop: { false },
                    afterRound: { _ in throw Full() })
            }
            #expect(document.cells.reduce(0) { $0 + $1.rounds.count } == 1)
        }

        @Test("a trace that is missing or empty is refused")
        func noTrace() throws {
            #expect(throws: SuiteError.self) { try runner(traces: [:]) }
            let empty = Trace(name: "sample", source: "", traceClass: .pageRequest, events: [])
            #expect(throws: SuiteError.self) { try runner(traces: ["sample": empty]) }
        }
    }

    @Suite("The floor is measured in the run") struct FloorTests {
        @Test("every figure is a time")
        func figures() throws {
            let bench = try TrialBench.shared.get()
            let floor = try Floor.measure(topology: bench.topology, clock: bench.clock)
            for figure in [floor.emptyLoopNs, floor.localAtomicAddNs] {
                #expect(figure > 0 && figure < 1e6)
            }
            #expect(floor.nullSchemeNs >= 0)
            #expect(floor.stampingNs.isFinite)
            let names = bench.topology.shape.placements(threads: 2).map(\.name)
                .filter { $0 != .oversubscribed }.map(\.rawValue)
            #expect(Set(floor.roundTripNs.keys) == Set(names))
            #expect(Set(floor.transferNs.keys) == Set(names))
            #expect(
                (floor.roundTripNs.values.map { $0 } + floor.transferNs.values).allSatisfy {
                    $0 > 0
                })
        }
    }
}
