import CPlatform
import FaultModel
import Testing

@testable import FaultQueues

/// The schemes under test here; the checks themselves are generic.
let kernelSchemes: [any FaultReporting.Type] = [
    DeviceLockReporting<PthreadLock, PoolNodes>.self,
    DomainHandlerReporting<PthreadLock, PoolNodes>.self,
    ConsolidatedReporting<PthreadLock, PoolNodes>.self,
    ConsolidatedFlushReporting<PthreadLock, PoolNodes>.self,
]

/// The same with other locks and node memories.
let otherKernelSchemes: [any FaultReporting.Type] = [
    DeviceLockReporting<TicketLock, JemallocNodes>.self,
    DomainHandlerReporting<FutexLock, GlibcNodes>.self,
    ConsolidatedReporting<MCSLock, GlibcNodes>.self,
    ConsolidatedFlushReporting<TTASLock, JemallocNodes>.self,
]

@Suite(.serialized)
struct KernelReportingTests {
    @Test(arguments: kernelSchemes)
    func everyShortListAgreesWithTheModel(_ type: any FaultReporting.Type) {
        ReportingChecks.expectShortListsAgree(type)
    }

    @Test(arguments: kernelSchemes + otherKernelSchemes)
    func longListsAgreeWithTheModel(_ type: any FaultReporting.Type) {
        ReportingChecks.expectLongListsAgree(type)
    }

    @Test(arguments: kernelSchemes + otherKernelSchemes)
    func threadsAtTheSameTimeKeepTheGuarantees(_ type: any FaultReporting.Type) {
        ReportingChecks.expectSound(type, ReportingStress(seed: testSeed))
    }

    @Test(arguments: kernelSchemes)
    func twoReportersOfOneDeviceKeepTheGuarantees(_ type: any FaultReporting.Type) {
        ReportingChecks.expectSound(type, ReportingStress(seed: testSeed, reporters: 2))
        ReportingChecks.expectSound(
            type, ReportingStress(seed: testSeed, reporters: 2, churns: false))
        ReportingChecks.expectSound(
            type, ReportingStress(seed: testSeed, reporters: 2, discards: true))
    }

    @Test(arguments: kernelSchemes)
    func oneCPUIsEnough(_ type: any FaultReporting.Type) {
        ReportingChecks.expectSound(
            type, ReportingStress(seed: testSeed, requests: 1000, onOneCPU: true))
    }

    @Test(arguments: kernelSchemes)
    func noMemoryIsAnsweredAndLeavesNothing(_ type: any FaultReporting.Type) {
        ReportingChecks.expectRefusals(type)
    }

    @Test(arguments: kernelSchemes)
    func devicesBeyondTheLimitHaveNoRoom(_ type: any FaultReporting.Type) {
        ReportingChecks.expectRoomForDevices(type)
    }

    @Test func requestsWithoutPASIDAreAGroupOfTheirOwn() {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let difference = ReportingChecks.withoutPASID(Queue.self)
            #expect(difference == nil, "\(Queue.structure)")
        }
        for type in kernelSchemes { check(type) }
    }
}

/// The checks are seen to fail.
@Suite(.serialized)
struct BrokenReportingTests {
    static let broken: [any FaultReporting.Type] = [
        BrokenReporting<FlushWaitsForNothing>.self, BrokenReporting<FlushTakesAll>.self,
        BrokenReporting<IndexAlone>.self, BrokenReporting<AnswersTwice>.self,
        BrokenReporting<LeaksGroups>.self, BrokenReporting<DiscardKeeps>.self,
        BrokenReporting<RemovalKeeps>.self,
    ]

    @Test(arguments: broken)
    func shortListsCatchEveryDefect(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let run = SequentialReporting<Queue>()
            let found = ReportingLists.first(upTo: 4) { run.firstDifference($0) }
            #expect(found.difference != nil, "\(Queue.structure)")
        }
        check(type)
    }

    @Test(
        arguments: [
            BrokenReporting<FlushWaitsForNothing>.self, BrokenReporting<IndexAlone>.self,
            BrokenReporting<AnswersTwice>.self, BrokenReporting<LeaksGroups>.self,
        ] as [any FaultReporting.Type])
    func stressCatches(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let caught = (0..<20).contains { attempt in
                let stress = ReportingStress(seed: testSeed &+ UInt64(attempt), churns: false)
                return stress.run(Queue.self).complaint != nil
            }
            #expect(caught, "\(Queue.structure), FQ_TEST_SEED=\(testSeed)")
        }
        check(type)
    }

    @Test func theWrapperItselfIsSound() {
        ReportingChecks.expectLongListsAgree(BrokenReporting<NoDefect>.self)
        ReportingChecks.expectSound(
            BrokenReporting<NoDefect>.self, ReportingStress(seed: testSeed))
    }
}
