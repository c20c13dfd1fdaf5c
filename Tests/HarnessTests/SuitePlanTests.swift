import FaultQueues
import Placement
import Results
import SchemeCatalogue
import Testing

@testable import Harness

@Suite("A suite meets a machine") struct SuitePlanTests {
    private static let oneCPU = MachineShape(pus: [
        ProcessingUnit(cpu: 3, core: 0, l3Group: 0, numaNode: 0, package: 0)
    ])
    /// Cores of one hardware thread, eight under each of two L3s of one node.
    private static let sixteenCPUs = MachineShape(
        pus: (0..<16).map {
            ProcessingUnit(cpu: $0, core: $0, l3Group: $0 / 8, numaNode: 0, package: 0)
        })

    private func suite(
        _ workloads: [RingWorkload], schemes: [String] = ["spsc", "mpsc", "mpmc"]
    ) -> Suite {
        Suite(
            name: "sample", description: "", rounds: 2, burstsPerRound: 2, burstMs: 1,
            schemes: schemes, ring: workloads)
    }

    private func plan(
        _ workloads: [RingWorkload], schemes: [String] = ["spsc", "mpsc", "mpmc"],
        on shape: MachineShape
    ) throws -> SuitePlan {
        try SuitePlan(
            suite: suite(workloads, schemes: schemes), schemes: SchemeCatalogue.all, shape: shape)
    }

    private let pair = RingWorkload(name: "pair", measure: .throughput)

    @Test("on one CPU every cell shares it, and nothing counts as missing")
    func oneCPU() throws {
        let wanted = RingWorkload(
            name: "pair", measure: .throughput, placements: ["same-l3", "oversubscribed"])
        let plan = try plan([wanted], on: Self.oneCPU)
        #expect(plan.cells.map(\.key.scheme) == ["spsc", "mpsc", "mpmc"])
        #expect(plan.cells.allSatisfy { $0.cpus == [3, 3] })
        #expect(plan.cells.allSatisfy { $0.key.placement == "oversubscribed" })
        #expect(plan.notes == [])
    }

    @Test("with two L3s a pair is placed in one and across")
    func twoL3s() throws {
        let plan = try plan([pair], schemes: ["spsc"], on: Self.sixteenCPUs)
        #expect(plan.cells.map(\.key.placement) == ["same-l3", "cross-l3"])
        #expect(plan.cells.map(\.cpus) == [[0, 1], [0, 8]])
    }

