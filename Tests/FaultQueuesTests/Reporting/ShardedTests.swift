import FaultModel
@testable import FaultQueues
import Testing

@Suite("Reporting by shards")
struct ShardedTests {
    typealias Scheme = ShardedReporting<FutexLock, PoolNodes>
    typealias Cases = GuaranteeCases<Scheme>

    @Test("one answer per group") func oneAnswer() { Cases.oneAnswerPerGroup() }
    @Test("groups do not mix") func noMixing() { Cases.groupsDoNotMix() }
    @Test("a flush ends the PASID") func flushEnds() { Cases.flushEndsThePASID() }
    @Test("a flush waits for the handler") func flushWaits() { Cases.flushWaitsForTheHandler() }
    @Test("a flush leaves others") func flushLeaves() { Cases.flushLeavesOthers() }
    @Test("removal ends the device") func removal() { Cases.removalEndsTheDevice() }
    @Test("a discard leaves groups") func discard() { Cases.discardLeavesGroups() }
    @Test("no memory") func refusal() { Cases.refusal() }
    @Test("the census") func census() { Cases.census() }

    @Test("everything at once")
    func everythingAtOnce() {
        ReportingChecks.expectSound(Scheme.self, seed: reportingSeed)
    }

    @Test("other locks and node memories")
    func otherKinds() {
        GuaranteeCases<ShardedReporting<PthreadLock, JemallocNodes>>.flushLeavesOthers()
        GuaranteeCases<ShardedReporting<MCSLock, GlibcNodes>>.removalEndsTheDevice()
    }

    @Test("a flush waits neither for a backlog nor for another PASID's handler")
    func flushWaitsForItsOwnAlone() {
        let rig = ReportingRig<Scheme>(devices: [0x10, 0x20])
        let running = [rig.queue(pasid: 2), rig.queue(device: 0x20, pasid: 1)]
        var second = rig.scheme.makeWorker()
        let groups = [rig.worker.take()!, second.take()!]
        let cancelled = rig.queue(pasid: 1)
        let waiting = rig.queue(pasid: 2, index: 3)
        // On this thread: nobody else could end the handlers.
        rig.scheme.flush(RequesterID(0x10), PASID(1)!)
        rig.expect(cancelled, answered: .invalid)
        for number in running + [waiting] { rig.expect(number) }
        #expect(rig.worker.respond(groups[0], .success) == .answered)
        rig.worker.finish()
        #expect(second.respond(groups[1], .success) == .answered)
        second.finish()
        // The cancelled group reaches no handler.
        #expect(rig.work() == [[waiting]])
        rig.expect(cancelled)
        rig.scheme.retire(second)
        rig.end()
    }

    @Test("neighbouring keys fall into many shards")
    func spread() {
        func shards(_ pasids: Range<Int>, _ indices: Range<Int>) -> Int {
            var found: Set<Int> = []
            for pasid in pasids {
                for index in indices {
                    let request = pageRequest(1, pasid: pasid, index: index)
                    let shard = FaultShard<FutexLock>.index(of: request.header)
                    #expect((0..<FaultShard<FutexLock>.count).contains(shard))
                    found.insert(shard)
                }
            }
            return found.count
        }
        #expect(shards(1..<2, 0..<512) == 64)
        #expect(shards(1..<4097, 7..<8) == 64)
        #expect(shards(1..<2, 0..<8) >= 6)
        #expect(shards(1..<9, 0..<1) >= 6)
    }
}
