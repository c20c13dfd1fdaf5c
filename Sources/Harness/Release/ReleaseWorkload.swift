import Results

/// Who lets address spaces die, and what the devices are doing: a value, read from a suite's file.
public struct ReleaseWorkload: LifetimeWorkload {
    public let name: String
    /// What is timed.
    public let observe: Observation
    /// Threads that bind, exit and unbind, 1…16.
    public let callers: Int
    /// Threads that handle page requests, 1…16.
    public let workers: Int
    /// Threads that access the callers' address spaces all the time, 0…16.
    public let devices: Int
    public let placements: [String]?
    /// Page requests of other address spaces that wait when a release begins, 0…16384.
    public let backlog: Int
    /// What a handler works on one, in nanoseconds, 0…10⁶.
    public let serviceNs: Double
    /// What one synchronous invalidation takes, in nanoseconds, 0…10⁶.
    public let invalidationNs: Double
    /// Accesses of an address space before its release and again after it, 0…1000; one in
    /// four finds its page missing, before it only where there is a backlog.
    public let accesses: Int
    /// Bystanders only: from one job to the next, and what a job works, in nanoseconds.
    public let arrivalNs: Double
    public let jobNs: Double
    /// Bystanders only: one job in so many makes a last put, 2…10⁶.
    public let releaseEvery: Int
    public let burstMs: Double?

    /// What a cell's figure is.
    public enum Observation: String, Sendable, Codable {
        /// How long the last put takes.
        case releaseLatency = "release-latency"
        /// How late a job is done that only shares its thread with last puts, counted from the time
        /// that it was meant to begin.
        case bystanderLatency = "bystander-latency"
    }

    var measure: CellMeasure { .latency }
    var counted: Int { callers }
    var background: Int { workers + devices }

    var ownFault: String? {
        if let fault = outside([
            ("callers", callers, 1...16), ("workers", workers, 1...16),
            ("devices", devices, 0...16), ("backlog", backlog, 0...16384),
            ("accesses", accesses, 0...1000), ("releaseEvery", releaseEvery, 2...1_000_000),
        ]) {
            return fault
        }
        let times = [
            ("serviceNs", serviceNs), ("invalidationNs", invalidationNs), ("arrivalNs", arrivalNs),
            ("jobNs", jobNs),
        ]
        return times.first { !($0.1 >= 0 && $0.1 <= 1e6) }.map {
            "\($0.0): expected 0…1000000, found \($0.1)"
        }
    }
}

extension ReleaseWorkload {
    private enum Key: String, CodingKey, CaseIterable {
        case name, observe, callers, workers, devices, placements, backlog, serviceNs
        case invalidationNs, accesses, arrivalNs, jobNs, releaseEvery, burstMs
    }

    /// Fields left out: one caller, one worker, no device, no backlog, a service of 1 µs, an
    /// invalidation of 500 ns, 16 accesses; jobs of 2 µs every 5 µs, one in 64 with a last put.
    /// Unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        func number(_ key: Key, _ standard: Int) throws -> Int {
            try fields.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        func time(_ key: Key, _ standard: Double) throws -> Double {
            try fields.decodeIfPresent(Double.self, forKey: key) ?? standard
        }
        name = try fields.decode(String.self, forKey: .name)
        observe = try fields.decode(Observation.self, forKey: .observe)
        callers = try number(.callers, 1)
        workers = try number(.workers, 1)
        devices = try number(.devices, 0)
        placements = try fields.decodeIfPresent([String].self, forKey: .placements)
        backlog = try number(.backlog, 0)
        serviceNs = try time(.serviceNs, 1000)
        invalidationNs = try time(.invalidationNs, 500)
        accesses = try number(.accesses, 16)
        arrivalNs = try time(.arrivalNs, 5000)
        jobNs = try time(.jobNs, 2000)
        releaseEvery = try number(.releaseEvery, 64)
        burstMs = try fields.decodeIfPresent(Double.self, forKey: .burstMs)
    }
}
