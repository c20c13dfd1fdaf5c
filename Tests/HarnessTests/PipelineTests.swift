import FaultModel
import FaultQueues
import FaultTraffic
import Results
import SchemeCatalogue
import Testing

@testable import Harness

extension Trials {
    @Suite("A pipeline trial runs every structure, and its checks hold") struct PipelineTests {
        private let bench: TrialBench

        init() throws { bench = try TrialBench.shared.get() }

        private static let workloads: [PipelineWorkload] = [
            PipelineWorkload(
                name: "closed", devices: 3, pasids: 2, groupSize: 4, openGroups: 3, credits: 64),
            PipelineWorkload(
                name: "devices-apart", workers: 2, deviceThread: true, devices: 2, credits: 8),
            PipelineWorkload(
                name: "unbound", devices: 2, pasids: 3, groupSize: 2, openGroups: 4,
                unbindEveryUs: 20, arrivals: .poisson(perSecond: 2e6)),
            PipelineWorkload(
                name: "overflowing", capacity: 128, devices: 2, pasids: 2, groupSize: 3,
                openGroups: 4, credits: 4096, unbindEveryUs: 100,
                arrivals: .bursts(perSecond: 5e7, length: 700, idleNs: 50_000)),
        ]

        private func trial(
            _ scheme: ReportingScheme, _ workload: PipelineWorkload, bursts: Int = 2
        ) throws -> PipelineTrial {
            let (cpus, isOversubscribed) = bench.cpus(workload.threads)
            let source = try PipelineSource(
                workload: workload, traces: [:], burstNs: 500_000, seed: 7)
            return PipelineTrial(
                scheme: scheme, workload: workload, topology: bench.topology, cpus: cpus,
                isOversubscribed: isOversubscribed, clock: bench.clock,
                script: try source.script(round: 0, bursts: bursts, clock: bench.clock),
                passesPerNs: 0.1)
        }

        @Test("every structure", arguments: SchemeCatalogue.reporting.map(\.name))
        func everyStructure(name: String) throws {
            let scheme = try #require(SchemeCatalogue.reporting.first { $0.name == name })
            for workload in Self.workloads {
                let trial = try trial(scheme, workload)
                defer { trial.script.deallocate() }
                let round = try trial.run(index: 3)
                #expect(round.index == 3)
                #expect(round.check.violations == [], "\(workload.name)")
                #expect(round.check.accepted > 0)
                #expect(round.bursts.allSatisfy { $0.operations > 0 })
                let offered = trial.script.bursts.dropFirst().reduce(0) { $0 + $1.pageCount }
                if workload.unbindEveryUs == nil {
                    #expect(round.check.accepted == round.check.delivered)
                    #expect(round.bursts.reduce(0) { $0 + $1.operations } == offered)
                }
            }
        }

        /// A damage that every pipeline trial must find, and how.
        private struct Damage: Sendable, CustomTestStringConvertible {
            let scheme: ReportingScheme
            let workload: PipelineWorkload
            let finding: String
            var testDescription: String { "\(finding): \(workload.name)" }

            init<Kind: ReportingDamageKind>(_: Kind.Type, _ workload: Int, _ finding: String) {
                scheme = ReportingScheme(
                    DamagedReporting<Kind>.self, checked: DamagedReporting<Kind>.self)
                self.workload = workloads[workload]
                self.finding = finding
            }
        }

        private static let damages = [
            Damage(AnsweringTwice.self, 0, "groups answered more than once"),
            Damage(AnsweringTwice.self, 2, "groups answered more than once"),
            Damage(AnsweringWrongly.self, 0, "groups answered with an error"),
            Damage(AnsweringPages.self, 0, "answers to requests that were not last"),
            Damage(DenyingAnswers.self, 0, "answers to groups that were answered already"),
            Damage(MixingPages.self, 0, "pages in a group of another key"),
            Damage(SwappingPages.self, 0, "pages out of order"),
            Damage(DroppingPages.self, 0, "groups with too few or too many pages"),
            Damage(DroppingPages.self, 3, "groups with too few or too many pages"),
            Damage(AnsweringUnhandled.self, 0, "answered by workers"),
            Damage(LosingDevice.self, 0, "reports of a device that was not there"),
            Damage(LosingMemory.self, 0, "reports refused for want of memory"),
            Damage(LosingGroups.self, 0, "devices gave up: no answer for 0.2 s"),
            Damage(LosingGroups.self, 1, "devices gave up: no answer for 0.2 s"),
            Damage(LosingGroups.self, 0, "groups never answered"),
            Damage(FlushingNothing.self, 2, "groups unanswered when their flush returned"),
        ]