    @Test("cells come by workload, placement and scheme, one CPU per thread")
    func order() throws {
        let three = RingWorkload(name: "three", measure: .throughput, producers: 3)
        let plan = try plan([three, pair], schemes: ["mp*"], on: Self.sixteenCPUs)
        #expect(
            plan.cells.map { "\($0.key.workload) \($0.key.placement) \($0.key.scheme)" } == [
                "three same-l3 mpsc", "three same-l3 mpmc", "three cross-l3 mpsc",
                "three cross-l3 mpmc", "pair same-l3 mpsc", "pair same-l3 mpmc",
                "pair cross-l3 mpsc", "pair cross-l3 mpmc",
            ])
        #expect(plan.cells.allSatisfy { $0.cpus.count == $0.key.producers + $0.key.consumers })
        #expect(plan.cells.allSatisfy { Set($0.cpus).count == $0.cpus.count })
    }

    @Test("a placement that the machine lacks is noted, and the rest is run")
    func missingPlacement() throws {
        let wanted = RingWorkload(
            name: "pair", measure: .throughput, placements: ["cross-numa", "same-l3"])
        let plan = try plan([wanted], schemes: ["spsc"], on: Self.sixteenCPUs)
        #expect(plan.cells.map(\.key.placement) == ["same-l3"])
        #expect(plan.notes.count == 1)
        #expect(plan.notes[0].contains("pair") && plan.notes[0].contains("cross-numa"))
    }

    @Test("where only missing placements are wanted, nothing can run")
    func nothingLeft() {
        let wanted = RingWorkload(name: "pair", measure: .throughput, placements: ["cross-numa"])
        #expect(throws: SuiteError.self) { try plan([wanted], on: Self.sixteenCPUs) }
        #expect(throws: SuiteError.self) { try plan([pair], schemes: [], on: Self.oneCPU) }
        let none = RingWorkload(name: "pair", measure: .throughput, placements: [])
        #expect(throws: SuiteError.self) { try plan([none], on: Self.oneCPU) }
    }

    @Test("a scheme that takes fewer consumers is left out with a note")
    func limits() throws {
        let two = RingWorkload(name: "two", measure: .throughput, producers: 2, consumers: 2)
        let plan = try plan([two], on: Self.sixteenCPUs)
        #expect(Set(plan.cells.map(\.key.scheme)) == ["mpmc"])
        #expect(plan.notes.contains("spsc has no two: it takes 1 consumer."))
        #expect(plan.notes.contains("mpsc has no two: it takes 1 consumer."))
    }

    @Test("unknown names suggest the nearest")
    func unknownNames() {
        #expect(throws: SuiteError("no scheme \"spcs\"; did you mean \"spsc\"?")) {
            try plan([pair], schemes: ["spcs"], on: Self.oneCPU)
        }
        let wanted = RingWorkload(name: "pair", measure: .throughput, placements: ["same-13"])
        #expect(
            throws: SuiteError(
                "workload pair: no placement \"same-13\"; did you mean \"same-l3\"?")
        ) { try plan([wanted], on: Self.sixteenCPUs) }
    }

    @Test("traces are named once each")
    func traces() throws {
        func cell(_ name: String, _ trace: String) -> RingWorkload {
            RingWorkload(
                name: name, measure: .openLoop, arrivals: .trace(name: trace, speedUp: 1))
        }
        let plan = try plan(
            [cell("a", "one"), pair, cell("b", "two"), cell("c", "one")], on: Self.oneCPU)
        #expect(plan.traceNames == ["one", "two"])
    }

    @Test("the fingerprint is stable")
    func stableFingerprint() throws {
        let first = try plan([pair], on: Self.oneCPU).fingerprint
        #expect(try plan([pair], on: Self.oneCPU).fingerprint == first)
        #expect(first.count == 16 && first.allSatisfy(\.isHexDigit))
    }

    @Test("the fingerprint changes with every parameter")
    func fingerprint() throws {
        let poisson = Arrivals.poisson(perSecond: 1e6)
        let open = RingWorkload(name: "pair", measure: .openLoop, arrivals: poisson)
        let workloads: [RingWorkload] = [
            pair,
            RingWorkload(name: "pair2", measure: .throughput),
            RingWorkload(name: "pair", measure: .roundTrip),
            RingWorkload(name: "pair", measure: .throughput, producers: 2),
            RingWorkload(name: "pair", measure: .throughput, consumers: 2),
            RingWorkload(name: "pair", measure: .throughput, placements: ["same-l3"]),
            RingWorkload(name: "pair", measure: .throughput, capacity: 512),
            RingWorkload(name: "pair", measure: .throughput, batch: 1),
            RingWorkload(name: "pair", measure: .throughput, headUpdate: .perEntry),
            RingWorkload(name: "pair", measure: .throughput, thinkNs: 1),
            open,
            RingWorkload(
                name: "pair", measure: .openLoop, overflow: .sticky, arrivals: poisson),
            RingWorkload(
                name: "pair", measure: .openLoop, overflow: .toggle, arrivals: poisson),
            RingWorkload(
                name: "pair", measure: .openLoop, arrivals: .poisson(perSecond: 2e6)),
            RingWorkload(name: "pair", measure: .openLoop, arrivals: .saturationShare(0.5)),
            RingWorkload(name: "pair", measure: .openLoop, arrivals: .saturationShare(0.25)),
            RingWorkload(
                name: "pair", measure: .openLoop,
                arrivals: .bursts(perSecond: 1e6, length: 2, idleNs: 3)),
            RingWorkload(
                name: "pair", measure: .openLoop,
                arrivals: .bursts(perSecond: 1e6, length: 2, idleNs: 4)),
            RingWorkload(
                name: "pair", measure: .openLoop,
                arrivals: .bursts(perSecond: 1e6, length: 3, idleNs: 3)),
            RingWorkload(
                name: "pair", measure: .openLoop, arrivals: .trace(name: "a", speedUp: 1)),
            RingWorkload(
                name: "pair", measure: .openLoop, arrivals: .trace(name: "b", speedUp: 1)),
            RingWorkload(
                name: "pair", measure: .openLoop, arrivals: .trace(name: "a", speedUp: 2)),
        ]
        var prints = try workloads.map { try plan([$0], on: Self.sixteenCPUs).fingerprint }

        func changed(_ change: (inout Suite) -> Void) throws -> String {
            var suite = suite([pair])
            change(&suite)
            return try SuitePlan(
                suite: suite, schemes: SchemeCatalogue.all, shape: Self.sixteenCPUs
            ).fingerprint
        }
        prints += [
            try changed { $0.rounds = 3 },
            try changed { $0.burstsPerRound = 3 },
            try changed { $0.schemes = ["spsc", "mpsc"] },
            try changed { $0.ring = [pair, open] },
            try changed {
                $0 = Suite(
                    name: "other", description: "", rounds: 2, burstsPerRound: 2, burstMs: 1,
                    schemes: $0.schemes, ring: $0.ring)
            },
            try changed {
                $0 = Suite(
                    name: "sample", description: "", rounds: 2, burstsPerRound: 2, burstMs: 2,
                    schemes: $0.schemes, ring: $0.ring)
            },
            try plan([pair], on: Self.sixteenCPUs.restricted(to: [1, 2, 9])).fingerprint,
        ]
        let counts = Dictionary(grouping: prints.indices) { prints[$0] }
        #expect(counts.values.filter { $0.count > 1 } == [], "each number is a place in the list")
    }
}
