/// A mutual-exclusion lock as a trivially copyable handle: one pointer to storage of its own, which
/// `init()` allocates (128-byte aligned, alone in its lines) and `destroy()` frees. Copies denote
/// the same lock. So an endpoint that holds a lock stays trivially copyable, no operation counts
/// references, and every kind costs the same one indirection.
///
/// Overlap: `lock`, `unlock` and `tryLock` may run on any number of threads at the same time.
/// `init` publishes nothing by itself: hand the handle to other threads by something that orders
/// memory. `destroy` overlaps with nothing and comes last.
///
/// What the holder wrote before `unlock()` is visible to the next holder after its `lock()` or its
/// successful `tryLock()`. A failed `tryLock()` orders nothing. No kind is recursive. A holder that
/// stalls stops every other thread that wants the lock; what else can stall it is in each file.
public protocol LockPrimitive: BitwiseCopyable, Sendable {
    /// Which kind this is, for lists and results.
    static var kind: LockKind { get }

    /// A free lock in storage of its own.
    init()

    /// Frees the storage of a lock that is free and that no thread will use again.
    func destroy()

    /// Returns when the calling thread holds the lock, which it must not hold already.
    func lock()

    /// Gives the lock back. The calling thread is the one that holds it.
    func unlock()

    /// Takes the lock if it is free at this moment, without waiting; false where it is held.
    func tryLock() -> Bool
}

/// The lock kinds, by the names that the command line and result files use.
public enum LockKind: String, CaseIterable, Sendable, Codable {
    case pthread
    case pthreadAdaptive = "pthread-adaptive"
    case swiftMutex = "swift-mutex"
    case futex
    case ttas
    case ticket
    case mcs

    /// A scheme as a user types it: `locked/futex`; the structure alone where there is no lock.
    public static func schemeName(_ structure: String, _ lock: LockKind?) -> String {
        lock.map { "\(structure)/\($0.rawValue)" } ?? structure
    }

    /// One line for lists.
    public var summary: String {
        switch self {
        case .pthread: "the C library's default mutex: parks at once when the lock is held"
        case .pthreadAdaptive: "the C library's adaptive mutex: spins a bounded while, then parks"
        case .swiftMutex:
            "the standard library's Mutex: a priority-inheritance futex, spins before it parks"
        case .futex: "three-state futex: spins a bounded while, then parks; nearest to the kernel's"
        case .ttas: "test-and-test-and-set with exponential backoff, yields when that runs out"
        case .ticket: "two counters, first come first served, backoff by the place in the queue"
        case .mcs: "queue of stack nodes (the K42 form), each waiter spins on a line of its own"
        }
    }

    /// Threads get the lock in the order in which their `lock()` entered the queue.
    public var isFirstComeFirstServed: Bool {
        switch self {
        case .ticket, .mcs: true
        case .pthread, .pthreadAdaptive, .swiftMutex, .futex, .ttas: false
        }
    }

    /// A waiter ends up asleep in the kernel; where false it goes on spinning and yielding.
    public var parks: Bool {
        switch self {
        case .pthread, .pthreadAdaptive, .swiftMutex, .futex: true
        case .ttas, .ticket, .mcs: false
        }
    }
}
