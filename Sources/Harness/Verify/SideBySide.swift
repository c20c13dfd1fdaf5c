import FaultQueues

/// Pieces of work that run on threads of their own, some at a time.
public enum SideBySide {
    /// Runs jobs 0 ..< count, begun in this order.
    ///
    /// - Parameters:
    ///   - atOnce: How many run at a time, 1 or more.
    ///   - body: A job, on any thread; nil where it was stopped, after which no other is begun.
    /// - Returns: The results in the jobs' order; nil for those that were stopped or not begun.
    /// - Throws: The first error of a job; after one no other job is begun.
    public static func run<Result: Sendable>(
        _ count: Int, atOnce: Int, _ body: @escaping @Sendable (Int) throws -> Result?
    ) throws -> [Result?] {
        let state = Shared<Result>(count)
        let threads = (0..<min(atOnce, count)).map { _ in
            DedicatedThread { while let job = state.next() { state.note(job) { try body(job) } } }
        }
        for thread in threads { thread.join() }
        return try state.results()
    }

    private final class Shared<Result: Sendable>: @unchecked Sendable {
        /// Protects what follows. The standard library's lock is one that ThreadSanitizer does not
        /// know in release builds.
        private let lock = PthreadLock()
        private var begun = 0
        private var isOver = false
        private var error: (any Error)?
        private var outcomes: [Result?]

        init(_ count: Int) { outcomes = Array(repeating: nil, count: count) }

        deinit { lock.destroy() }

        func next() -> Int? {
            lock.lock()
            defer { lock.unlock() }
            guard !isOver, begun < outcomes.count else { return nil }
            begun += 1
            return begun - 1
        }

        func note(_ job: Int, _ body: () throws -> Result?) {
            let outcome = Swift.Result { try body() }
            lock.lock()
            defer { lock.unlock() }
            switch outcome {
            case .success(let result):
                outcomes[job] = result
                if result == nil { isOver = true }
            case .failure(let found):
                isOver = true
                if error == nil { error = found }
            }
        }

        func results() throws -> [Result?] {
            lock.lock()
            defer { lock.unlock() }
            if let error { throw error }
            return outcomes
        }
    }
}
