import FaultQueues
import Glibc

/// A thread of its own, which may bind itself and may wait without harm to any pool. `join()` is
/// called once for each.
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
