import Results

/// Who looks handles up, and who attaches and detaches: a value, read from a suite's file.
public struct HandleWorkload: LifetimeWorkload {
    public let name: String
    /// What is timed.
    public let observe: Observation
    /// Threads that look up, use and put, 1…64; with none, one thread attaches and detaches alone.
    public let users: Int
    /// Threads that attach and detach, 0…16.
    public let churners: Int
    public let placements: [String]?
    /// Places with handles, 1…4096, in groups of 64 PASIDs.
    public let places: Int
    /// Of them those that come and go, in percent.
    public let churnedPercent: Int
    /// Of the others those whose handle is of another type than most, in percent.
    public let otherTypePercent: Int
    /// What a user does with a handle, in nanoseconds, 0…10⁶.
    public let useNs: Double
    /// What a churner rests after each attach, in nanoseconds, 0…10⁶.
    public let restNs: Double
    public let burstMs: Double?

    /// What a cell's figure is.
    public enum Observation: String, Sendable, Codable {
        /// Lookups per second, put included.
        case lookups
        /// How long one detach takes.
        case detachLatency = "detach-latency"
    }

    var measure: CellMeasure { observe == .lookups ? .throughput : .latency }
    var counted: Int { observe == .lookups ? users : churners }
    var background: Int { observe == .lookups ? churners : users }
    /// Places that come and go, at least one for each churner.
    var churned: Int {
        churners == 0 ? 0 : min(places, max(places * churnedPercent / 100, churners))
    }

    var ownFault: String? {
        if let fault = outside([
            ("users", users, 0...64), ("churners", churners, 0...16), ("places", places, 1...4096),
            ("churnedPercent", churnedPercent, 0...100),
            ("otherTypePercent", otherTypePercent, 0...100),
        ]) {
            return fault
        }
        if !(useNs >= 0 && useNs <= 1e6) { return "useNs: expected 0…1000000, found \(useNs)" }
        if !(restNs >= 0 && restNs <= 1e6) { return "restNs: expected 0…1000000, found \(restNs)" }
        if counted == 0 {
            return observe == .lookups
                ? "users: expected 1…64, found 0" : "churners: expected 1…16, found 0"
        }
        return churners > places ? "churners: expected at most one for each place" : nil
    }
}

extension HandleWorkload {
    private enum Key: String, CodingKey, CaseIterable {
        case name, observe, users, churners, placements, places, churnedPercent, otherTypePercent
        case useNs, restNs, burstMs
    }

    /// Fields left out: one user, no churner, 64 places, a quarter of them coming and going, a
    /// quarter of another type. Unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        func number(_ key: Key, _ standard: Int) throws -> Int {
            try fields.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        name = try fields.decode(String.self, forKey: .name)
        observe = try fields.decode(Observation.self, forKey: .observe)
        users = try number(.users, 1)
        churners = try number(.churners, 0)
        placements = try fields.decodeIfPresent([String].self, forKey: .placements)
        places = try number(.places, 64)
        churnedPercent = try number(.churnedPercent, 25)
        otherTypePercent = try number(.otherTypePercent, 25)
        useNs = try fields.decodeIfPresent(Double.self, forKey: .useNs) ?? 0
        restNs = try fields.decodeIfPresent(Double.self, forKey: .restNs) ?? 0
        burstMs = try fields.decodeIfPresent(Double.self, forKey: .burstMs)
    }
}
