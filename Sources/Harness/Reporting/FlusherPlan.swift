/// A thread beside the reporters that flushes a PASID of its own, with complete groups and a
/// partial one of its own at each flush: part of a workload. It shows what a flush costs those who
/// have nothing to do with it.
public struct FlusherPlan: Sendable, Equatable, Codable {
    /// From the begin of one flush to the next in microseconds, 1…10⁶; where a flush takes longer,
    /// the next begins when it returns.
    public let everyUs: Int
    public let device: Place

    /// Whose PASID it is.
    public enum Place: String, Sendable, Codable, CaseIterable {
        /// One of the first device, for which reporters report as well.
        case same
        /// One of a device of its own.
        case other
    }

    /// What is wrong with it; nil if sound.
    var fault: String? {
        (1...1_000_000).contains(everyUs) ? nil : "everyUs: expected 1…1000000, found \(everyUs)"
    }
}

extension FlusherPlan {
    private enum Key: String, CodingKey, CaseIterable {
        case everyUs, device
    }

    /// Unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        everyUs = try fields.decodeWhole(forKey: .everyUs)
        device = try fields.decode(oneOf: Place.allCases, forKey: .device)
    }
}