        @Test("damage is found", arguments: damages)
        private func damage(_ damaged: Damage) throws {
            // Whether enough happens in one round is the machine's business, so there are more.
            var found: [String] = []
            for round in 0..<40 {
                var trial = try trial(damaged.scheme, damaged.workload, bursts: 2 + round)
                trial.patience = 0.2
                defer { trial.script.deallocate() }
                found = try trial.run(index: round).check.violations
                if found.contains(where: { $0.contains(damaged.finding) }) { return }
            }
            Issue.record("expected \"\(damaged.finding)\", found \(found)")
        }

        @Test("a burst beyond the ring overflows, and what was dropped is sent again")
        func overflow() throws {
            let scheme = try #require(
                SchemeCatalogue.reporting.first { $0.name == "slot-table" })
            let trial = try trial(scheme, Self.workloads[3])
            defer { trial.script.deallocate() }
            let round = try trial.run(index: 0)
            #expect(round.check.violations == [])
            let counts = try #require(round.counts)
            #expect((counts["overflows"] ?? 0) > 0)
            #expect((counts["retries"] ?? 0) > 0)
            #expect(counts["dropped"] == round.overflowed)
            #expect(round.otherLatencies?["recovery"] != nil)
        }
    }
}

@Suite("Devices that a thread plays") struct EmulatedDevicesTests {
    private let words = allocateShared(initial: UnbindWords(keys: 4))
    private let intended = allocateShared(count: EmulatedDevices.sequences) { _ in UInt64(0) }
    private let clock = TrialBench.anyClock

    /// A rig of a ring, a port and devices; one thread does everything.
    private func rig(
        _ events: [TrafficEvent], capacity: Int = 128, credits: Int = 4096,
        _ body: (inout EmulatedDevices, inout SPSCRing.Consumer, ResponsePort) throws -> Void
    ) throws {
        let script = try PipelineScript([events], clock: clock, name: "rig")
        let port = ResponsePort(
            lanes: script.devices.count, entries: EmulatedDevices.sequences,
            keys: script.keys.count)
        let ring = SPSCRing(RingConfiguration(capacity: capacity, overflow: .sticky))
        var devices = EmulatedDevices(
            ring: ring.makeProducer(), words: words, port: port, intended: intended,
            script: script, credits: credits, retryTicks: 0, patienceTicks: .max / 2)
        var consumer = ring.makeConsumer()
        devices.begin(script.bursts[0])
        try body(&devices, &consumer, port)
        devices.deallocate()
        port.deallocate()
        script.deallocate()
        freeShared(words, count: 1)
        freeShared(intended, count: EmulatedDevices.sequences)
    }

    private func request(
        device: UInt16 = 1, pasid: Int = 1, index: Int = 0, isLast: Bool = true
    ) -> TrafficEvent {
        TrafficEvent(
            arrivalNs: 0,
            request: PageRequest(
                requester: RequesterID(device), pasid: PASID(pasid), index: PRGIndex(index)!,
                address: 0, permissions: .read, isLast: isLast))
    }

    private func drain(_ ring: inout SPSCRing.Consumer) -> [PageRequest] {
        let buffer = allocateShared(zeroed: PageRequest.self, count: 64)
        defer { freeShared(buffer, count: 64) }
        var all: [PageRequest] = []
        while true {
            let count = ring.dequeue(into: buffer, limit: 64)
            if count == 0 { return all }
            all += (0..<count).map { buffer[$0] }
        }
    }

    private func expectStep(_ devices: inout EmulatedDevices, isLast: Bool) {
        let found = devices.step()
        #expect(found == isLast)
    }

