import Foundation
import Testing

@testable import Harness

@Suite("A reporting workload is read as written, or refused in one line")
struct ReportingWorkloadTests {
    private static func file(_ workload: String) -> String {
        #"{"name": "sample", "description": "", "rounds": 1, "burstsPerRound": 1, "burstMs": 1, "#
            + #""schemes": ["*"], "reporting": [{"name": "cell", \#(workload)}]}"#
    }

    @Test("fields left out take their least value")
    func defaults() throws {
        let suite = try SuiteFile.read(Self.file(#""observe": "reports""#))
        let workload = try #require(suite.reporting.first)
        #expect(workload.serviceShape == .fixed && workload.errorShare == 0)
        #expect(workload.answers == nil && workload.flusher == nil && workload.churn == nil)
        #expect(workload.threads == 2 && !workload.isVaried && !workload.hasBystander)
        let late = try SuiteFile.read(Self.file(#""observe": "reports", "answers": {}"#))
        #expect(
            late.reporting[0].answers
                == AnswerPlan(
                    window: 1, order: .fifo, delayNs: 0, responders: 0, silentShare: 0,
                    timeoutNs: 0))
    }

    @Test("every part is read")
    func everyPart() throws {
        let suite = try SuiteFile.read(
            Self.file(
                #""observe": "reports", "devices": 4, "serviceNs": 5, "#
                    + #""serviceShape": "slow-tail", "#
                    + #""answers": {"window": 9, "order": "random", "delayNs": 2.5, "#
                    + #""responders": 3, "silentShare": 0.5, "timeoutNs": 7}, "#
                    + #""churn": {"everyUs": 8, "devices": 4}"#))
        let workload = try #require(suite.reporting.first)
        #expect(workload.serviceShape == .slowTail)
        #expect(
            workload.answers
                == AnswerPlan(
                    window: 9, order: .random, delayNs: 2.5, responders: 3, silentShare: 0.5,
                    timeoutNs: 7))
        #expect(workload.churn == ChurnPlan(everyUs: 8, devices: 4))
        #expect(workload.threads == 5 && workload.isVaried && workload.hasBystander)
        let other = try SuiteFile.read(
            Self.file(
                #""observe": "report-latency", "errorShare": 1, "#
                    + #""flusher": {"everyUs": 3, "device": "other"}"#))
        #expect(other.reporting[0].errorShare == 1)
        #expect(other.reporting[0].flusher == FlusherPlan(everyUs: 3, device: .other))
    }

    @Test("what is written is read again")
    func roundTrip() throws {
        let suite = try SuiteFile.read(
            Self.file(
                #""observe": "reports", "answers": {"window": 4, "silentShare": 0.1, "#
                    + #""timeoutNs": 50}, "churn": {"everyUs": 8}"#))
        let again = try JSONDecoder().decode(Suite.self, from: try JSONEncoder().encode(suite))
        #expect(again == suite)
    }

    @Test(
        "what is wrong is named",
        arguments: [
            (
                #""observe": "reports", "serviceShape": "steep""#,
                "reporting[0].serviceShape: expected one of fixed, lognormal, slow-tail, "
                    + #"found "steep""#
            ),
            (
                #""observe": "reports", "serviceNs": 200000, "serviceShape": "slow-tail""#,
                "reporting[0] cell: serviceNs: expected 0…100000 for shape slow-tail, "
                    + "found 200000.0"
            ),
            (
                #""observe": "reports", "errorShare": 1.5"#,
                "reporting[0] cell: errorShare: expected 0…1, found 1.5"
            ),
            (
                #""observe": "reports", "answers": {"window": 0}"#,
                "reporting[0] cell: answers.window: expected 1…4096, found 0"
            ),
            (
                #""observe": "reports", "answers": {"window": 1.5}"#,
                "reporting[0].answers.window: expected a whole number, found 1.5"
            ),
            (
                #""observe": "reports", "answers": {"windows": 1}"#,
                "reporting[0].answers.windows: unknown field; expected one of window, order, "
                    + "delayNs, responders, silentShare, timeoutNs"
            ),
            (
                #""observe": "reports", "answers": {"responders": 65}"#,
                "reporting[0] cell: answers.responders: expected 0…64, found 65"
            ),
            (
                #""observe": "reports", "answers": {"delayNs": -1}"#,
                "reporting[0] cell: answers.delayNs: expected 0…10000000, found -1.0"
            ),
            (
                #""observe": "reports", "answers": {"silentShare": 2}"#,
                "reporting[0] cell: answers.silentShare: expected 0…1, found 2.0"
            ),
            (
                #""observe": "reports", "answers": {"silentShare": 0.5}"#,
                "reporting[0] cell: answers.timeoutNs: expected 1…100000000, found 0.0"
            ),
            (
                #""observe": "reports", "answers": {"timeoutNs": 5}"#,
                "reporting[0] cell: answers.timeoutNs: only with a silentShare"
            ),
            (
                #""observe": "reports", "workers": 0, "answers": {}"#,
                "reporting[0] cell: answers: a reporter that handles its own groups answers them "
                    + "at once"
            ),
            (
                #""observe": "reports", "flusher": {"everyUs": 0, "device": "same"}"#,
                "reporting[0] cell: flusher.everyUs: expected 1…1000000, found 0"
            ),
            (
                #""observe": "reports", "flusher": {"everyUs": 5, "device": "all"}"#,
                #"reporting[0].flusher.device: expected one of same, other, found "all""#
            ),
            (
                #""observe": "reports", "flusher": {"device": "same"}"#,
                "reporting[0].flusher.everyUs: missing"
            ),
            (
                #""observe": "reports", "workers": 0, "flusher": {"everyUs": 5, "device": "same"}"#,
                "reporting[0] cell: flusher: expected at least one worker"
            ),
            (
                #""observe": "flush-latency", "flusher": {"everyUs": 5, "device": "same"}"#,
                "reporting[0] cell: flusher: not beside the reporter that flushes"
            ),
            (
                #""observe": "flush-latency", "churn": {"everyUs": 5}"#,
                "reporting[0] cell: churn: not beside the reporter that flushes"
            ),
            (
                #""observe": "reports", "churn": {"everyUs": 5, "devices": 2}"#,
                "reporting[0] cell: churn.devices: expected 1…1, the workload's, found 2"
            ),
            (
                #""observe": "reports", "churn": {"everyUs": 5, "devices": 65}"#,
                "reporting[0] cell: churn.devices: expected 1…64, found 65"
            ),
            (
                #""observe": "reports", "errorShare": 0.5, "churn": {"everyUs": 5}"#,
                "reporting[0] cell: churn: not with an errorShare, whose answers are like a "
                    + "removal's"
            ),
            (
                #""observe": "reports", "flusher": {"everyUs": 5, "device": "same"}, "#
                    + #""churn": {"everyUs": 5}"#,
                "reporting[0] cell: flusher, churn: expected one of them at most"
            ),
            (
                #""observe": "reports", "churn": {"everyUs": 5, "surplus": 1}"#,
                "reporting[0].churn.surplus: unknown field; expected one of everyUs, devices"
            ),
        ])
    func refused(workload: String, line: String) throws {
        #expect(try SuiteFile.refusal(of: Self.file(workload)) == line)
    }

    @Test("the project's suites are sound", arguments: ["smoke", "quick", "full"])
    func suites(name: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let suite = try Suite.read("\(root.path)/Benchmarks/suites/\(name).json")
        #expect(suite.name == name)
        let workloads = suite.reporting
        // Every kind is seen to work by the suite that asks whether things do, and by the longest.
        if name != "quick" {
            #expect(workloads.contains { $0.serviceShape != .fixed })
            #expect(workloads.contains { $0.errorShare > 0 })
            #expect(workloads.contains { $0.answers != nil && $0.observe == .flushLatency })
            #expect(workloads.contains { $0.responders > 0 })
            #expect(workloads.contains { $0.flusher != nil })
            #expect(workloads.contains { $0.churn != nil })
        }
    }
}
