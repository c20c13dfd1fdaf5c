import CPlatform
import Glibc
import Synchronization

/// How the kernel schedules a pinned thread.
public enum ThreadPolicy: Hashable, Sendable {
    /// Like the thread that starts it.
    case inherited
    /// `SCHED_FIFO`, priority 1…99. Needs the right to; the kernel's real-time throttle still
    /// applies, and takes about 50 ms of each second from a thread that never sleeps.
    case fifo(priority: Int)
}

/// A real thread that may run on one CPU alone, from its first instruction to its last.
///
/// Its place is checked at the end of its body: the affinity mask must still be exactly its CPU,
/// and it must run there. A body that leaves and comes back before its end is not noticed.
///
/// Any thread may call `join()`, several may at the same time, and each gets the same outcome. A
/// thread whose handle goes away without a join runs on, and its place is never checked.
public final class PinnedThread: Sendable {
    /// Bytes of stack: 8 MiB, whatever the shell's limit is. Only touched pages cost memory, and
    /// the thread is the first to touch them.
    public static let stackBytes = 8 << 20

    /// As given; the system shows its first 15 bytes.
    public let name: String
    /// Where it is bound.
    public let cpu: Int

    private enum State {
        case running(pthread_t)
        case ended(PlacementError?)
    }
    private let state: Mutex<State>
    private let work: Work

    /// Starts a thread on a CPU. The thread that calls this keeps its own mask.
    ///
    /// - Parameters:
    ///   - name: What `ps -T` and `perf` show, cut to 15 bytes.
    ///   - cpu: One of the topology's allowed CPUs.
    ///   - topology: This machine's; binding by any other is refused, as it would do nothing.
    ///   - policy: Real time is refused where only one CPU is allowed.
    ///   - body: Runs once, on the new thread, outside every actor.
    /// - Throws: `foreignTopology`, `cpuNotOnMachine`, `cpuNotAllowed`, `realTimeOnOnlyCPU`, or
    ///   `thread` with the `errno` where the system refuses. No thread runs then.
    public static func start(
        name: String, cpu: Int, on topology: Topology, policy: ThreadPolicy = .inherited,
        body: @escaping @Sendable () -> Void
    ) throws(PlacementError) -> PinnedThread {
        guard topology.isThisSystem else {
            throw .foreignTopology(
                source: topology.source == .thisMachine
                    ? "the topology that hwloc's environment variables name"
                    : "\(topology.source)")
        }
        try topology.shape.check(cpu)
        var priority: Int32 = 0
        if case .fifo(let wanted) = policy {
            precondition((1...99).contains(wanted), "SCHED_FIFO has the priorities 1…99")
            guard topology.shape.allowedCPUs.count > 1 else { throw .realTimeOnOnlyCPU(cpu: cpu) }
            priority = Int32(wanted)
        }

        let work = Work(name: name, body: body)
        let argument = Unmanaged.passRetained(work)
        var thread = pthread_t()
        let error = fq_pinned_thread_start(
            &thread, Int32(cpu), UInt64(stackBytes), priority, runPinned, argument.toOpaque())
        guard error == 0 else {
            argument.release()
            throw .thread(name: name, cpu: cpu, call: "pthread_create", errno: error)
        }
        return PinnedThread(name: name, cpu: cpu, thread: thread, work: work)
    }

    private init(name: String, cpu: Int, thread: pthread_t, work: Work) {
        self.name = name
        self.cpu = cpu
        self.work = work
        state = Mutex(.running(thread))
    }

    deinit {
        state.withLock { state in
            if case .running(let thread) = state { pthread_detach(thread) }
        }
    }

    /// Waits until the body has returned.
    ///
    /// A body must not join its own thread.
    ///
    /// - Throws: `PlacementError.moved` where the thread was not in its place at the end; `thread`
    ///   where the system cannot join it, or did not say where it was.
    public func join() throws(PlacementError) {
        let outcome = state.withLock { state -> PlacementError? in
            guard case .running(let thread) = state else {
                if case .ended(let outcome) = state { return outcome }
                return nil
            }
            let error = pthread_join(thread, nil)
            guard error == 0 else {
                return .thread(name: name, cpu: cpu, call: "pthread_join", errno: error)
            }
            let outcome = verdict
            state = .ended(outcome)
            return outcome
        }
        if let outcome { throw outcome }
    }

    private var verdict: PlacementError? {
        switch work.found {
        case .success(let place):
            place.isExactly(cpu)
                ? nil : .moved(thread: name, expected: cpu, found: place)
        case .failure(let error): error
        case nil:
            .moved(
                thread: name, expected: cpu, found: ThreadPlace(boundTo: [], runningOn: -1))
        }
    }

    /// Where the calling thread is bound and runs.
    ///
    /// - Throws: `PlacementError.thread` where the system does not say.
    public static func callingThreadPlace() throws(PlacementError) -> ThreadPlace {
        ThreadPlace(boundTo: try callingThreadMask(), runningOn: Int(fq_current_cpu()))
    }

    /// CPUs of the calling thread's affinity mask, ascending.
    static func callingThreadMask() throws(PlacementError) -> [Int] {
        // 8192 CPUs, the most that any configuration of the kernel has.
        var mask = [UInt64](repeating: 0, count: 128)
        let error = fq_thread_affinity(&mask, UInt64(mask.count))
        guard error == 0 else {
            throw .thread(
                name: "calling", cpu: Int(fq_current_cpu()), call: "sched_getaffinity",
                errno: error)
        }
        return (0..<mask.count * 64).filter { mask[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
    }
}

/// What the thread is given and what it leaves behind.
///
/// Unchecked: `found` is written by the thread alone, and read only after `pthread_join` of it.
private final class Work: @unchecked Sendable {
    let name: String
    let body: @Sendable () -> Void
    var found: Result<ThreadPlace, PlacementError>?

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// A function and not a closure: a closure could be taken for one that belongs to the main actor,
/// and would then trap on the new thread.
private func runPinned(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
    fq_set_thread_name(work.name)
    work.body()
    do throws(PlacementError) {
        work.found = .success(try PinnedThread.callingThreadPlace())
    } catch {
        work.found = .failure(error)
    }
    return nil
}
