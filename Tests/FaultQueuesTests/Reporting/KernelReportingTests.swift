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

@Suite(.serialized)
struct KernelReportingTests {
    @Test(arguments: kernelSchemes)
    func everyShortListAgreesWithTheModel(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let run = SequentialReporting<Queue>()
            let wide = ReportingLists.first(upTo: 3) { run.firstDifference($0) }
            #expect(wide.difference == nil, "\(Queue.structure)")
            guard wide.difference == nil else { return }
            let deep = ReportingLists.first(upTo: 5, devices: 1, pasids: 2, indices: 1) {
                run.firstDifference($0)
            }
            #expect(deep.difference == nil, "\(Queue.structure)")
        }
        check(type)
    }

    @Test(arguments: kernelSchemes)
    func longListsAgreeWithTheModel(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            var random = SeededGenerator(seed: testSeed, stream: 1)
            let run = SequentialReporting<Queue>()
            for _ in 0..<200 {
                let difference = run.firstDifference(ReportingLists.random(60, &random))
                #expect(difference == nil, "\(Queue.structure), FQ_TEST_SEED=\(testSeed)")
                guard difference == nil else { return }
            }
        }
        check(type)
    }
}
