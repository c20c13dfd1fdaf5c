import CPlatform
import FaultQueues
import Foundation
import Results
import SchemeCatalogue
import Testing

@testable import Harness

/// A scheme of a subject about lifetimes under a workload that gives its checks work.
struct LifetimeCase: Sendable, CustomTestStringConvertible {
    let name: String
    let job: any TrialJob
    let threads: Int

    var testDescription: String { name }

    init(_ name: String, _ workload: some LifetimeWorkload, _ job: any TrialJob) {
        self.name = "\(name) under \(workload.name)"
        self.job = job
        threads = workload.threads
    }

    /// Every scheme of a set under every workload of its subject.
    static func all(of schemes: SchemeSet) -> [LifetimeCase] {
        schemes.pasid.flatMap { scheme in
            LifetimeWorkloads.pasid.map { LifetimeCase(scheme.name, $0, scheme.job($0)) }
        }
            + schemes.attachHandle.flatMap { scheme in
                LifetimeWorkloads.handles.map { LifetimeCase(scheme.name, $0, scheme.job($0)) }
            }
            + schemes.release.flatMap { scheme in
                LifetimeWorkloads.release.map { LifetimeCase(scheme.name, $0, scheme.job($0)) }
            }
    }

    /// One round of two short bursts.
    ///
    /// - Parameter onOneCPU: All threads share the first CPU.
    func round(onOneCPU: Bool) throws -> RoundRecord {
        let bench = try TrialBench.shared.get()
        let (cpus, isOversubscribed) = bench.cpus(threads)
        return try job.run(
            TrialSettings(
                topology: bench.topology,
                cpus: onOneCPU ? cpus.map { _ in cpus[0] } : cpus,
                isOversubscribed: onOneCPU || isOversubscribed, clock: bench.clock, bursts: 2,
                burstNs: 1e6, passesPerNs: 1, seed: 7), index: 0)
    }
}

/// Short, with as much that can go wrong as fits.
enum LifetimeWorkloads {
    static let handles: [HandleWorkload] = [
        read(#"{"name": "users", "observe": "lookups", "users": 2}"#),
        read(
            #"""
            {"name": "churn", "observe": "lookups", "users": 2, "churners": 1, "places": 8,
             "churnedPercent": 75, "useNs": 200}
            """#),
        read(
            #"""
            {"name": "detaches", "observe": "detach-latency", "users": 2, "churners": 2,
             "places": 4, "churnedPercent": 100}
            """#),
    ]

    static let pasid: [PASIDWorkload] = [
        read(#"{"name": "binds", "observe": "binds"}"#),
        read(#"{"name": "task-lives", "observe": "task-lives", "isShared": true}"#),
        read(#"{"name": "own-task-lives", "observe": "task-lives"}"#),
        read(#"{"name": "exits", "observe": "exit-latency", "isShared": true, "tasks": 64}"#),
        read(#"{"name": "own-exits", "observe": "exit-latency", "tasks": 64}"#),
        read(#"{"name": "processes", "observe": "processes", "resident": 8}"#),
        read(
            #"""
            {"name": "exhausting", "observe": "processes", "resident": 8, "bits": 3,
             "closesEarly": true}
            """#),
    ]
    static let release: [ReleaseWorkload] = [
        read(#"{"name": "releases", "observe": "release-latency", "backlog": 16}"#),
        read(
            #"""
            {"name": "many-callers", "observe": "release-latency", "callers": 2, "devices": 1,
             "backlog": 8, "accesses": 64}
            """#),
        read(
            #"""
            {"name": "bystanders", "observe": "bystander-latency", "backlog": 32,
             "releaseEvery": 4}
            """#),
    ]

    private static func read<Workload: LifetimeWorkload>(_ text: String) -> Workload {
        do {
            let workload = try JSONDecoder().decode(Workload.self, from: Data(text.utf8))
            if let fault = workload.fault { preconditionFailure(fault) }
            return workload
        } catch { preconditionFailure("\(error)") }
    }
}

extension Trials {
    @Suite("Trials about lifetimes hold their checks, and twins fail them")
    struct LifetimeTrialTests {
        @Test("a sound scheme passes", arguments: LifetimeCase.all(of: SchemeCatalogue.all))
        func sound(item: LifetimeCase) throws {
            for onOneCPU in [false, true] {
                let round = try item.round(onOneCPU: onOneCPU)
                #expect(round.check.holds, "\(round.check.violations)")
                #expect(round.bursts.count == 2)
                #expect(round.check.accepted > 0)
            }
        }

        /// Each has its window opened by a yield, so it is met also on one CPU. What a twin does is
        /// a race, which ThreadSanitizer would report as what it is.
        @Test("a broken twin is caught", .enabled(if: !fq_tsan_enabled()), arguments: twinNames)
        func twin(name: String) throws {
            let items = LifetimeCase.all(of: SchemeCatalogue.lifetimeTwins)
                .filter { $0.name.hasPrefix(name + " ") }
            #expect(!items.isEmpty)
            for _ in 0..<50 {
                for item in items where try !item.round(onOneCPU: false).check.holds { return }
            }
            Issue.record("\(name) passed every check")
        }

        static let twinNames = SchemeCatalogue.lifetimeTwins.names

        @Test(
            "no lookup and no fix-up allocates",
            arguments: LifetimeCase.all(of: SchemeCatalogue.all).filter {
                $0.name.hasSuffix(" users") || $0.name.hasSuffix("task-lives")
            })
        func allocations(item: LifetimeCase) throws {
            let round = try item.round(onOneCPU: false)
            #expect(round.threads.allSatisfy { ($0.allocatedBytes ?? 0) == 0 })
        }
    }
}
