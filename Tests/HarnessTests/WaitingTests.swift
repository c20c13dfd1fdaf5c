import CPlatform
import FaultQueues
import Placement
import Synchronization
import Testing

@testable import Harness

@Suite("Threads wait for each other") struct WaitingTests {
    @Test("a wait gives way after as many failures in a row as it has patience")
    func patience() {
        for (isOversubscribed, patience) in [(true, 4), (false, 4096)] {
            var wait = PollWait(isOversubscribed: isOversubscribed)
            #expect(wait.patience == UInt32(patience))
            for _ in 1..<patience { wait.failed() }
            #expect(wait.failures == UInt32(patience - 1))
            wait.failed()
            #expect(wait.failures == 0, "it gave way and starts afresh")
        }
    }

    @Test("a success starts the count afresh")
    func success() {
        var wait = PollWait(isOversubscribed: true)
        for _ in 0..<3 { wait.failed() }
        wait.succeeded()
        #expect(wait.failures == 0)
    }

    @Test("no think time leaves the generator alone")
    func noThinkTime() {
        var think = ThinkTime(bound: 0, seed: 5)
        think.pass()
        #expect(think.state == 5)
    }

    @Test("think time is uniform below its bound")
    func thinkTime() {
        var lengths: [UInt64] = []
        var think = ThinkTime(bound: 100, seed: 11)
        for _ in 0..<10_000 {
            var copy = think
            lengths.append(copy.draw())
            think.pass()
            #expect(think.state == copy.state, "a pass is one draw")
        }
        #expect(lengths.max() == 99)
        #expect(lengths.min() == 0)
        // Each value is expected 100 times; six standard deviations either way.
        let counts = Dictionary(grouping: lengths) { $0 }.mapValues(\.count)
        #expect(counts.count == 100)
        #expect(counts.values.allSatisfy { (40...160).contains($0) })
    }

    @Test("the longest think time that a suite may ask for keeps its distribution")
    func longestThinkTime() {
        let bound: UInt64 = 1 << 31 - 1
        var think = ThinkTime(bound: bound, seed: 2)
        let lengths = (0..<1000).map { _ in think.draw() }
        #expect(lengths.allSatisfy { $0 < bound })
        #expect(lengths.contains { $0 > bound / 10 * 9 })
        #expect(lengths.contains { $0 < bound / 10 })
    }

    @Test("many threads on one CPU meet, and each sees what the others wrote before")
    func meetings() throws {
        let topology = try Topology(source: .thisMachine)
        let threads = 9
        let rounds = 200
        let shared = Meeting(threads: threads)
        let handles = try (0..<threads).map { number in
            try PinnedThread.start(
                name: "meet-\(number)", cpu: topology.shape.allowedCPUs[0], on: topology
            ) {
                for round in 1...rounds {
                    shared.marks[number].pointee = round
                    shared.words.pointee.meet(parties: threads)
                    for mark in shared.marks where mark.pointee != round {
                        shared.mistakes.wrappingAdd(1, ordering: .relaxed)
                    }
                    // Nobody writes the next mark before all have read.
                    shared.words.pointee.meet(parties: threads)
                }
            }
        }
        for handle in handles { try handle.join() }
        #expect(shared.mistakes.load(ordering: .relaxed) == 0)
        #expect(shared.marks.allSatisfy { $0.pointee == rounds })
    }

    @Test("a burst starts from clean words")
    func prepare() {
        let words = allocateShared(initial: BurstWords())
        defer { freeShared(words, count: 1) }
        words.pointee.stop.value.store(1, ordering: .relaxed)
        words.pointee.finishProducer()
        words.pointee.finishProducer()
        #expect(words.pointee.finishedProducers.value.load(ordering: .relaxed) == 2)
        words.pointee.prepare()
        let stop = words.pointee.stop.value.load(ordering: .relaxed)
        let finished = words.pointee.finishedProducers.value.load(ordering: .relaxed)
        #expect(stop == 0 && finished == 0)
    }
}

/// Plain cells that only the meetings order.
private final class Meeting: @unchecked Sendable {
    let words = allocateShared(initial: BurstWords())
    let marks: [UnsafeMutablePointer<Int>]
    let mistakes = Atomic<Int>(0)

    init(threads: Int) {
        marks = (0..<threads).map { _ in allocateShared(zeroed: Int.self, count: 1) }
    }

    deinit {
        freeShared(words, count: 1)
        for mark in marks { freeShared(mark, count: 1) }
    }
}

/// Who waits for a CPU waits for nobody in a structure.
struct CPUShortageTests {
    @Test func aThreadThatCouldRunAndDidNotIsStarved() {
        nonisolated(unsafe) var state = CPUShortage.State(ranNs: 10, isRunnable: true)
        var shortage = CPUShortage { $0 == 7 ? state : nil }
        // Nothing is known at the first look, nor of threads that are gone.
        var answers = [shortage.isAnyStarved([7, 8]), shortage.isAnyStarved([7, 8])]
        state.ranNs += 1
        answers.append(shortage.isAnyStarved([7]))
        state.isRunnable = false
        answers += [shortage.isAnyStarved([7]), shortage.isAnyStarved([8])]
        #expect(answers == [false, true, false, false, false])
    }

    /// As the kernel tells it: it counts a thread's time up at its ticks.
    @Test func aThreadThatRunsIsNotForLong() {
        let thread = [Int(fq_thread_id())]
        var shortage = CPUShortage()
        var isStarved = shortage.isAnyStarved(thread)
        #expect(!isStarved)
        for _ in 0..<10_000 {
            SpinWait.pause(times: 10_000)
            isStarved = shortage.isAnyStarved(thread)
            if !isStarved { break }
        }
        #expect(!isStarved)
    }
}
