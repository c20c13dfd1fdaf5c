import FaultModel
import FaultQueues
import Results
import Testing

@testable import Harness

extension Trials {
    @Suite("Each check of a reporting trial fails where it should") struct ReportingCheckTests {
        private let bench: TrialBench

        init() throws { bench = try TrialBench.shared.get() }

        private static let plain = #""observe": "reports", "groupSize": 4"#
        private static let flush = #""observe": "flush-latency", "backlog": 64, "pasids": 8"#
        private static let beside =
            #""observe": "reports", "flusher": {"everyUs": 20, "device": "same"}"#
        private static let churn =
            #""observe": "reports", "groupSize": 4, "credits": 64, "churn": {"everyUs": 200}"#
        private static let late =
            #""observe": "reports", "groupSize": 4, "answers": {"window": 8, "order": "random"}"#
        private static let failing =
            #""observe": "reports", "groupSize": 4, "errorShare": 0.2, "workers": 2"#

        /// A damage, a workload under which it must be found, and how.
        private struct Case: Sendable, CustomTestStringConvertible {
            let scheme: ReportingScheme
            let workload: String
            let finding: String
            var testDescription: String { "\(finding): \(workload)" }

            init<Kind: ReportingDamageKind>(_: Kind.Type, _ workload: String, _ finding: String) {
                scheme = ReportingScheme(
                    DamagedReporting<Kind>.self, checked: DamagedReporting<Kind>.self)
                self.workload = workload
                self.finding = finding
            }
        }

        private static let cases = [
            Case(AnsweringTwice.self, plain, "groups answered more than once"),
            Case(AnsweringTwice.self, late, "groups answered more than once"),
            Case(AnsweringTwice.self, churn, "groups answered more than once"),
            Case(AnsweringTwice.self, flush, "groups not answered once when their flush returned"),
            Case(AnsweringNever.self, plain, "groups never answered"),
            Case(AnsweringWrongly.self, plain, "groups answered with another code than theirs"),
            Case(AnsweringWrongly.self, failing, "groups answered with another code than theirs"),
            Case(AnsweringWrongly.self, late, "groups answered with another code than theirs"),
            Case(AnsweringWrongly.self, churn, "groups answered with another code than theirs"),
            Case(AnsweringPages.self, plain, "answers to requests that were not last"),
            Case(AnsweringPages.self, churn, "answers to requests that were not last"),
            Case(DenyingAnswers.self, plain, "answers to groups that were answered already"),
            Case(DenyingAnswers.self, late, "answers to groups that were answered already"),
            Case(DenyingAnswers.self, flush, "answered by a flush or a removal"),
            Case(DenyingAnswers.self, churn, "answered by a flush or a removal"),
            Case(MixingPages.self, plain, "pages in a group of another key"),
            Case(MixingPages.self, failing, "pages in a group of another key"),
            Case(SwappingPages.self, plain, "pages out of order"),
            Case(SwappingPages.self, failing, "pages out of order"),
            Case(DroppingPages.self, plain, "groups with too few or too many pages"),
            Case(DroppingPages.self, failing, "groups with too few or too many pages"),
            Case(DroppingPages.self, churn, "groups cut short with their device there throughout"),
            Case(AnsweringUnhandled.self, plain, "groups completed, but"),
            Case(AnsweringUnhandled.self, flush, "groups completed, but"),
            Case(
                AnsweringUnhandled.self, churn, "groups not handled, and not answered by"),
            Case(LosingGroups.self, plain, "left behind"),
            Case(LosingDevice.self, plain, "reports of a device that was not there"),
            Case(LosingDevice.self, churn, "reports whose outcome does not fit"),
            Case(LosingMemory.self, plain, "reports refused for want of memory"),
            Case(LosingMemory.self, beside, "requests of the flushed PASID not taken"),
            Case(FlushingNothing.self, flush, "groups handled after their flush"),
            Case(FlushingNothing.self, flush, "groups not answered once when their flush returned"),
            Case(FlushingNothing.self, beside, "groups handled after their flush"),
            Case(FlushingAll.self, flush, "groups answered with another code than theirs"),
            Case(RemovingNothing.self, churn, "reports whose outcome does not fit"),
        ]

        @Test("damage is found", arguments: cases)
        private func damage(_ damaged: Case) throws {
            let workload = try TrialBench.workload(damaged.workload)
            var trial = bench.reportingTrial(damaged.scheme, workload, oneCPU: false)
            // Whether enough happens in one round is the machine's business, so there are more.
            var found: [String] = []
            for round in 0..<40 {
                found = try trial.run(index: round).check.violations
                if found.contains(where: { $0.contains(damaged.finding) }) { return }
                trial.burstNs *= 1.3
            }
            Issue.record("expected \"\(damaged.finding)\", found \(found)")
        }

        @Test(
            "nothing is found in what is sound",
            arguments: [plain, flush, beside, churn, late, failing])
        func sound(text: String) throws {
            let workload = try TrialBench.workload(text)
            let scheme = ReportingScheme(
                DamagedReporting<SoundReporting>.self,
                checked: DamagedReporting<SoundReporting>.self)
            let trial = bench.reportingTrial(scheme, workload, oneCPU: false)
            #expect(try trial.run(index: 0).check.violations == [])
        }

        @Test(
            "samples that do not fit are found",
            arguments: [
                #""observe": "report-latency""#, flush, late,
            ])
        func droppedSamples(text: String) throws {
            let workload = try TrialBench.workload(text)
            let scheme = ReportingScheme(
                DamagedReporting<SoundReporting>.self,
                checked: DamagedReporting<SoundReporting>.self)
            var trial = bench.reportingTrial(scheme, workload, oneCPU: false)
            trial.sampleLimit = 1
            var found: [String] = []
            for round in 0..<40 {
                found = try trial.run(index: round).check.violations
                if found.contains(where: { $0.contains("did not fit") }) { return }
                trial.burstNs *= 1.3
            }
            Issue.record("expected dropped samples, found \(found)")
        }

        @Test("a group that is handled twice, or comes from nobody, is no group")
        func seenPages() {
            let seen = SeenPages(lanes: 2, entries: 8)
            defer { seen.deallocate() }
            #expect(seen.note(3, tag: 1 << 48 | 5))
            #expect(!seen.note(3, tag: 1 << 48 | 5))
            #expect(seen.note(3, tag: 5))
            #expect(!seen.note(3, tag: 2 << 48 | 5))
            #expect(seen.take(tag: 1 << 48 | 5) == 3)
            #expect(seen.take(tag: 1 << 48 | 5) == 0)
            #expect(seen.note(3, tag: 1 << 48 | 5))
        }
    }
}
