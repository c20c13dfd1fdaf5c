import FaultModel

/// What one thread that runs operations one after another must see: slow, and plain enough to be
/// read beside the guarantees of `FaultReporting`. Requests are known by their number in the list.
public struct ReportingModel {
    public struct Key: Hashable, Sendable {
        public var device: Int
        public var pasid: Int
        public var index: Int

        public init(device: Int, pasid: Int, index: Int) {
            self.device = device
            self.pasid = pasid
            self.index = index
        }
    }

    public struct Group {
        public var key: Key
        /// Numbers of its requests in order of arrival, the last at the end.
        public var requests: [Int]
        /// How it was answered; nil where it was not.
        public var code: ResponseCode?
    }

    /// Devices served. All are, at the start.
    public var served: Set<Int>
    public var partial: [Key: [Int]] = [:]
    /// Every group there was, by the number of its last request.
    public var groups: [Int: Group] = [:]
    /// Groups that no worker has taken.
    public var queued: Set<Int> = []
    /// Groups taken and not answered by their owner, the oldest first.
    public var kept: [Int] = []
    public var requestCount = 0

    public init(devices: Int) { served = Set(0..<devices) }

    public var answeredCount: Int { groups.values.count { $0.code != nil } }

    /// What the census of a structure says whose endpoints were retired; but for nodes.
    public var partialPages: Int { partial.values.reduce(0) { $0 + $1.count } }
    public var queuedGroups: Int { queued.count { groups[$0]?.code == nil } }

    public mutating func report(_ key: Key, isLast: Bool) -> ReportOutcome {
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

    public mutating func respond(_ number: Int, _ code: ResponseCode) -> RespondOutcome {
        guard groups[number]?.code == nil else { return .notPending }
        groups[number]?.code = code
        return .answered
    }

    /// After the workers have handled what was queued.
    public mutating func flush(device: Int, pasid: Int) {
        partial = partial.filter { $0.key.device != device || $0.key.pasid != pasid }
        cancel { $0.device == device && $0.pasid == pasid }
    }

    public mutating func discard() -> Int {
        defer { partial = [:] }
        return partialPages
    }

    public mutating func remove(_ device: Int) -> RemoveDeviceOutcome {
        guard served.remove(device) != nil else { return .unknown }
        partial = partial.filter { $0.key.device != device }
        cancel { $0.device == device }
        return .removed
    }

    public mutating func add(_ device: Int) -> AddDeviceOutcome {
        served.insert(device).inserted ? .added : .busy
    }

    private mutating func cancel(_ isMeant: (Key) -> Bool) {
        for (number, group) in groups where group.code == nil && isMeant(group.key) {
            groups[number]?.code = .invalid
        }
    }

    /// Whether the operation does anything that the list's end would not show as well.
    public func allows(_ operation: ReportingOperation) -> Bool {
        switch operation {
        case .handle, .keep: !queued.isEmpty
        case .answerKept: !kept.isEmpty
        default: true
        }
    }

    /// The operation's effect on which groups are where; what the structure says is compared
    /// elsewhere. For the enumeration of lists, which takes groups in order of arrival.
    public mutating func follow(_ operation: ReportingOperation) {
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
