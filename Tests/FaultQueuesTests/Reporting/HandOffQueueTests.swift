import Testing

@testable import FaultQueues
@testable import Harness

@Suite(.serialized)
struct HandOffQueueTests {
    @Test(arguments: 1...9)
    func numbersLeaveInTheirOrderOverManyLaps(capacity: Int) {
        let queue = HandOffQueue(capacity: capacity)
        var next: UInt32 = 0
        for length in Array(0...capacity) + Array((0...capacity).reversed()) {
            for _ in 0..<3 {
                #expect(queue.pop() == nil)
                let numbers = (0..<length).map { _ in
                    next += 1
                    return next
                }
                for number in numbers { queue.push(number) }
                #expect((0..<length).map { _ in queue.pop() } == numbers)
            }
        }
        #expect(queue.pop() == nil)
        queue.deallocate()
    }

    @Test
    func everyNumberFitsAndTheLapsWrap() {
        let queue = HandOffQueue(capacity: 1)
        for number in [0, .max, 1, 0x8000_0000] as [UInt32] {
            queue.push(number)
            #expect(queue.pop() == number)
        }
        #expect(queue.lap(1 << 32 - 1) == 0 && queue.lap(1 << 32) == 1)
        queue.deallocate()
    }

    /// Numbers circulate between threads: each is a token whose plain cell its holder alone counts
    /// up, so that a number handed out twice or too early shows.
    @Test
    func aNumberHasOneHolderAtATime() {
        let tokens = 3
        let rounds = 20_000
        let queue = HandOffQueue(capacity: tokens)
        let uses = PlainIntegers(repeating: 0, count: tokens)
        for token in 0..<tokens { queue.push(UInt32(token)) }
        let counted = SharedAtomic<Int>(0)
        let counter = Counter(counted)
        DedicatedThread.run(crowd) { _ in
            var wait = SpinWait()
            while counter.value.load(ordering: .relaxed) < rounds {
                guard let token = queue.pop() else {
                    wait.wait()
                    continue
                }
                wait = SpinWait()
                uses[Int(token)] += 1
                counter.value.wrappingAdd(1, ordering: .relaxed)
                queue.push(token)
            }
        }
        #expect(
            (0..<tokens).map { uses[$0] }.reduce(0, +) == counter.value.load(ordering: .relaxed))
        var left: Set<UInt32> = []
        while let token = queue.pop() { left.insert(token) }
        #expect(left == Set((0..<tokens).map { UInt32($0) }))
        queue.deallocate()
        uses.free()
    }

    private final class Counter: Sendable {
        let value: SharedAtomic<Int>
        init(_ value: consuming SharedAtomic<Int>) { self.value = value }
    }
}
