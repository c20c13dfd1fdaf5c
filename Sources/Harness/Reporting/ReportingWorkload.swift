import Results

/// Who reports what to a reporting structure, and who answers: a value, read from a suite's file.
public struct ReportingWorkload: Sendable, Equatable, Codable {
    /// Name of the cell, kebab-case.
    public let name: String
    /// What is timed.
    public let observe: Observation
    /// Threads that report, 1…64. One is what a kernel has; several report for the same devices,
    /// a stress that no kernel has today.
    public let reporters: Int
    /// Threads that handle and answer, 0…64; with none, a reporter answers what it completes.
    public let workers: Int
    /// Names of placements to run at; nil for every placement that exists.
    public let placements: [String]?
    /// Devices that requests come from, 1…64.
    public let devices: Int
    /// PASIDs of each, 1…4096.
    public let pasids: Int
    /// Pages of a group, 1…32.
    public let groupSize: Int
    /// Groups that are assembled at the same time, 1…256, interleaved page by page.
    public let openGroups: Int
    /// Groups of a reporter that may be unanswered, 1…16384: the devices' allocation.
    public let credits: Int
    /// What a handler works on a group, in nanoseconds, 0…10⁷ for the longest that its shape has:
    /// the same for each group, the mean of a lognormal shape, or what the common groups of a slow
    /// tail take.
    public let serviceNs: Double
    /// How the work is spread over groups.
    public let serviceShape: ServiceShape
    /// Share of the pages whose handling fails, 0…1. The rest of such a page's group is left alone,
    /// and the group is answered `.invalid`.
    public let errorShare: Double
    /// What the submit of a response takes, in nanoseconds, 0…10⁶.
    public let submitNs: Double
    /// Flushes only: groups of other PASIDs that are unanswered when a flush begins, 0…16384.
    public let backlog: Int
    /// Length of a burst in milliseconds, instead of the suite's: 0.1…1000.
    public let burstMs: Double?
    /// Who answers, when and in which order; nil where a worker answers what it handled at once.
    public let answers: AnswerPlan?
    /// A thread that flushes beside the reporters; not among `threads`.
    public let flusher: FlusherPlan?
    /// A thread that removes devices and adds them again; not among `threads`.
    public let churn: ChurnPlan?

    /// What a cell's figure is.
    public enum Observation: String, Sendable, Codable {
        /// Requests reported per second, with their groups handled and answered.
        case reports
        /// How long one report takes.
        case reportLatency = "report-latency"
        /// How long a flush of one PASID takes under a backlog of others.
        case flushLatency = "flush-latency"
    }

    /// The kind of table that the figures go into.
    public var measure: CellMeasure { observe == .reports ? .throughput : .latency }

    /// Threads that answer what the workers hand over.
    public var responders: Int { answers?.responders ?? 0 }

    /// Threads that a placement is for. One beside the workload takes a CPU of its own where there
    /// is one, or shares the first worker's.
    public var threads: Int { reporters + workers + responders }

    /// Whether a thread flushes or removes devices beside the others.
    var hasBystander: Bool { flusher != nil || churn != nil }

    /// Whether handlers need more than one service time.
    var isVaried: Bool { serviceShape != .fixed || errorShare > 0 || churn != nil }

