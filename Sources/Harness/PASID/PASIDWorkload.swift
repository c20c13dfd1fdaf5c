import Results

/// Who binds, uses and exits: a value, read from a suite's file.
public struct PASIDWorkload: LifetimeWorkload {
    public let name: String
    /// What is timed.
    public let observe: Observation
    /// 1…64.
    public let threads: Int
    public let placements: [String]?
    /// Width of a PASID, 2…20.
    public let bits: Int
    /// Task lives and exits only: whether all threads' tasks are of one address space.
    public let isShared: Bool
    /// Exits only: tasks of a thread that exit in a burst, 1…65536.
    public let tasks: Int
    /// Processes only: those of a thread that live at the same time, 1…65536.
    public let resident: Int
    /// Processes only: whether a process closes its device as soon as it has used it.
    public let closesEarly: Bool
    public let burstMs: Double?

    /// What a cell's figure is.
    public enum Observation: String, Sendable, Codable {
        /// Binds with their unbind, per second, each thread for an address space of its own.
        case binds
        /// Tasks per second that are cloned, use a device and exit.
        case taskLives = "task-lives"
        /// How long an exit takes while everybody exits.
        case exitLatency = "exit-latency"
        /// Short processes per second: fork, bind, use, clone, exec, exit, unbind.
        case processes
    }

    var measure: CellMeasure { observe == .exitLatency ? .latency : .throughput }
    var counted: Int { threads }
    var background: Int { 0 }

    var ownFault: String? {
        outside([
            ("threads", threads, 1...64), ("bits", bits, 2...20), ("tasks", tasks, 1...65536),
            ("resident", resident, 1...65536),
        ])
            ?? (threads * max(tasks, 2 * resident) > 1 << 20
                ? "threads: expected at most 2²⁰ tasks in all" : nil)
    }
}

extension PASIDWorkload {
    private enum Key: String, CodingKey, CaseIterable {
        case name, observe, threads, placements, bits, isShared, tasks, resident, closesEarly
        case burstMs
    }

    /// Fields left out: two threads, 16 bits, nothing shared, 1024 tasks, 64 processes that keep
    /// their device until they exit. Unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        func number(_ key: Key, _ standard: Int) throws -> Int {
            try fields.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        name = try fields.decode(String.self, forKey: .name)
        observe = try fields.decode(Observation.self, forKey: .observe)
        threads = try number(.threads, 2)
        placements = try fields.decodeIfPresent([String].self, forKey: .placements)
        bits = try number(.bits, 16)
        isShared = try fields.decodeIfPresent(Bool.self, forKey: .isShared) ?? false
        tasks = try number(.tasks, 1024)
        resident = try number(.resident, 64)
        closesEarly = try fields.decodeIfPresent(Bool.self, forKey: .closesEarly) ?? false
        burstMs = try fields.decodeIfPresent(Double.self, forKey: .burstMs)
    }
}
