import FaultModel

/// One call on a ring, by one of its endpoints.
public enum RingCall: Equatable, CustomStringConvertible {
    case enqueue(producer: Int)
    case dequeue(limit: Int)
    case acknowledge

    public var description: String {
        switch self {
        case .enqueue(let producer): "enqueue(\(producer))"
        case .dequeue(let limit): "dequeue(limit: \(limit))"
        case .acknowledge: "acknowledge"
        }
    }
}

/// What a call gave back; requests by the numbers that they were enqueued under.
public enum RingAnswer: Equatable, CustomStringConvertible {
    case outcome(EnqueueOutcome)
    case delivered([UInt64])
    case acknowledged(Bool)

    public var description: String {
        switch self {
        case .outcome(let outcome): ".\(outcome)"
        case .delivered(let numbers): "\(numbers)"
        case .acknowledged(let isTrue): "\(isTrue)"
        }
    }
}

/// How a structure cuts what waits in it into batches.
public enum Batching {
    /// As many as wait, up to the limit.
    case whole
    /// One for each call.
    case single
    /// A ring for each producer; as many as were seen at the last look at the current one, which is
    /// left when it is empty.
    case lanes
}
