import FaultQueues

/// How the thread that unbinds PASIDs, the devices and the fault thread agree: the devices stop for
/// a key, what they had sent is drained from the ring, the key is flushed, and bound again.
///
/// Overlap: one thread unbinds, one plays the devices, one drains; workers read epochs. `prepare`
/// between two meetings.
struct UnbindWords: ~Copyable {
    /// What the devices find in `request`: nothing, or a key with the number of its unbind, so
    /// that two unbinds of one key differ; or that nothing more may be asked for.
    static let idle: UInt64 = 0
    static let closed = UInt64.max

    /// Written by the thread that unbinds, and once by the devices to close.
    let request = PaddedAtomic<UInt64>(UnbindWords.idle)
    /// Written by the devices: the request that they have stopped for.
    let stopped = PaddedAtomic<UInt64>(UnbindWords.idle)
    /// Requests in the ring, ever, when the devices stopped. Read after `stopped`.
    let sentAtStop = PaddedAtomic<UInt64>(0)
    /// Groups of the stopped key, ever, when the devices stopped. Read after `stopped`.
    let groupsAtStop = PaddedAtomic<UInt64>(0)
    /// Written by the fault thread: requests, ever, that it has reported.
    let reported = PaddedAtomic<UInt64>(0)
    /// Set by the devices when nothing more will be sent in this burst.
    let isFinished = PaddedAtomic<UInt64>(0)
    /// Unbinds of each key that are over.
    let epochs: UnsafeMutablePointer<SharedAtomic<UInt64>>
    private let keys: Int

    init(keys: Int) {
        self.keys = keys
        epochs = allocateShared(count: keys) { _ in SharedAtomic<UInt64>(0) }
    }

    deinit { freeShared(epochs, count: keys) }

    /// Back to the state before a burst; between two meetings, by one thread.
    func prepare() {
        request.value.store(Self.idle, ordering: .relaxed)  // published by the next meeting
        stopped.value.store(Self.idle, ordering: .relaxed)  // published by the next meeting
        isFinished.value.store(0, ordering: .relaxed)  // published by the next meeting
    }

    static func request(key: Int, number: UInt64) -> UInt64 { number << 20 | UInt64(key) + 1 }

    /// The key of a request; nil for none.
    static func key(of request: UInt64) -> Int? {
        request == idle || request == closed ? nil : Int(request & 0xFFFFF) - 1
    }
}
