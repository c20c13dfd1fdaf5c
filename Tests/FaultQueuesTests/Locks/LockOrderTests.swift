import Testing

@testable import FaultQueues
@testable import Harness

/// The locks whose queue can be counted while the caller holds them.
protocol CountedQueueLock: LockPrimitive {
    var waiterCount: Int { get }
}

extension TicketLock: CountedQueueLock {}
extension MCSLock: CountedQueueLock {}

/// First come, first served: waiters are queued one at a time, each seen in the queue before the
/// next one starts, and must get the lock in that order.
@Suite(.serialized)
struct LockOrderTests {
    static let queueLocks: [any CountedQueueLock.Type] = [TicketLock.self, MCSLock.self]

    @Test
    func everyFirstComeKindIsTested() {
        #expect(
            Set(Self.queueLocks.map { $0.kind })
                == Set(LockKind.allCases.filter(\.isFirstComeFirstServed)))
    }

    @Test(arguments: queueLocks, 1...5)
    func waitersAreServedInTheOrderOfTheirComing(
        _ type: any CountedQueueLock.Type, waiters: Int
    ) {
        func served<Lock: CountedQueueLock>(_: Lock.Type) -> [Int] {
            let lock = Lock()
            let order = PlainIntegers(repeating: -1, count: waiters)
            let served = PlainIntegers(repeating: 0)
            defer {
                order.free()
                served.free()
                lock.destroy()
            }
            lock.lock()
            var threads: [DedicatedThread] = []
            for arrival in 0..<waiters {
                threads.append(
                    DedicatedThread {
                        lock.lock()
                        order[served[0]] = arrival
                        served[0] += 1
                        lock.unlock()
                    })
                var spin = SpinWait()
                while lock.waiterCount <= arrival { spin.wait() }
            }
            lock.unlock()
            for thread in threads { thread.join() }
            return (0..<waiters).map { order[$0] }
        }
        let order = served(type)
        #expect(firstOutOfOrder(order) == nil, "\(type.kind) served \(order)")
        #expect(order.count == waiters)
    }

    /// A newcomer does not overtake: with one thread queued, a try fails also in the moment when
    /// the lock has been passed on.
    @Test(arguments: queueLocks)
    func aTryDoesNotOvertakeAWaiter(_ type: any CountedQueueLock.Type) {
        func check<Lock: CountedQueueLock>(_: Lock.Type) {
            let lock = Lock()
            let mayLeave = SharedFlag()
            lock.lock()
            let waiter = DedicatedThread {
                lock.lock()
                mayLeave.wait()
                lock.unlock()
            }
            var spin = SpinWait()
            while lock.waiterCount < 1 { spin.wait() }
            lock.unlock()
            #expect(!lock.tryLock(), "\(Lock.kind)")
            mayLeave.raise()
            waiter.join()
            #expect(lock.tryLock(), "\(Lock.kind)")
            lock.unlock()
            lock.destroy()
        }
        check(type)
    }

    /// The check can fail: this is how a lock without a queue may serve.
    @Test
    func theCheckCatchesAnotherOrder() {
        #expect(firstOutOfOrder([]) == nil)
        #expect(firstOutOfOrder([0, 1, 2]) == nil)
        #expect(firstOutOfOrder([0, 2, 1]) == 1)
        #expect(firstOutOfOrder([2, 0, 1]) == 0)
        #expect(firstOutOfOrder([0, 0]) == 1)
        #expect(firstOutOfOrder([0, 1, -1]) == 2)
    }

    /// Position of the first thread that was not served in its turn.
    private func firstOutOfOrder(_ order: [Int]) -> Int? {
        order.indices.first { order[$0] != $0 }
    }
}

/// Raised once by one thread, waited for by others.
final class SharedFlag: Sendable {
    private let isRaised = SharedAtomic<Bool>(false)

    func raise() { isRaised.store(true, ordering: .releasing) }

    func wait() {
        var spin = SpinWait()
        while !isRaised.load(ordering: .acquiring) { spin.wait() }
    }
}
