import CPlatform
import Glibc
import Testing

@testable import FaultQueues
@testable import Harness

/// The tests that load the CPUs run one after another.
@Suite(.serialized)
struct LockTests {
    @Test
    func everyKindHasAType() {
        #expect(Set(allLocks.map { $0.kind }) == Set(LockKind.allCases))
        #expect(allLocks.count == LockKind.allCases.count)
    }

    @Test
    func kindsAreNamedAsTheCommandLineNamesThem() {
        #expect(
            LockKind.allCases.map(\.rawValue) == [
                "pthread", "pthread-adaptive", "swift-mutex", "futex", "ttas", "ticket", "mcs",
            ])
        #expect(LockKind.allCases.filter(\.isFirstComeFirstServed) == [.ticket, .mcs])
        #expect(LockKind.allCases.filter { !$0.parks } == [.ttas, .ticket, .mcs])
        for kind in LockKind.allCases {
            #expect(!kind.summary.isEmpty && !kind.summary.contains("\n"), "\(kind)")
        }
    }

    @Test(arguments: allLocks)
    func aHandleIsOnePointerToAlignedStorage(_ type: any LockPrimitive.Type) {
        func check<Lock: LockPrimitive>(_: Lock.Type) {
            #expect(MemoryLayout<Lock>.size == MemoryLayout<UnsafeRawPointer>.size)
            let lock = Lock()
            let address = unsafeBitCast(lock, to: UInt.self)
            #expect(address % UInt(sharedAlignment) == 0, "\(Lock.kind)")
            lock.destroy()
        }
        check(type)
    }

    @Test(arguments: allLocks)
    func tryLockFailsExactlyWhileHeld(_ type: any LockPrimitive.Type) {
        func check<Lock: LockPrimitive>(_: Lock.Type) {
            let lock = Lock()
            /// Another thread's try, which it undoes.
            func triedElsewhere() -> Bool {
                let result = PlainIntegers(repeating: 0)
                defer { result.free() }
                DedicatedThread.run(1) { _ in
                    if lock.tryLock() {
                        result[0] = 1
                        lock.unlock()
                    }
                }
                return result[0] == 1
            }
            // Locked and tried by one dedicated thread: the priority-inheritance kind wants the
            // locking thread to unlock.
            #expect(triedElsewhere(), "\(Lock.kind) is free at the start")
            lock.lock()
            #expect(!triedElsewhere(), "\(Lock.kind) is held by lock()")
            lock.unlock()
            #expect(triedElsewhere(), "\(Lock.kind) is free after unlock()")
            #expect(lock.tryLock(), "\(Lock.kind) is free after a try was undone")
            #expect(!triedElsewhere(), "\(Lock.kind) is held by tryLock()")
            lock.unlock()
            #expect(triedElsewhere(), "\(Lock.kind) is free at the end")
            lock.destroy()
        }
        check(type)
    }

    @Test(arguments: allLocks)
    func twoLocksOfAKindAreIndependent(_ type: any LockPrimitive.Type) {
        func check<Lock: LockPrimitive>(_: Lock.Type) {
            let one = Lock()
            let two = Lock()
            one.lock()
            #expect(two.tryLock(), "\(Lock.kind)")
            // Released in the order in which they were taken, not the reverse.
            one.unlock()
            #expect(one.tryLock(), "\(Lock.kind)")
            two.unlock()
            one.unlock()
            one.destroy()
            two.destroy()
        }
        check(type)
    }

    @Test(arguments: allLocks)
    func sectionsOfTwoThreadsNeverOverlap(_ type: any LockPrimitive.Type) {
        let outcome = exercise(type, threads: 2, sectionsPerThread: 10_000)
        #expect(outcome.excludes, "\(type.kind), FQ_TEST_SEED=\(testSeed): \(outcome)")
    }

    /// More threads than CPUs: it ends because waiters yield or park.
    @Test(arguments: allLocks)
    func sectionsOfACrowdNeverOverlap(_ type: any LockPrimitive.Type) {
        let outcome = exercise(
            type, threads: crowd, sectionsPerThread: type.kind.isFirstComeFirstServed ? 200 : 2000)
        #expect(outcome.excludes, "\(type.kind), FQ_TEST_SEED=\(testSeed): \(outcome)")
    }

    /// Every thread on one CPU: a waiter runs only while the holder does not.
    @Test(arguments: allLocks)
    func oneCPUIsEnough(_ type: any LockPrimitive.Type) {
        let outcome = exercise(type, threads: 3, sectionsPerThread: 200, onOneCPU: true)
        #expect(outcome.excludes, "\(type.kind), FQ_TEST_SEED=\(testSeed): \(outcome)")
    }

    @Test(arguments: allLocks)
    func sectionsTakenByTryingNeverOverlap(_ type: any LockPrimitive.Type) {
        let outcome = exercise(type, threads: 3, sectionsPerThread: 1000, tries: true)
        #expect(outcome.excludes, "\(type.kind), FQ_TEST_SEED=\(testSeed): \(outcome)")
    }

    /// The exercise can fail: it catches a lock that looks and sets in two steps.
    @Test(arguments: [false, true])
    func theExerciseCatchesABrokenLock(onOneCPU: Bool) {
        var outcome = ExerciseOutcome()
        for attempt in 0..<50 where outcome.excludes {
            outcome = Exercise(
                threads: 4, sectionsPerThread: 200, seed: testSeed &+ UInt64(attempt),
                countsPlainly: false, onOneCPU: onOneCPU
            ).run(LoadThenStoreLock.self)
        }
        #expect(!outcome.excludes, "FQ_TEST_SEED=\(testSeed): \(outcome)")
    }

    private func exercise(
        _ type: any LockPrimitive.Type, threads: Int, sectionsPerThread: Int,
        onOneCPU: Bool = false, tries: Bool = false
    ) -> ExerciseOutcome {
        func open<Lock: LockPrimitive>(_ type: Lock.Type) -> ExerciseOutcome {
            Exercise(
                threads: threads, sectionsPerThread: sectionsPerThread, seed: testSeed,
                onOneCPU: onOneCPU, tries: tries
            ).run(type)
        }
        let outcome = open(type)
        #expect(outcome.contended > 0, "\(type.kind): the threads never met")
        return outcome
    }
}
