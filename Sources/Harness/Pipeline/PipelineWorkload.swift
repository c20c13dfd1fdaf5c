import Results

/// What goes through the whole path, from the page-request ring to the response: a value, read from
/// a suite's file.
///
/// Devices write requests into a ring (`spsc`, sticky overflow), one fault thread drains it and
/// reports, workers handle and answer; a device sends no more than its credits allow, sends what an
/// overflow dropped again, and stops for a PASID that is being unbound.
public struct PipelineWorkload: Sendable, Equatable, Codable {
    /// Name of the cell, kebab-case.
    public let name: String
    /// Threads that handle and answer, 1…64.
    public let workers: Int
    /// Whether the devices have a thread of their own. Otherwise the fault thread plays them
    /// between two looks at the ring, which leaves a machine of two CPUs one for the worker.
    public let deviceThread: Bool
    /// Names of placements to run at; nil for every placement that exists.
    public let placements: [String]?
    /// Entries of the ring: a power of two, 128…16384.
    public let capacity: Int
    /// Most requests that the fault thread takes at once, 1…4096.
    public let batch: Int
    /// Synthetic requests: devices that they come from, 1…64.
    public let devices: Int
    /// Synthetic requests: PASIDs of each, 1…4096.
    public let pasids: Int
    /// Synthetic requests: pages of a group, 1…32.
    public let groupSize: Int
    /// Synthetic requests: groups that are open at the same time over all devices, 1…256.
    public let openGroups: Int
    /// Requests of a device that may be unanswered, 1…65536: its allocation.
    public let credits: Int
    /// What a handler works on a group, in nanoseconds, 0…10⁷.
    public let serviceNs: Double
    /// What the submit of a response takes, in nanoseconds, 0…10⁶.
    public let submitNs: Double
    /// How long a device waits before it sends a dropped group again, in microseconds, 0…10⁶.
    public let retryUs: Double
    /// Time between the end of an unbind and the start of the next, in microseconds, 20…10⁶; nil
    /// for none. PASIDs take turns; each is bound again at once.
    public let unbindEveryUs: Double?
    /// When requests arrive; nil for as fast as credits allow, where the figure is a rate.
    public let arrivals: Arrivals?

    /// Requests of a burst without arrivals.
    static let closedRequests = 8192

    public init(
        name: String, workers: Int = 1, deviceThread: Bool = false, placements: [String]? = nil,
        capacity: Int = 512, batch: Int = 64, devices: Int = 1, pasids: Int = 1,
        groupSize: Int = 1, openGroups: Int = 1, credits: Int = 512, serviceNs: Double = 0,
        submitNs: Double = 0, retryUs: Double = 5, unbindEveryUs: Double? = nil,
        arrivals: Arrivals? = nil
    ) {
        self.name = name
        self.workers = workers
        self.deviceThread = deviceThread
        self.placements = placements
        self.capacity = capacity
        self.batch = batch
        self.devices = devices
        self.pasids = pasids
        self.groupSize = groupSize
        self.openGroups = openGroups
        self.credits = credits
        self.serviceNs = serviceNs
        self.submitNs = submitNs
        self.retryUs = retryUs
        self.unbindEveryUs = unbindEveryUs
        self.arrivals = arrivals
    }

    /// The kind of table that the figures go into.
    public var measure: CellMeasure { arrivals == nil ? .throughput : .openLoop }

    /// Threads of a trial that have a CPU of their placement. The one that unbinds sleeps most of
    /// the time: it takes a CPU that is left over, or shares the first worker's.
    public var threads: Int { workers + (deviceThread ? 2 : 1) }

    /// What is wrong with it, as the rest of a line that begins with where it stands; nil if sound.
    public var fault: String? {
        func outside(_ what: String, _ value: Int, _ range: ClosedRange<Int>) -> String? {
            range.contains(value)
                ? nil : "\(what): expected \(range.lowerBound)…\(range.upperBound), found \(value)"
        }
        func outside(_ what: String, _ value: Double, _ range: ClosedRange<Double>) -> String? {
            range.contains(value)
                ? nil
                : "\(what): expected \(Int(range.lowerBound))…\(Int(range.upperBound)), "
                    + "found \(value)"
        }
        if !NamePattern.isKebab(name) { return "name: expected kebab-case, found \"\(name)\"" }
        if capacity & (capacity - 1) != 0 {
            return "capacity: expected a power of two in 128…16384, found \(capacity)"
        }
        let counts = [
            outside("workers", workers, 1...64), outside("capacity", capacity, 128...16384),
            outside("batch", batch, 1...4096), outside("devices", devices, 1...64),
            outside("pasids", pasids, 1...4096), outside("groupSize", groupSize, 1...32),
            outside("openGroups", openGroups, 1...256), outside("credits", credits, 1...65536),
            outside("serviceNs", serviceNs, 0...1e7), outside("submitNs", submitNs, 0...1e6),
            outside("retryUs", retryUs, 0...1e6),
            unbindEveryUs.flatMap { outside("unbindEveryUs", $0, 20...1e6) },
        ]
        if let first = counts.compactMap({ $0 }).first { return first }
        if case .trace = arrivals {
            return arrivals?.fault
        }
        if credits < groupSize * openGroups {
            return "credits: expected groupSize x openGroups (\(groupSize * openGroups)) or more: "
                + "a device whose open groups use up its credits can finish none of them"
        }
        if case .saturationShare = arrivals {
            return "arrivals: saturation-share is for rings; expected poisson, bursts or trace"
        }
        return arrivals?.fault
    }
}

extension PipelineWorkload {
    private enum Key: String, CodingKey, CaseIterable {
        case name, workers, deviceThread, placements, capacity, batch, devices, pasids, groupSize
        case openGroups, credits, serviceNs, submitNs, retryUs, unbindEveryUs, arrivals
    }

    /// Fields left out take the defaults of `init`; unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        func whole(_ key: Key, _ standard: Int) throws -> Int {
            try fields.decodeWhole(forKey: key, ifAbsent: standard)
        }
        func number(_ key: Key, _ standard: Double) throws -> Double {
            try fields.decodeIfPresent(Double.self, forKey: key) ?? standard
        }
        self.init(
            name: try fields.decode(String.self, forKey: .name), workers: try whole(.workers, 1),
            deviceThread: try fields.decodeIfPresent(Bool.self, forKey: .deviceThread) ?? false,
            placements: try fields.decodeIfPresent([String].self, forKey: .placements),
            capacity: try whole(.capacity, 512), batch: try whole(.batch, 64),
            devices: try whole(.devices, 1), pasids: try whole(.pasids, 1),
            groupSize: try whole(.groupSize, 1), openGroups: try whole(.openGroups, 1),
            credits: try whole(.credits, 512), serviceNs: try number(.serviceNs, 0),
            submitNs: try number(.submitNs, 0), retryUs: try number(.retryUs, 5),
            unbindEveryUs: try fields.decodeIfPresent(Double.self, forKey: .unbindEveryUs),
            arrivals: try fields.decodeIfPresent(Arrivals.self, forKey: .arrivals))
    }
}
