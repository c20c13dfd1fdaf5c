import Synchronization

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

    private struct State<Result: Sendable>: Sendable {
        var begun = 0
        var isOver = false
        var error: (any Error)?
        var results: [Result?]
    }

    private final class Shared<Result: Sendable>: Sendable {
        private let state: Mutex<State<Result>>

        init(_ count: Int) {
            state = Mutex(State(results: Array(repeating: nil, count: count)))
        }

        func next() -> Int? {
            state.withLock { state in
                guard !state.isOver, state.begun < state.results.count else { return nil }
                state.begun += 1
                return state.begun - 1
            }
        }

        func note(_ job: Int, _ body: () throws -> Result?) {
            do {
                let result = try body()
                state.withLock { state in
                    state.results[job] = result
                    if result == nil { state.isOver = true }
                }
            } catch {
                state.withLock { state in
                    state.isOver = true
                    if state.error == nil { state.error = error }
                }
            }
        }

        func results() throws -> [Result?] {
            try state.withLock { state in
                if let error = state.error { throw error }
                return state.results
            }
        }
    }
}
