import FaultOracle
import CPlatform
import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

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
        ReportingChecks.expectSound(type, seed: testSeed)
    }

    @Test(arguments: kernelSchemes)
    func oneCPUIsEnough(_ type: any FaultReporting.Type) {
        ReportingChecks.expectSound(
            type,
            ReportingExercise(
                seed: testSeed, churns: true, requests: 500, cpus: [Int(fq_current_cpu())]))
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
