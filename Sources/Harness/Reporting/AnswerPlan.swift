/// Who answers handled groups, when, and in which order: part of a workload. Without one, a worker
/// answers each group before it takes the next.
public struct AnswerPlan: Sendable, Equatable, Codable {
    /// Groups that one who answers may hold, 1…4096. He answers one where he holds as many, where
    /// nothing new comes, and where a silent one's time is up.
    public let window: Int
    public let order: Order
    /// Least time between the end of a group's handling and its answer, in nanoseconds, 0…10⁷.
    public let delayNs: Double
    /// Threads that answer what the workers hand over, 0…64; with none, a worker holds its own.
    public let responders: Int
    /// Share of the groups that nobody answers until `timeoutNs` has passed, and then `.failure`,
    /// 0…1.
    public let silentShare: Double
    /// Page-response timeout in nanoseconds, counted like `delayNs`: 1…10⁸, with a silent share.
    public let timeoutNs: Double

    /// Which of the groups that may be answered is.
    public enum Order: String, Sendable, Codable, CaseIterable {
        /// The one that was taken first.
        case fifo
        case random
    }

    /// What is wrong with it; nil if sound.
    var fault: String? {
        if !(1...4096).contains(window) { return "window: expected 1…4096, found \(window)" }
        if !(0...64).contains(responders) {
            return "responders: expected 0…64, found \(responders)"
        }
        if !(delayNs >= 0 && delayNs <= 1e7) {
            return "delayNs: expected 0…10000000, found \(delayNs)"
        }
        if !(silentShare >= 0 && silentShare <= 1) {
            return "silentShare: expected 0…1, found \(silentShare)"
        }
        if silentShare == 0 {
            return timeoutNs == 0 ? nil : "timeoutNs: only with a silentShare"
        }
        if !(timeoutNs >= 1 && timeoutNs <= 1e8) {
            return "timeoutNs: expected 1…100000000, found \(timeoutNs)"
        }
        return nil
    }
}

extension AnswerPlan {
    private enum Key: String, CodingKey, CaseIterable {
        case window, order, delayNs, responders, silentShare, timeoutNs
    }

    /// Fields left out take their least value, the order fifo; unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        window = try fields.decodeWhole(forKey: .window, ifAbsent: 1)
        order =
            fields.contains(.order)
            ? try fields.decode(oneOf: Order.allCases, forKey: .order) : .fifo
        delayNs = try fields.decodeIfPresent(Double.self, forKey: .delayNs) ?? 0
        responders = try fields.decodeWhole(forKey: .responders, ifAbsent: 0)
        silentShare = try fields.decodeIfPresent(Double.self, forKey: .silentShare) ?? 0
        timeoutNs = try fields.decodeIfPresent(Double.self, forKey: .timeoutNs) ?? 0
    }
}
