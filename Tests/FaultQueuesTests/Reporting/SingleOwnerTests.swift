import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

@Suite(.serialized)
struct SingleOwnerTests {
    typealias Scheme = SingleOwnerReporting<PoolNodes>

    @Test
    func everyGuaranteeHoldsOnOneThread() {
        GroupCases<Scheme>.all()
        GroupCases<SingleOwnerReporting<GlibcNodes>>.sizes()
        GroupCases<SingleOwnerReporting<JemallocNodes>>.flushes()
    }

    @Test
    func anOwnerAndARemovalThatMeetAnswerOnce() {
        GroupCases<Scheme>.duel(rounds: 2_000)
    }

    @Test
    func everythingAtOnceKeepsTheGuarantees() {
        ReportingChecks.expectShortListsAgree(Scheme.self)
        ReportingChecks.expectSound(Scheme.self, seed: groupSeed)
    }

    /// A request that is posted while somebody is inside is served by the next report, before it.
    @Test
    func theNextReportServesWhatIsPosted() {
        let bench = GroupBench<Scheme>()
        bench.report(5, 1, isLast: false)
        let device = bench.scheme.devices
        let request = allocateShared(
            initial: OwnerRequest(.discard, bench.scheme.table.everything))
        device.pointee.post(request)
        let isPosted = device.pointee.hasRequests
        #expect(isPosted)
        let last = bench.report(5, 1, isLast: true)
        let isStillPosted = device.pointee.hasRequests
        #expect(!isStillPosted)
        let done = request.pointee.done.load(ordering: .relaxed)  // this thread served it
        let result = request.pointee.result
        #expect(done == 1 && result == 1)
        freeShared(request, count: 1)
        #expect(bench.handle() == [last])
        bench.expectEmpty()
    }

    /// A poster waits while somebody is inside, and serves all that is posted when nobody is.
    @Test
    func aPosterServesEverythingWhereNobodyIsInside() {
        let bench = GroupBench<Scheme>()
        bench.report(5, 1, isLast: false)
        bench.report(6, 1, isLast: false)
        let device = bench.scheme.devices
        let entries = [device.pointee.tryEnter(), device.pointee.tryEnter()]
        #expect(entries == [true, false])
        let scheme = bench.scheme
        let flusher = DedicatedThread { scheme.flush(RequesterID(1), PASID(5)!) }
        var wait = SpinWait()
        while !device.pointee.hasRequests { wait.wait() }
        let before = device.pointee.state.pointee.partialGroups
        device.pointee.leave()
        flusher.join()
        let after = device.pointee.state.pointee.partialGroups
        #expect([before, after] == [2, 1])
        #expect(bench.scheme.discardPartial() == 1)
        bench.expectEmpty()
    }

    /// Every chain of partial groups can lose its first, a middle and its last group.
    @Test
    func chainsLoseGroupsAnywhere() {
        for victim in [0, 1, 300, 598, 599] {
            let bench = GroupBench<Scheme>(pages: 600)
            let tags = (0..<600).map { bench.report($0, isLast: false) }
            bench.flush(victim)
            for number in 0..<600 {
                let last = bench.report(number, isLast: true)
                #expect(bench.handle() == (number == victim ? [last] : [tags[number], last]))
            }
            bench.expectEmpty()
        }
    }
}
