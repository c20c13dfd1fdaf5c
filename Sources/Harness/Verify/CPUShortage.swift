import Foundation

/// Tells threads that wait for a CPU from threads that wait for each other.
///
/// On a busy machine a thread can be without a CPU for seconds: one that gives its CPU away again
/// and again is put far behind all others by some kernels. Whoever waits for it stands still then,
/// and nobody is at fault.
struct CPUShortage {
    /// What the kernel says of a thread: nanoseconds that it ran, and whether it could run now.
    struct State {
        var ranNs: UInt64
        var isRunnable: Bool
    }

    private let state: (Int) -> State?
    /// By thread: what it had run at the last look.
    private var ranNs: [Int: UInt64] = [:]

    /// - Parameter state: Of a thread of this process by its kernel id; nil where there is none.
    init(state: @escaping (Int) -> State? = Self.state(of:)) { self.state = state }

    /// Whether one of the threads can run now and has not run since the last look.
    mutating func isAnyStarved(_ threads: [Int]) -> Bool {
        var isStarved = false
        var now: [Int: UInt64] = [:]
        for thread in threads {
            guard let state = state(thread) else { continue }
            now[thread] = state.ranNs
            if state.isRunnable, ranNs[thread] == state.ranNs { isStarved = true }
        }
        ranNs = now
        return isStarved
    }

    /// From `schedstat` and `stat` of proc(5).
    private static func state(of thread: Int) -> State? {
        func read(_ file: String) -> String? {
            FileManager.default.contents(atPath: "/proc/self/task/\(thread)/\(file)").map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        guard let ran = read("schedstat")?.split(separator: " ").first.flatMap({ UInt64($0) }),
            // The name before it is in parentheses, and may hold any character.
            let rest = read("stat")?.split(separator: ")").last
        else { return nil }
        return State(ranNs: ran, isRunnable: rest.hasPrefix(" R"))
    }
}
