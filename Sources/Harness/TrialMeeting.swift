import FaultQueues
import Measurement
import Placement
import Synchronization

/// Where the threads of a trial start together, meet, and play the canary. What one thread writes
/// between two meetings the others read after the second.
class TrialMeeting: @unchecked Sendable {
    let words: UnsafeMutablePointer<BurstWords>
    private let canary = Canary()
    private let parties: Int
    private let launched = Atomic<Int>(0)
    /// A lock of the C library: ThreadSanitizer cannot see into the standard library's.
    private let lock = PthreadLock()
    /// Common start of the next burst; set by the thread that keeps the time.
    var startTicks: UInt64 = 0
    /// Before the bursts and after; nil where the canary had no two CPUs.
    var canaryNs: [Double?] = []

    init(parties: Int) {
        self.parties = parties
        words = allocateShared(initial: BurstWords())
    }

    deinit {
        freeShared(words, count: 1)
        lock.destroy()
    }

    /// Runs `body` once per CPU, each on a thread pinned there, and returns when all have ended.
    ///
    /// - Throws: `PlacementError` where a thread cannot be started, which lets none begin, or was
    ///   not in its place at its end.
    func run(
        cpus: [Int], on topology: Topology, name: (Int) -> String,
        _ body: @escaping @Sendable (Int) -> Void
    ) throws {
        var threads: [PinnedThread] = []
        do {
            for (place, cpu) in cpus.enumerated() {
                threads.append(
                    try PinnedThread.start(name: name(place), cpu: cpu, on: topology) {
                        if self.waitForLaunch() { body(place) }
                    })
            }
        } catch {
            launched.store(-1, ordering: .releasing)
            for thread in threads { try? thread.join() }
            throw error
        }
        launched.store(1, ordering: .releasing)
        // All are joined before the first error is thrown: nothing of the trial runs on.
        var failure: (any Error)?
        for thread in threads {
            do { try thread.join() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// False where the trial is off because a thread could not be started.
    private func waitForLaunch() -> Bool {
        var wait = SpinWait()
        while true {
            let state = launched.load(ordering: .acquiring)
            if state != 0 { return state == 1 }
            wait.wait()
        }
    }

    func meet() { words.pointee.meet(parties: parties) }

    /// For what one thread does at a time: making endpoints, bringing outcomes home.
    func alone<Result>(_ body: () -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }

    /// What a thread does while two of them play the canary.
    enum CanaryRole {
        case measures(ClockCalibration)
        case serves
        case waits
    }

    /// Every thread of the trial calls it at the same point.
    func runCanary(_ role: CanaryRole) {
        switch role {
        case .measures(let clock):
            canaryNs.append(canary.measure(clock: clock))
            meet()
            canary.reset()
        case .serves:
            canary.serve()
            meet()
        case .waits:
            meet()
        }
        meet()
    }
}
