/// What an open loop's requests and their times come from.
public enum Arrivals: Sendable, Equatable {
    /// Exponential gaps at a rate, of all producers together.
    case poisson(perSecond: Double)
    /// Exponential gaps at a share of the rate that the same scheme reaches in a closed loop,
    /// which a pilot in the same run measures.
    case saturationShare(Double)
    /// `length` requests back to back at `perSecond`, then nothing for `idleNs`.
    case bursts(perSecond: Double, length: Int, idleNs: UInt64)
    /// A trace's requests at its own times, sped up.
    case trace(name: String, speedUp: Double)

    /// Requests per second below which no open loop offers any: a burst has sixteen at least, and
    /// would take far longer than a burst is meant to.
    static let lowestRate = 1000.0
}

extension Arrivals: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case process, perSecond, share, length, idleNs, trace, speedUp
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        let process = try fields.decode(String.self, forKey: .process)
        switch process {
        case "poisson":
            self = .poisson(perSecond: try fields.decode(Double.self, forKey: .perSecond))
        case "saturation-share":
            self = .saturationShare(try fields.decode(Double.self, forKey: .share))
        case "bursts":
            self = .bursts(
                perSecond: try fields.decode(Double.self, forKey: .perSecond),
                length: try fields.decodeWhole(forKey: .length),
                idleNs: UInt64(try fields.decodeWhole(forKey: .idleNs, from: 0)))
        case "trace":
            self = .trace(
                name: try fields.decode(String.self, forKey: .trace),
                speedUp: try fields.decode(Double.self, forKey: .speedUp))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: Key.process, in: fields,
                debugDescription:
                    "expected poisson, saturation-share, bursts or trace, found \"\(process)\"")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        switch self {
        case .poisson(let perSecond):
            try fields.encode("poisson", forKey: .process)
            try fields.encode(perSecond, forKey: .perSecond)
        case .saturationShare(let share):
            try fields.encode("saturation-share", forKey: .process)
            try fields.encode(share, forKey: .share)
        case .bursts(let perSecond, let length, let idleNs):
            try fields.encode("bursts", forKey: .process)
            try fields.encode(perSecond, forKey: .perSecond)
            try fields.encode(length, forKey: .length)
            try fields.encode(idleNs, forKey: .idleNs)
        case .trace(let name, let speedUp):
            try fields.encode("trace", forKey: .process)
            try fields.encode(name, forKey: .trace)
            try fields.encode(speedUp, forKey: .speedUp)
        }
    }

    /// What is wrong with it; nil if sound.
    var fault: String? {
        func isRate(_ value: Double) -> Bool { value >= Arrivals.lowestRate && value <= 1e9 }
        let rate = "expected 1000…1e9"
        switch self {
        case .poisson(let perSecond):
            return isRate(perSecond)
                ? nil : "perSecond: \(rate), found \(perSecond)"
        case .saturationShare(let share):
            return share >= 0.001 && share <= 2
                ? nil : "share: expected 0.001…2, found \(share)"
        case .bursts(let perSecond, let length, let idleNs):
            if !isRate(perSecond) {
                return "perSecond: \(rate), found \(perSecond)"
            }
            if !(1...65536).contains(length) { return "length: expected 1…65536, found \(length)" }
            let longest = UInt64(length) * 1_000_000
            return idleNs <= longest
                ? nil
                : "idleNs: expected 0…\(longest), 1 ms per request of a burst, found \(idleNs)"
        case .trace(_, let speedUp):
            return speedUp > 0 && speedUp <= 1e6
                ? nil : "speedUp: expected above 0, at most 1e6, found \(speedUp)"
        }
    }
}
