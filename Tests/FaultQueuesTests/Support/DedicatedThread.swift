import CPlatform
import FaultQueues
import Glibc

/// A thread of its own, so that a test may bind it or let it wait without harm to the pool on which
/// the test itself runs. `join()` is called once for each.
final class DedicatedThread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let handle: pthread_t

    init(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run))
        var handle = pthread_t()
        let error = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        precondition(error == 0, "pthread_create failed with errno \(error)")
        self.handle = handle
    }

    func join() { pthread_join(handle, nil) }

    /// Runs the same body on several threads, each of which starts when all are there, and returns
    /// when all have ended.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let gate = Gate()
        let threads = (0..<count).map { index in
            DedicatedThread {
                gate.wait(for: count)
                body(index)
            }
        }
        for thread in threads { thread.join() }
    }

    private final class Gate: Sendable {
        private let arrived = SharedAtomic<Int>(0)

        func wait(for count: Int) {
            arrived.wrappingAdd(1, ordering: .relaxed)
            var spin = SpinWait()
            while arrived.load(ordering: .relaxed) < count { spin.wait() }
        }
    }
}

/// CPUs that are online.
let onlineCPUCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

/// Enough threads for some of them to be waiting for a CPU, and not so many that a small machine
/// takes long.
let crowd = min(onlineCPUCount + 2, 6)

/// The seed of this run: FQBENCH_TEST_SEED (or, as some tests print it, FQ_TEST_SEED), or one from
/// the clock. Tests name it in what they report.
let testSeed: UInt64 = {
    for name in ["FQBENCH_TEST_SEED", "FQ_TEST_SEED"] {
        if let text = getenv(name), let seed = UInt64(String(cString: text)) { return seed }
    }
    return fq_ticks()
}()

/// ThreadSanitizer's runtime stops in the child that an exit test makes.
let exitTestsWork = !fq_tsan_enabled()

/// Plain integers that a test's threads share and its author answers for. Not generic: in a debug
/// build ThreadSanitizer does not see what goes through a generic accessor, and would find no race.
struct PlainIntegers: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Int>

    init(repeating value: Int, count: Int = 1) {
        pointer = .allocate(capacity: count)
        pointer.initialize(repeating: value, count: count)
    }

    subscript(index: Int) -> Int {
        get { pointer[index] }
        nonmutating set { pointer[index] = newValue }
    }

    func free() { pointer.deallocate() }
}
