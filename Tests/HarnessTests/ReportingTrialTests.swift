import FaultModel
import FaultQueues
import Foundation
import Placement
import Results
import SchemeCatalogue
import Testing

@testable import Harness

extension Trials {
    @Suite(
        "A reporting trial runs every structure under every kind of workload, and its checks hold")
    struct ReportingTrialTests {
        private let bench: TrialBench

        init() throws { bench = try TrialBench.shared.get() }

        /// A workload of every kind, as its suite would say it.
        private static let workloads: [String] = {
            let silent = #""order": "random", "silentShare": 0.05, "timeoutNs": 20000"#
            return [
                #""observe": "reports""#,
                #""observe": "report-latency", "reporters": 2, "workers": 2"#,
                #""observe": "reports", "workers": 0, "serviceShape": "slow-tail", "#
                    + #""errorShare": 0.1"#,
                #""observe": "reports", "serviceNs": 200, "serviceShape": "lognormal", "#
                    + #""errorShare": 0.2"#,
                #""observe": "flush-latency", "backlog": 16, "serviceNs": 100"#,
                #""observe": "flush-latency", "backlog": 16, "errorShare": 0.1, "#
                    + #""answers": {"window": 8, \#(silent)}"#,
                #""observe": "flush-latency", "backlog": 4, "#
                    + #""answers": {"window": 4, "responders": 2}"#,
                #""observe": "reports", "answers": {"window": 16}"#,
                #""observe": "reports", "workers": 2, "errorShare": 0.1, "#
                    + #""answers": {"window": 16, "delayNs": 1000, \#(silent)}"#,
                #""observe": "reports", "workers": 2, "#
                    + #""answers": {"window": 8, "responders": 2, \#(silent)}"#,
                #""observe": "report-latency", "serviceNs": 200, "#
                    + #""flusher": {"everyUs": 50, "device": "same"}"#,
                #""observe": "reports", "serviceNs": 200, "answers": {"window": 8}, "#
                    + #""flusher": {"everyUs": 50, "device": "other"}"#,
                #""observe": "reports", "devices": 2, "churn": {"everyUs": 20, "devices": 2}"#,
                #""observe": "report-latency", "reporters": 2, "devices": 2, "#
                    + #""churn": {"everyUs": 20, "devices": 1}, "#
                    + #""answers": {"window": 8, "responders": 1, \#(silent)}"#,
            ]
        }()

        /// Every structure with one kind of lock, and every node memory.
        private static let schemes = SchemeCatalogue.reporting.filter {
            $0.lockKind == nil || $0.lockKind == .futex
        }.map(\.name)

        @Test("every structure", arguments: schemes)
        func everyStructure(name: String) throws {
            let scheme = try #require(SchemeCatalogue.reporting.first { $0.name == name })
            for text in Self.workloads {
                let workload = try TrialBench.workload(text)
                for oneCPU in [false, true] {
                    let trial = bench.reportingTrial(scheme, workload, oneCPU: oneCPU)
                    try expectSound(try trial.run(index: 3), of: trial, "\(text) \(oneCPU)")
                }
            }
        }

        private func expectSound(
            _ round: RoundRecord, of trial: ReportingTrial, _ comment: String
        ) throws {
            let workload = trial.workload
            #expect(round.check.violations == [], "\(comment)")
            #expect(round.bursts.count == trial.bursts)
            #expect(round.threads.map(\.cpu).sorted() == trial.allCPUs.sorted())
            #expect(
                round.threads.map(\.role)
                    == [String](repeating: "producer", count: workload.reporters)
                    + [String](repeating: "consumer", count: workload.workers)
                    + [String](repeating: "responder", count: workload.responders)
                    + (workload.flusher == nil ? [] : ["flusher"])
                    + (workload.churn == nil ? [] : ["churner"]), "\(comment)")
            var latencies: Set<String> = []
            if workload.answers != nil { latencies.insert("answer") }
            if workload.flusher != nil { latencies.insert("flush") }
            if workload.churn != nil { latencies.formUnion(["remove", "add"]) }
            // On one CPU a burst may end before anything was answered.
            if !trial.isOversubscribed {
                let found = Set((round.otherLatencies ?? [:]).keys)
                #expect(found.isSubset(of: latencies), "\(comment)")
                #expect(found.isSuperset(of: latencies.subtracting(["answer"])), "\(comment)")
            }
            let counts = Set((round.counts ?? [:]).keys)
            if workload.answers != nil {
                #expect(counts.isSuperset(of: ["timeouts", "late-answers", "out-of-order"]))
            }
            if workload.churn != nil {
                #expect(counts.isSuperset(of: ["refused-reports", "answered-by-removal"]))
            }
        }

        @Test("the seed decides which pages fail")
        func sameSeed() throws {
            let share = TagShare(0.25, salt: 9)
            let hits = (0..<4000).filter { share.contains(UInt64($0)) }
            #expect(hits == (0..<4000).filter { TagShare(0.25, salt: 9).contains(UInt64($0)) })
            #expect(hits != (0..<4000).filter { TagShare(0.25, salt: 10).contains(UInt64($0)) })
            #expect((850...1150).contains(hits.count))
            #expect(!(0..<4000).contains { TagShare(0, salt: 9).contains(UInt64($0)) })
            #expect((0..<4000).allSatisfy { TagShare(1, salt: 9).contains(UInt64($0)) })
        }

        @Test("service times have their mean and their tail", arguments: ServiceShape.allCases)
        func serviceTimes(_ shape: ServiceShape) {
            let factors = ServiceTimes.factors(shape)
            let mean = factors.reduce(0, +) / Double(factors.count)
            #expect(abs(mean - (shape == .slowTail ? 1.99 : 1)) < 1e-9)
            #expect(factors.max()! <= shape.longest)
            if shape == .lognormal {
                #expect(abs(factors[500] - exp(-0.5)) < 0.01)
                #expect(abs(factors[990] - exp(2.326 - 0.5)) < 0.2)
            }
            var times = ServiceTimes(shape, passes: 1000, seed: 5)
            var sum = 0
            for _ in 0..<100_000 { sum += times.draw() }
            #expect(abs(Double(sum) / 1e8 / mean - 1) < 0.1)
            times.deallocate()
        }

        @Test("a thread beside the workload takes a CPU that nobody uses, or the first worker's")
        func bystanderPlace() throws {
            let workload = try TrialBench.workload(
                #""observe": "reports", "flusher": {"everyUs": 50, "device": "same"}"#)
            let scheme = try #require(SchemeCatalogue.reporting.first)
            var trial = bench.reportingTrial(scheme, workload, oneCPU: true)
            let allowed = bench.topology.shape.allowedCPUs
            #expect(trial.allCPUs.count == 3)
            #expect(allowed.contains(trial.bystander.cpu))
            if allowed.count == 1 {
                #expect(trial.bystander == (allowed[0], false))
            } else {
                #expect(trial.bystander.cpu != trial.cpus[0])
            }
            trial = bench.reportingTrial(scheme, workload, oneCPU: false)
            let isSpare = Set(allowed).subtracting(trial.cpus).contains(trial.bystander.cpu)
            #expect(isSpare || trial.bystander == (trial.cpus[0], false))
        }
    }
}
