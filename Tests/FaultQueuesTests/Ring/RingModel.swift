import FaultModel
import FaultOracle
import FaultQueues

/// One call on a ring, by one of its endpoints.
enum RingCall: Equatable, CustomStringConvertible {
    case enqueue(producer: Int)
    case dequeue(limit: Int)
    case acknowledge

    var description: String {
        switch self {
        case .enqueue(let producer): "enqueue(\(producer))"
        case .dequeue(let limit): "dequeue(limit: \(limit))"
        case .acknowledge: "acknowledge"
        }
    }
}

/// What a call gave back; requests by the numbers that they were enqueued under.
enum RingAnswer: Equatable, CustomStringConvertible {
    case outcome(EnqueueOutcome)
    case delivered([UInt64])
    case acknowledged(Bool)

    var description: String {
        switch self {
        case .outcome(let outcome): ".\(outcome)"
        case .delivered(let numbers): "\(numbers)"
        case .acknowledged(let isTrue): "\(isTrue)"
        }
    }
}

/// How a structure cuts what waits in it into batches.
enum Batching {
    /// As many as wait, up to the limit.
    case whole
    /// One for each call.
    case single
    /// A ring for each producer; as many as were seen at the last look at the current one, which is
    /// left when it is empty.
    case lanes
}

/// The guarantees of `PageRequestRing` for one thread, in the plainest way: a list for each ring
/// and a flag.
struct RingModel {
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
    private(set) var current = 0

    init(_ configuration: RingConfiguration, batching: Batching) {
        usable = configuration.usable
        policy = configuration.overflow
        self.batching = batching
        lanes = Array(repeating: Lane(), count: batching == .lanes ? configuration.producers : 1)
    }

    /// What the call must give back; `number` is the number of a request that it offers.
    mutating func answer(to call: RingCall, number: UInt64) -> RingAnswer {
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

/// The request that stands for a tag: each of its four words follows from the tag, so that a slot
/// put together from two requests shows.
func taggedRequest(_ tag: SequenceTag) -> PageRequest {
    PageRequest(
        header: tag.rawValue &* 0xD1B5_4A32_D192_ED03, address: tag.address,
        privateData0: tag.rawValue, privateData1: ~tag.rawValue)
}

/// Whether all four words belong to the tag that the request carries.
func isWhole(_ request: PageRequest) -> Bool {
    let tag = request.privateData0
    return request.privateData1 == ~tag
        && request.header == (tag &* 0xD1B5_4A32_D192_ED03) & PageRequest.headerMask
        && request.address == SequenceTag(rawValue: tag).address
}
