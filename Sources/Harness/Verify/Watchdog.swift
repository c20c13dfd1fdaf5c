import FaultQueues
import Glibc

/// Ends a trial in which nothing moves any more.
///
/// Counts its own looks and no time, so that a machine that stands still as a whole is no deadlock;
/// and no look at which a thread waits for nothing but a CPU.
final class Watchdog: @unchecked Sendable {
    /// Looks without a change after which a run counts as stuck though no thread is inside an
    /// operation: then none waits for another in the structure, and on a busy machine what comes
    /// after may take its time. Less than the process has left.
    private static let patienceOutside = 500
    private static let intervalUs: UInt32 = 50_000

    private let clock: TrialClock
    private let lock = PthreadLock()
    /// Protected by the lock: what is watched, and what the trial had found before it.
    private var board: TrialBoard?
    private var before = TrialOutcome()
    private var isOver = false
    private var thread: DedicatedThread?

    /// - Parameter clock: Says for how many looks to wait; its `onStandstill` is called on a thread
    ///   of the watchdog's own, at most once.
    init(_ clock: TrialClock) {
        self.clock = clock
        thread = DedicatedThread { [unowned self] in look() }
    }

    deinit { lock.destroy() }

    /// Watches a board instead of the one before; nil for none.
    func watch(_ board: TrialBoard?, before outcome: TrialOutcome) {
        lock.lock()
        self.board = board
        before = outcome
        lock.unlock()
    }

    /// Ends the watching. Once.
    func stop() {
        lock.lock()
        isOver = true
        lock.unlock()
        thread?.join()
    }

    private func look() {
        var last: (board: TrialBoard?, operations: Int) = (nil, 0)
        var looks = 0
        var shortage = CPUShortage()
        while true {
            usleep(Self.intervalUs)
            lock.lock()
            let (now, before, isOver) = (board, before, isOver)
            lock.unlock()
            if isOver { return }
            let operations = now?.operations ?? 0
            let isSame = now === last.board && operations == last.operations
            last = (now, operations)
            guard let now, isSame else {
                looks = 0
                continue
            }
            if shortage.isAnyStarved(now.runningThreads) { continue }
            looks += 1
            if looks >= clock.patience {
                let threads = now.standstill()
                if threads.isEmpty && looks < Self.patienceOutside { continue }
                clock.onStandstill(before.stuck(now, threads))
                return
            }
        }
    }
}
