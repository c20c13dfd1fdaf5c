import CPlatform
import FaultOracle
import FaultQueues

/// What a thread of an exercise of lifetimes can be in, for the report of a standstill.
enum LifetimeStep: Int, CaseIterable {
    case begin, clone, exec, exit, bind, unbind, fixUp, use
    case attach, detach, get
    case access, handle, report, flush

    var name: String { self == .fixUp ? "fix-up" : "\(self)" }
}

/// The threads of one run of an exercise: what is watched, and what each found and did.
///
/// A thread counts an operation with `perform` or `count`. `advance` says besides that the run has
/// come nearer its end: who only repeats itself until others are done does not say so, and a
/// standstill of the others is seen.
final class LifetimeRun: @unchecked Sendable {
    let board: TrialBoard
    private let notes: UnsafeMutablePointer<Notes>
    private let threads: Int
    private let makers = PthreadLock()

    /// Written by one thread, read when it has ended.
    private struct Notes {
        var violations: [Violation] = []
        var operations = 0
        /// So that two threads' notes share no line.
        let padding = InlineArray<14, UInt64>(repeating: 0)
    }

    /// What one thread says at most.
    private static let mostViolations = 4

    init(threads names: [String]) {
        board = TrialBoard(
            names: names, capacity: 1, activities: LifetimeStep.allCases.map(\.name))
        threads = names.count
        notes = allocateShared(count: names.count) { _ in Notes() }
    }

    deinit {
        freeShared(notes, count: threads)
        makers.destroy()
    }

    /// Runs every thread to its end.
    ///
    /// - Parameter cpus: Threads are dealt to them in turn; empty for wherever the system likes.
    func run(cpus: [Int], _ body: @escaping @Sendable (Int) -> Void) {
        DedicatedThread.run(threads) { [board] thread in
            if !cpus.isEmpty { _ = fq_bind_current_thread(Int32(cpus[thread % cpus.count])) }
            board.begin(thread)
            body(thread)
        }
    }

    @inline(__always)
    func perform<Result>(_ step: LifetimeStep, by thread: Int, _ body: () -> Result) -> Result {
        notes[thread].operations &+= 1
        return board.within(step.rawValue, by: thread, body)
    }

    /// Makes an endpoint: any thread may, one at a time.
    func make<End>(_ body: () -> End) -> End {
        makers.lock()
        defer { makers.unlock() }
        return body()
    }

    @inline(__always)
    func advance(_ thread: Int) { board.advance(thread) }

    /// An operation that brings the run nearer its end.
    @inline(__always)
    func step<Result>(_ step: LifetimeStep, by thread: Int, _ body: () -> Result) -> Result {
        let result = perform(step, by: thread, body)
        advance(thread)
        return result
    }

    /// Works until others are done and nothing is left: `work` says whether there was something.
    func workOff(_ thread: Int, after left: ThreadsLeft, _ work: () -> Bool) {
        var wait = SpinWait()
        while true {
            // Read before the look: what came until then must not be missed.
            let isLastLook = left.areDone
            if work() {
                advance(thread)
                wait = SpinWait()
            } else if isLastLook {
                return
            } else {
                wait.wait()
            }
        }
    }

    func count(_ operations: Int, by thread: Int) { notes[thread].operations += operations }

    /// Notes that something is wrong.
    func fail(_ violation: Violation, by thread: Int) {
        if notes[thread].violations.count < Self.mostViolations {
            notes[thread].violations.append(violation)
        }
    }

    /// Fails where a census of what is left differs from one of nothing. Once all has ended; not
    /// asked where something is wrong already.
    func expectNothingLeft<Census: Equatable>(
        _ census: @autoclosure () -> Census, _ nothing: Census, _ rule: Violation.Rule = .memory
    ) {
        guard violations.isEmpty else { return }
        let found = census()
        if found != nothing { fail(Violation(rule, "left behind: \(found)"), by: 0) }
    }

    /// Whether the thread has found something wrong; it need not look for more.
    func hasFailed(_ thread: Int) -> Bool { !notes[thread].violations.isEmpty }

    /// When every thread has ended.
    var operations: Int { (0..<threads).reduce(0) { $0 + notes[$1].operations } }
    var violations: [Violation] { (0..<threads).flatMap { notes[$0].violations } }
}

/// A count of threads that have not ended yet, for those that go on until then.
final class ThreadsLeft: Sendable {
    private let left: SharedAtomic<Int>

    init(_ count: Int) { left = SharedAtomic(count) }

    /// Releases what the thread did to those that see the count at zero.
    func endOne() { left.wrappingSubtract(1, ordering: .releasing) }
    var areDone: Bool { left.load(ordering: .acquiring) == 0 }
}

extension Violation {
    /// Nil where a value is the expected one.
    static func difference<Value: Equatable>(
        _ rule: Rule, _ what: String, _ value: Value, _ expected: Value
    ) -> Violation? {
        value == expected ? nil : Violation(rule, "\(what): \(value), expected \(expected)")
    }
}
