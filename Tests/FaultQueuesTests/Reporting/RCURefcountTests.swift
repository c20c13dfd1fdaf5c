import FaultModel
import FaultQueues
import Testing

@testable import Harness

@Suite("Reporting by RCU and reference counts")
struct RCURefcountTests {
    typealias Cases = GuaranteeCases<RCURefcountReporting<FutexLock, PoolNodes>>

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
        ReportingChecks.expectSound(
            RCURefcountReporting<FutexLock, PoolNodes>.self, seed: reportingSeed)
    }

    @Test("other locks and node memories")
    func otherKinds() {
        GuaranteeCases<RCURefcountReporting<PthreadLock, JemallocNodes>>.flushLeavesOthers()
        GuaranteeCases<RCURefcountReporting<MCSLock, GlibcNodes>>.removalEndsTheDevice()
    }

    @Test("a parameter lives until the last group that holds it, and no longer")
    func parameterLife() {
        let alive = { CountedLock.alive.load(ordering: .acquiring) }
        do {
            let rig = ReportingRig<RCURefcountReporting<CountedLock, PoolNodes>>()
            _ = rig.queue()
            _ = rig.queue(index: 1)
            let all = alive()
            let first = rig.worker.take()!
            rig.worker.finish()
            let second = rig.worker.take()!
            rig.worker.finish()
            #expect(rig.worker.respond(first, .success) == .answered)
            #expect(rig.scheme.removeDevice(RequesterID(0x10)) == .removed)
            RCUDomain.barrier()
            #expect(alive() == all)
            #expect(rig.worker.respond(second, .success) == .notPending)
            RCUDomain.barrier()
            #expect(alive() == all - 1)
            // One that is never removed goes with the structure.
            #expect(rig.scheme.addDevice(RequesterID(0x10)) == .added)
            #expect(rig.hold() > 0)
            #expect(rig.scheme.discardPartial() == 1)
            rig.end()
        }
        RCUDomain.barrier()
        #expect(alive() == 0)
    }
}

/// A lock that counts how many there are; for the one test that looks at the count.
private struct CountedLock: LockPrimitive {
    static let alive = SharedAtomic<Int>(0)
    static var kind: LockKind { .futex }

    private let inner = FutexLock()

    init() { Self.alive.wrappingAdd(1, ordering: .relaxed) }

    func destroy() {
        inner.destroy()
        Self.alive.wrappingSubtract(1, ordering: .releasing)
    }

    func lock() { inner.lock() }
    func unlock() { inner.unlock() }
    func tryLock() -> Bool { inner.tryLock() }
}

@Suite("The RCU domain")
struct RCUDomainTests {
    final class Marker: Sendable {
        let isGone: Milestone
        init(_ isGone: Milestone) { self.isGone = isGone }
        deinit { isGone.set() }
    }

    @Test("a release waits for the readers of before, and is made")
    func deferredRelease() {
        let isGone = Milestone()
        let isInside = Milestone()
        let isReleased = Milestone()
        let reader = DedicatedThread {
            RCUDomain.readLock()
            RCUDomain.readLock()
            RCUDomain.readUnlock()
            isInside.set()
            isReleased.wait()
            // Long enough for a release that does not wait to be seen.
            for _ in 0..<200 { SpinWait.pause(times: 64) }
            #expect(!isGone.isSet)
            RCUDomain.readUnlock()
        }
        isInside.wait()
        let object = Unmanaged.passRetained(Marker(isGone)).toOpaque()
        RCUDomain.releaseAfterGracePeriod(object)
        isReleased.set()
        reader.join()
        RCUDomain.barrier()
        #expect(isGone.isSet)
    }

    @Test("synchronize waits for the readers of before")
    func synchronize() {
        let isInside = Milestone()
        let isLeaving = Milestone()
        let reader = DedicatedThread {
            RCUDomain.readLock()
            isInside.set()
            for _ in 0..<200 { SpinWait.pause(times: 64) }
            isLeaving.set()
            RCUDomain.readUnlock()
        }
        isInside.wait()
        RCUDomain.synchronize()
        #expect(isLeaving.isSet)
        reader.join()
    }
}
