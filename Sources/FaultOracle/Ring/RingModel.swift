import FaultModel

/// The guarantees of `PageRequestRing` for one thread, in the plainest way: a list for each ring
/// and a flag.
public struct RingModel {
    private struct Lane {
        var waiting: [UInt64] = []
        /// How many of them the consumer has seen and not yet taken; only with `Batching.lanes`.
        var known = 0
        var overflowPending = false
    }

    private let usable: Int
    private let policy: OverflowPolicy
    private let batching: Batching
    private var lanes: [Lane]
    /// The lane that the consumer looks at first.
    public private(set) var current = 0

    /// - Parameter usable: Requests that fit.
    public init(usable: Int, policy: OverflowPolicy, producers: Int, batching: Batching) {
        self.usable = usable
        self.policy = policy
        self.batching = batching
        lanes = Array(repeating: Lane(), count: batching == .lanes ? producers : 1)
    }

    /// What the call must give back; `number` is the number of a request that it offers.
    public mutating func answer(to call: RingCall, number: UInt64) -> RingAnswer {
        switch call {
        case .enqueue(let producer): .outcome(enqueue(number, by: producer))
        case .dequeue(let limit): .delivered(dequeue(limit: limit))
        case .acknowledge: .acknowledged(acknowledge())
        }
    }

    private mutating func enqueue(_ number: UInt64, by producer: Int) -> EnqueueOutcome {
        let lane = lanes.count == 1 ? 0 : producer
        if lanes[lane].overflowPending { return .overflowed }
        if lanes[lane].waiting.count == usable {
            if policy == .wait { return .full }
            lanes[lane].overflowPending = true
            return .overflowed
        }
        lanes[lane].waiting.append(number)
        return .enqueued
    }

    private mutating func dequeue(limit: Int) -> [UInt64] {
        if batching == .lanes && lanes[current].known == 0 { look() }
        let most =
            switch batching {
            case .whole: limit
            case .single: 1
            case .lanes: min(limit, lanes[current].known)
            }
        let taken = Array(lanes[current].waiting.prefix(most))
        lanes[current].waiting.removeFirst(taken.count)
        if batching == .lanes { lanes[current].known -= taken.count }
        return taken
    }

    private mutating func look() {
        for _ in lanes {
            lanes[current].known = lanes[current].waiting.count
            if lanes[current].known > 0 { return }
            current = (current + 1) % lanes.count
        }
    }

    private mutating func acknowledge() -> Bool {
        var acknowledged = false
        for lane in lanes.indices where lanes[lane].overflowPending {
            if policy == .sticky && !lanes[lane].waiting.isEmpty { continue }
            lanes[lane].overflowPending = false
            acknowledged = true
        }
        return acknowledged
    }
}
