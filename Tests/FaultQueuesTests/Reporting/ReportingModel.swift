import FaultModel
import FaultQueues

/// One step of a list that a single thread runs. Devices and PASIDs are small numbers here.
enum ReportingOperation: Hashable, Sendable {
    case page(device: Int, pasid: Int, index: Int)
    case last(device: Int, pasid: Int, index: Int)
    /// Take, respond, finish.
    case handle
    /// Take and finish: the group goes to someone who answers later.
    case keep
    /// Answers the group that was kept first.
    case answerKept
    case flush(device: Int, pasid: Int)
    case discard
    case remove(device: Int)
    case add(device: Int)

    /// Devices, PASIDs and indices that it names.
    var names: (device: Int?, pasid: Int?, index: Int?) {
        switch self {
        case .page(let device, let pasid, let index), .last(let device, let pasid, let index):
            (device, pasid, index)
        case .flush(let device, let pasid): (device, pasid, nil)
        case .remove(let device), .add(let device): (device, nil, nil)
        case .handle, .keep, .answerKept, .discard: (nil, nil, nil)
        }
    }

    /// Every operation over so many devices, PASIDs and indices.
    static func all(devices: Int, pasids: Int, indices: Int) -> [ReportingOperation] {
        var all: [ReportingOperation] = [.handle, .keep, .answerKept, .discard]
        for device in 0..<devices {
            all += [.remove(device: device), .add(device: device)]
            for pasid in 0..<pasids {
                all.append(.flush(device: device, pasid: pasid))
                for index in 0..<indices {
                    all.append(.page(device: device, pasid: pasid, index: index))
                    all.append(.last(device: device, pasid: pasid, index: index))
                }
            }
        }
        return all
    }
}

/// What one thread that runs operations one after another must see: slow, and plain enough to be
/// read beside the guarantees of `FaultReporting`. Requests are known by their number in the list.
struct ReportingModel {
    struct Key: Hashable {
        var device: Int
        var pasid: Int
        var index: Int
    }

    struct Group {
        var key: Key
        /// Numbers of its requests in order of arrival, the last at the end.
        var requests: [Int]
        /// How it was answered; nil where it was not.
        var code: ResponseCode?
    }

    /// Devices served. All are, at the start.
    var served: Set<Int>
    var partial: [Key: [Int]] = [:]
    /// Every group there was, by the number of its last request.
    var groups: [Int: Group] = [:]
    /// Groups that no worker has taken.
    var queued: Set<Int> = []
    /// Groups taken and not answered by their owner, the oldest first.
    var kept: [Int] = []
    var requestCount = 0

    init(devices: Int) { served = Set(0..<devices) }

    var answeredCount: Int { groups.values.count { $0.code != nil } }

    /// What the census of a structure says whose endpoints were retired; but for nodes.
    var partialPages: Int { partial.values.reduce(0) { $0 + $1.count } }
    var queuedGroups: Int { queued.count { groups[$0]?.code == nil } }

    mutating func report(_ key: Key, isLast: Bool) -> ReportOutcome {
        let number = requestCount
        requestCount += 1
        guard served.contains(key.device) else { return .noDevice }
        guard isLast else {
            partial[key, default: []].append(number)
            return .held
        }
        let pages = partial.removeValue(forKey: key) ?? []
        groups[number] = Group(key: key, requests: pages + [number])
        queued.insert(number)
        return .queued
    }

    mutating func respond(_ number: Int, _ code: ResponseCode) -> RespondOutcome {
        guard groups[number]?.code == nil else { return .notPending }
        groups[number]?.code = code
        return .answered
    }

    /// After the workers have handled what was queued.
    mutating func flush(device: Int, pasid: Int) {
        partial = partial.filter { $0.key.device != device || $0.key.pasid != pasid }
        cancel { $0.device == device && $0.pasid == pasid }
    }

    mutating func discard() -> Int {
        defer { partial = [:] }
        return partialPages
    }

    mutating func remove(_ device: Int) -> RemoveDeviceOutcome {
        guard served.remove(device) != nil else { return .unknown }
        partial = partial.filter { $0.key.device != device }
        cancel { $0.device == device }
        return .removed
    }

    mutating func add(_ device: Int) -> AddDeviceOutcome {
        served.insert(device).inserted ? .added : .busy
    }

    private mutating func cancel(_ isMeant: (Key) -> Bool) {
        for (number, group) in groups where group.code == nil && isMeant(group.key) {
            groups[number]?.code = .invalid
        }
    }

    /// Whether the operation does anything that the list's end would not show as well.
    func allows(_ operation: ReportingOperation) -> Bool {
        switch operation {
        case .handle, .keep: !queued.isEmpty
        case .answerKept: !kept.isEmpty
        default: true
        }
    }

    /// The operation's effect on which groups are where; what the structure says is compared
    /// elsewhere. For the enumeration of lists, which takes groups in order of arrival.
    mutating func follow(_ operation: ReportingOperation) {
        switch operation {
        case .page(let device, let pasid, let index):
            _ = report(Key(device: device, pasid: pasid, index: index), isLast: false)
        case .last(let device, let pasid, let index):
            _ = report(Key(device: device, pasid: pasid, index: index), isLast: true)
        case .handle:
            if let number = queued.min() { queued.remove(number) }
        case .keep:
            guard let number = queued.min() else { return }
            queued.remove(number)
            kept.append(number)
        case .answerKept: if !kept.isEmpty { kept.removeFirst() }
        case .flush: queued = []
        case .discard: _ = discard()
        case .remove(let device): _ = remove(device)
        case .add(let device): _ = add(device)
        }
    }
}