    private func expectDrained(_ ring: inout SPSCRing.Consumer, _ count: Int) {
        let found = drain(&ring)
        #expect(found.count == count)
    }

    @Test("the pages of interleaved groups keep their order and carry their number")
    func groups() throws {
        let events = [
            request(index: 1, isLast: false), request(index: 2, isLast: false),
            request(index: 1, isLast: false), request(index: 2), request(index: 1),
        ]
        try rig(events) { devices, ring, _ in
            expectStep(&devices, isLast: true)
            let sent = drain(&ring)
            #expect(sent.map(\.isLast) == [false, false, false, true, true])
            #expect(sent[0].index == sent[2].index && sent[2].index == sent[4].index)
            #expect(sent[0].index != sent[1].index && sent[1].index == sent[3].index)
            #expect(sent[3].privateData1 & 0xFFFF == 2)
            #expect(sent[4].privateData1 & 0xFFFF == 3)
            #expect(devices.groups == 2 && devices.pages == 5)
        }
    }

    @Test("a device without credit waits for its answers, others do not")
    func credits() throws {
        let events =
            [UInt16](repeating: 1, count: 5).map { request(device: $0) } + [request(device: 2)]
        try rig(events, credits: 2) { devices, ring, port in
            expectStep(&devices, isLast: false)
            let first = drain(&ring)
            #expect(first.map(\.requester.rawValue) == [1, 1, 2])
            expectStep(&devices, isLast: false)
            expectDrained(&ring, 0)
            port.send(.success, to: first[0])
            expectStep(&devices, isLast: false)
            let second = drain(&ring)
            #expect(second.count == 1)
            port.send(.success, to: first[1])
            port.send(.success, to: second[0])
            expectStep(&devices, isLast: true)
            expectDrained(&ring, 2)
            #expect(devices.blockings == 1)
        }
    }

    @Test("after an overflow every open group is sent again whole", arguments: [1, 2, 3, 5])
    func overflow(size: Int) throws {
        let count = 120
        var events: [TrafficEvent] = []
        for _ in 0..<size {
            for number in 0..<count {
                events.append(
                    request(
                        index: number, isLast: events.count >= (size - 1) * count))
            }
        }
        try rig(events) { devices, ring, _ in
            var partial: [UInt16: Int] = [:]
            var complete: [Int] = []
            var passes = 0
            while true {
                passes += 1
                try #require(passes < 100_000)
                let isOver = devices.step()
                let found = drain(&ring)
                for request in found {
                    partial[request.index.rawValue, default: 0] += 1
                    guard request.isLast else { continue }
                    complete.append(partial[request.index.rawValue] ?? 0)
                    #expect(Int(request.privateData1 & 0xFFFF) == size)
                    partial[request.index.rawValue] = nil
                }
                if found.isEmpty && ring.acknowledgeOverflow() {
                    partial = [:]
                } else if isOver {
                    break
                }
            }
            #expect(complete == [Int](repeating: size, count: count))
            #expect(partial.isEmpty)
            #expect((devices.overflows > 0) == (size * count > 127))
            #expect((devices.retried > 0) == (size * count > 127))
        }
    }

    @Test("a burst is not over while an unbind is under way")
    func unbindAtTheEnd() throws {
        try rig([request(pasid: 1, isLast: false), request(pasid: 2)]) { devices, ring, _ in
            let asked = UnbindWords.request(key: 0, number: 1)
            words.pointee.request.value.store(asked, ordering: .relaxed)  // one thread
            expectStep(&devices, isLast: false)
            #expect(words.pointee.stopped.value.load(ordering: .relaxed) == asked)  // one thread
            #expect(devices.cancelled == 1)
            let left = drain(&ring)
            #expect(left.map(\.pasid) == [PASID(2)])
            expectStep(&devices, isLast: false)
            words.pointee.request.value.store(UnbindWords.idle, ordering: .relaxed)  // one thread
            expectStep(&devices, isLast: true)
            #expect(
                words.pointee.request.value.load(ordering: .relaxed)  // one thread
                    == UnbindWords.closed)
            #expect(devices.groups == 1)
        }
    }
}
