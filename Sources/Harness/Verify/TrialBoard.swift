import CPlatform
import FaultModel
import FaultOracle
import FaultQueues
import Glibc

/// What the threads of one checked run share with whoever watches them: what each is doing, how
/// often something was done, and the logs of what was done.
final class TrialBoard: @unchecked Sendable {
    let names: [String]
    let logs: [HistoryLog]
    /// What a thread can be in, by its number.
    private let activityNames: [String]
    /// By thread: the number of what it is in plus one, device and PASID's bits; 0 for nothing.
    private let activities: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    /// By thread: operations that have returned.
    private let done: UnsafeMutablePointer<PaddedAtomic<Int>>
    /// By thread: its `fq_thread_slot()`, −1 before it began.
    private let slots: UnsafeMutablePointer<SharedAtomic<Int>>
    /// By thread: operations that have begun.
    private let begun: UnsafeMutablePointer<PaddedAtomic<Int>>
    /// By thread: its kernel id, 0 before it began and after it has ended.
    private let kernelIDs: UnsafeMutablePointer<SharedAtomic<Int>>
    /// By thread: its `pthread_t` while it may be halted, 0 before and afterwards.
    private let handles: UnsafeMutablePointer<SharedAtomic<UInt>>
    /// Held while a thread ends and while one is halted: a signal to a thread that has ended has
    /// no meaning.
    private let ending = PthreadLock()

    // Relaxed throughout: notes of one thread that others look at now and then.

    /// - Parameter activities: What `within` is given the numbers of.
    init(
        names: [String], capacity: Int,
        activities: [String] = HistoryEvent.Kind.allCases.map(\.name)
    ) {
        self.names = names
        activityNames = activities
        logs = names.map { _ in HistoryLog(capacity: capacity) }
        self.activities = allocateShared(count: names.count) { _ in PaddedAtomic<UInt64>(0) }
        done = allocateShared(count: names.count) { _ in PaddedAtomic<Int>(0) }
        slots = allocateShared(count: names.count) { _ in SharedAtomic<Int>(-1) }
        begun = allocateShared(count: names.count) { _ in PaddedAtomic<Int>(0) }
        handles = allocateShared(count: names.count) { _ in SharedAtomic<UInt>(0) }
        kernelIDs = allocateShared(count: names.count) { _ in SharedAtomic<Int>(0) }
    }

    deinit {
        for log in logs { log.deallocate() }
        freeShared(activities, count: names.count)
        freeShared(done, count: names.count)
        freeShared(slots, count: names.count)
        freeShared(begun, count: names.count)
        freeShared(handles, count: names.count)
        freeShared(kernelIDs, count: names.count)
        ending.destroy()
    }

    /// Called by a thread when it begins.
    func begin(_ thread: Int) {
        slots[thread].store(Int(fq_thread_slot()), ordering: .relaxed)
        kernelIDs[thread].store(Int(fq_thread_id()), ordering: .relaxed)
        fq_halt_admit()
        handles[thread].store(UInt(pthread_self()), ordering: .relaxed)
    }

    /// Called by a thread before it ends.
    func end(_ thread: Int) {
        ending.lock()
        handles[thread].store(0, ordering: .relaxed)
        ending.unlock()
        kernelIDs[thread].store(0, ordering: .relaxed)
    }

    /// Kernel ids of the threads that have begun and not ended.
    var runningThreads: [Int] {
        names.indices.map { kernelIDs[$0].load(ordering: .relaxed) }.filter { $0 != 0 }
    }

    /// Gives `body` the thread's `pthread_t`, and keeps the thread from ending meanwhile. Nil where
    /// it has not begun or has ended. Allocates nothing.
    func whileRunning<Result>(_ thread: Int, _ body: (UInt) -> Result) -> Result? {
        ending.lock()
        defer { ending.unlock() }
        let handle = handles[thread].load(ordering: .relaxed)
        return handle == 0 ? nil : body(handle)
    }

