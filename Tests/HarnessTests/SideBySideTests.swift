import FaultQueues
import Foundation
import Testing

@testable import Harness

@Suite("Pieces of work side by side")
struct SideBySideTests {
    private struct Failure: Error {}

    /// A value that jobs share. Not the standard library's Mutex: ThreadSanitizer sees no order in
    /// that one.
    private final class Shared<Value>: @unchecked Sendable {
        private let lock = NSLock()
        private var value: Value

        init(_ value: Value) { self.value = value }

        func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
            lock.withLock { body(&value) }
        }
    }

    @Test("results come in the jobs' order", arguments: [0, 1, 7], [1, 2, 16])
    func order(count: Int, atOnce: Int) throws {
        let results = try SideBySide.run(count, atOnce: atOnce) { index in
            SpinWait.pause(times: UInt32((count - index) * 100))
            return index * index
        }
        #expect(results == (0..<count).map { $0 * $0 })
    }

    @Test("no more run at a time than asked for", arguments: [1, 3])
    func limit(atOnce: Int) throws {
        let running = Shared((now: 0, most: 0))
        let results = try SideBySide.run(20, atOnce: atOnce) { index in
            running.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            SpinWait.yieldProcessor()
            running.withLock { $0.now -= 1 }
            return index
        }
        #expect(results.count == 20)
        #expect(running.withLock { $0.most } <= atOnce)
    }

    @Test("a job that is stopped ends the rest, and what came before is kept")
    func stop() throws {
        let begun = Shared(0)
        let results = try SideBySide.run(10, atOnce: 1) { index in
            begun.withLock { $0 += 1 }
            return index == 4 ? nil : index
        }
        #expect(results.compactMap { $0 } == [0, 1, 2, 3])
        #expect(results.count == 10)
        #expect(begun.withLock { $0 } == 5)
    }

    @Test("a job that had begun before another was stopped keeps its result")
    func finishedBehindAStop() throws {
        let isStopped = Shared(false)
        let results = try SideBySide.run(3, atOnce: 2) { index -> Int? in
            if index == 0 {
                while !isStopped.withLock({ $0 }) { SpinWait.yieldProcessor() }
                return nil
            }
            isStopped.withLock { $0 = true }
            return index
        }
        #expect(results[0] == nil && results[1] == 1)
    }

    @Test("an error is thrown, and no other job is begun")
    func failure() {
        let begun = Shared(0)
        #expect(throws: Failure.self) {
            try SideBySide.run(10, atOnce: 1) { index in
                begun.withLock { $0 += 1 }
                if index == 2 { throw Failure() }
                return index
            }
        }
        #expect(begun.withLock { $0 } == 3)
    }
}