    /// What is wrong with it, as the rest of a line that begins with where it stands; nil if sound.
    public var fault: String? {
        func outside(_ what: String, _ value: Int, _ range: ClosedRange<Int>) -> String? {
            range.contains(value)
                ? nil : "\(what): expected \(range.lowerBound)…\(range.upperBound), found \(value)"
        }
        if !NamePattern.isKebab(name) {
            return "name: expected kebab-case, found \"\(name)\""
        }
        let counts = [
            outside("reporters", reporters, 1...64), outside("workers", workers, 0...64),
            outside("devices", devices, 1...64), outside("pasids", pasids, 1...4096),
            outside("groupSize", groupSize, 1...32), outside("openGroups", openGroups, 1...256),
            outside("credits", credits, 1...16384), outside("backlog", backlog, 0...16384),
        ]
        if let first = counts.compactMap({ $0 }).first { return first }
        let longest = 1e7 / serviceShape.longest
        if !(serviceNs >= 0 && serviceNs <= longest) {
            return "serviceNs: expected 0…\(Int(longest)) for shape \(serviceShape.rawValue), "
                + "found \(serviceNs)"
        }
        if !(errorShare >= 0 && errorShare <= 1) {
            return "errorShare: expected 0…1, found \(errorShare)"
        }
        if !(submitNs >= 0 && submitNs <= 1e6) {
            return "submitNs: expected 0…1000000, found \(submitNs)"
        }
        if let burstMs, !(burstMs >= 0.1 && burstMs <= 1000) {
            return "burstMs: expected 0.1…1000, found \(burstMs)"
        }
        if observe == .flushLatency && (reporters != 1 || workers == 0) {
            return "a flush has one reporter, which also flushes, and at least one worker"
        }
        if observe != .flushLatency && backlog > 0 { return "backlog: only for flushes" }
        return partsFault
    }

    /// What is wrong with its parts, each by itself and with the rest.
    private var partsFault: String? {
        if let fault = answers?.fault { return "answers.\(fault)" }
        if let fault = flusher?.fault { return "flusher.\(fault)" }
        if let fault = churn?.fault { return "churn.\(fault)" }
        if answers != nil && workers == 0 {
            return "answers: a reporter that handles its own groups answers them at once"
        }
        if flusher != nil && churn != nil { return "flusher, churn: expected one of them at most" }
        for (name, isThere) in [("flusher", flusher != nil), ("churn", churn != nil)]
        where isThere {
            if observe == .flushLatency { return "\(name): not beside the reporter that flushes" }
            // The flush waits for a handler, which waits for the lock that the flush holds.
            if workers == 0 { return "\(name): expected at least one worker" }
        }
        if let churn, churn.devices > devices {
            return "churn.devices: expected 1…\(devices), the workload's, found \(churn.devices)"
        }
        if churn != nil && errorShare > 0 {
            return "churn: not with an errorShare, whose answers are like a removal's"
        }
        return nil
    }
}

extension ReportingWorkload {
    private enum Key: String, CodingKey, CaseIterable {
        case name, observe, reporters, workers, placements, devices, pasids, groupSize, openGroups
        case credits, serviceNs, serviceShape, errorShare, submitNs, backlog, burstMs
        case answers, flusher, churn
    }

    /// Fields left out take their least value, credits 512; unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        func number(_ key: Key, _ standard: Int) throws -> Int {
            try fields.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        name = try fields.decode(String.self, forKey: .name)
        observe = try fields.decode(Observation.self, forKey: .observe)
        reporters = try number(.reporters, 1)
        workers = try number(.workers, 1)
        placements = try fields.decodeIfPresent([String].self, forKey: .placements)
        devices = try number(.devices, 1)
        pasids = try number(.pasids, 1)
        groupSize = try number(.groupSize, 1)
        openGroups = try number(.openGroups, 1)
        credits = try number(.credits, 512)
        serviceNs = try fields.decodeIfPresent(Double.self, forKey: .serviceNs) ?? 0
        submitNs = try fields.decodeIfPresent(Double.self, forKey: .submitNs) ?? 0
        backlog = try number(.backlog, 0)
        burstMs = try fields.decodeIfPresent(Double.self, forKey: .burstMs)
        serviceShape =
            fields.contains(.serviceShape)
            ? try fields.decode(oneOf: ServiceShape.allCases, forKey: .serviceShape) : .fixed
        errorShare = try fields.decodeIfPresent(Double.self, forKey: .errorShare) ?? 0
        answers = try fields.decodeIfPresent(AnswerPlan.self, forKey: .answers)
        flusher = try fields.decodeIfPresent(FlusherPlan.self, forKey: .flusher)
        churn = try fields.decodeIfPresent(ChurnPlan.self, forKey: .churn)
    }
}