    /// What the thread is inside of, and a number that changes with every operation; nil where it
    /// is in none. Allocates nothing.
    func operation(of thread: Int) -> (action: ReportingAction, number: Int)? {
        let activity = activities[thread].value.load(ordering: .relaxed)
        guard activity != 0, let kind = HistoryEvent.Kind(rawValue: UInt8(activity >> 56) - 1),
            let action = kind.action
        else { return nil }
        return (action, begun[thread].value.load(ordering: .relaxed))
    }

    /// Runs an operation and returns what it returned, and when it began and ended.
    @inline(__always) @discardableResult
    func perform<Result>(
        _ kind: HistoryEvent.Kind, by thread: Int, device: RequesterID = RequesterID(0),
        pasidBits: UInt32 = 0, _ body: () -> Result
    ) -> (result: Result, begin: UInt64, end: UInt64) {
        let activity =
            UInt64(kind.rawValue + 1) << 56 | UInt64(device.rawValue) << 32 | UInt64(pasidBits)
        let number = begun[thread].value.load(ordering: .relaxed)
        begun[thread].value.store(number &+ 1, ordering: .relaxed)
        activities[thread].value.store(activity, ordering: .relaxed)
        let begin = fq_ticks_ordered()
        let result = body()
        let end = fq_ticks_after_stores()
        activities[thread].value.store(0, ordering: .relaxed)
        return (result, begin, end)
    }

    /// Runs an operation that no log keeps.
    @inline(__always)
    func within<Result>(_ activity: Int, by thread: Int, _ body: () -> Result) -> Result {
        activities[thread].value.store(UInt64(activity + 1) << 56, ordering: .relaxed)
        let result = body()
        activities[thread].value.store(0, ordering: .relaxed)
        return result
    }

    /// Something has happened that brings the run nearer its end.
    @inline(__always)
    func advance(_ thread: Int) { done[thread].value.wrappingAdd(1, ordering: .relaxed) }

    /// Operations that have returned, of all threads.
    var operations: Int {
        names.indices.reduce(0) { $0 + done[$1].value.load(ordering: .relaxed) }
    }

    /// Everything that the threads have logged; only when they have ended or stand still.
    var history: ReportingHistory {
        ReportingHistory(logs.map { Array($0.events) }, threads: names)
    }

    var droppedEvents: Int { logs.reduce(0) { $0 + $1.dropped } }

    /// A sentence for each thread that is inside an operation: what it does, what it holds, and
    /// what it waits for.
    func standstill() -> [String] {
        let holders = Dictionary(
            names.indices.map { (slots[$0].load(ordering: .relaxed), names[$0]) },
            uniquingKeysWith: { first, _ in first })
        return names.indices.compactMap { thread in
            let activity = activities[thread].value.load(ordering: .relaxed)
            guard activity != 0 else { return nil }
            let name = activityNames[Int(activity >> 56) - 1]
            let slot = slots[thread].load(ordering: .relaxed)
            let held = LockTable.held(by: slot).map { "lock \($0)" }
            let holds = held.isEmpty ? "holds no lock" : "holds " + held.joined(separator: " and ")
            let waits =
                LockTable.wait(of: slot).map { wait in
                    let holder = wait.holder.flatMap { holders[$0] } ?? "nobody known"
                    return "waits for lock \(wait.lock), held by \(holder)"
                } ?? "waits for no lock, but for others' work"
            let device = UInt16(truncatingIfNeeded: activity >> 32)
            let target = device == 0 ? "" : " of device \(device)"
            let place = name == HistoryEvent.Kind.member.name ? "a handler" : name
            return "\(names[thread]), in \(place)\(target), \(holds) and \(waits)"
        }
    }
}

extension HistoryEvent.Kind {
    /// As a thread's activity; members are looked at inside handlers.
    fileprivate var action: ReportingAction? {
        switch self {
        case .page, .last: .report
        case .take: .take
        case .member: .handler
        case .respond: .respond
        case .finish: .finish
        case .flush: .flush
        case .discard: .discard
        case .remove: .remove
        case .add: .add
        case .look: nil
        }
    }
}
