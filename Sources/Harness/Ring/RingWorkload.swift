import FaultModel
import FaultQueues
import Results

/// Who does what to a ring, how fast: a value, read from a suite's file.
public struct RingWorkload: Sendable, Equatable, Codable {
    /// Name of the cell, kebab-case.
    public let name: String
    public let measure: CellMeasure
    /// 1…256 threads, each a device.
    public let producers: Int
    /// 1…256 fault threads.
    public let consumers: Int
    /// Names of placements to run at; those that the machine cannot give are left out with a note.
    /// Nil for every placement that exists.
    public let placements: [String]?
    /// Entries of the ring: a power of two, 128…16384.
    public let capacity: Int
    /// Most requests that a consumer takes at once, 1…4096.
    public let batch: Int
    public let headUpdate: HeadUpdate
    public let overflow: OverflowPolicy
    /// Most think time between two operations, in nanoseconds; uniform from 0.
    public let thinkNs: Double
    /// When requests arrive; for an open loop, and only there.
    public let arrivals: Arrivals?

    public init(
        name: String, measure: CellMeasure, producers: Int = 1, consumers: Int = 1,
        placements: [String]? = nil, capacity: Int = 2048, batch: Int = 64,
        headUpdate: HeadUpdate = .perBatch, overflow: OverflowPolicy = .wait, thinkNs: Double = 0,
        arrivals: Arrivals? = nil
    ) {
        self.name = name
        self.measure = measure
        self.producers = producers
        self.consumers = consumers
        self.placements = placements
        self.capacity = capacity
        self.batch = batch
        self.headUpdate = headUpdate
        self.overflow = overflow
        self.thinkNs = thinkNs
        self.arrivals = arrivals
    }

    /// Threads of a trial.
    public var threads: Int { producers + consumers }

    func configuration(producers: Int) -> RingConfiguration {
        RingConfiguration(
            capacity: capacity, producers: producers, overflow: overflow, headUpdate: headUpdate)
    }

    /// What is wrong with it, as the rest of a line that begins with where it stands; nil if sound.
    public var fault: String? {
        let hardware = RingConfiguration.hardwareCapacities
        if !NamePattern.isKebab(name) {
            return "name: expected kebab-case, found \"\(name)\""
        }
        if !(1...256).contains(producers) { return "producers: expected 1…256, found \(producers)" }
        if !(1...256).contains(consumers) { return "consumers: expected 1…256, found \(consumers)" }
        if !hardware.contains(capacity) || capacity & (capacity - 1) != 0 {
            return "capacity: expected a power of two in 128…16384, found \(capacity)"
        }
        if !(1...4096).contains(batch) { return "batch: expected 1…4096, found \(batch)" }
        if !(thinkNs >= 0 && thinkNs <= 1e6) {
            return "thinkNs: expected 0…1000000, found \(thinkNs)"
        }
        if measure == .roundTrip && (producers != 1 || consumers != 1) {
            return "a round trip has one producer and one consumer"
        }
        if (measure == .openLoop) != (arrivals != nil) {
            return "arrivals belong to an open loop, and an open loop needs them"
        }
        if measure != .openLoop && overflow != .wait {
            return "overflow: a closed loop waits; \"\(overflow.rawValue)\" is for open loops"
        }
        return arrivals?.fault
    }
}

extension RingWorkload {
    private enum Key: String, CodingKey, CaseIterable {
        case name, measure, producers, consumers, placements, capacity, batch, headUpdate, overflow
        case thinkNs, arrivals
    }

    /// Fields left out take the defaults of `init`; unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            name: try fields.decode(String.self, forKey: .name),
            measure: try fields.decode(
                oneOf: [CellMeasure.throughput, .roundTrip, .openLoop], forKey: .measure),
            producers: try fields.decodeWhole(forKey: .producers, ifAbsent: 1),
            consumers: try fields.decodeWhole(forKey: .consumers, ifAbsent: 1),
            placements: try fields.decodeIfPresent([String].self, forKey: .placements),
            capacity: try fields.decodeWhole(forKey: .capacity, ifAbsent: 2048),
            batch: try fields.decodeWhole(forKey: .batch, ifAbsent: 64),
            headUpdate: fields.contains(.headUpdate)
                ? try fields.decode(oneOf: HeadUpdate.allCases, forKey: .headUpdate) : .perBatch,
            overflow: fields.contains(.overflow)
                ? try fields.decode(oneOf: OverflowPolicy.allCases, forKey: .overflow) : .wait,
            thinkNs: try fields.decodeIfPresent(Double.self, forKey: .thinkNs) ?? 0,
            arrivals: try fields.decodeIfPresent(Arrivals.self, forKey: .arrivals))
    }
}

extension KeyedDecodingContainer {
    /// A whole number; by way of a floating-point one, because a decoder that cannot represent a
    /// number does not say which field it is in.
    func decodeWhole(
        forKey key: Key, ifAbsent value: Int? = nil, from lowest: Int = .min
    ) throws -> Int {
        if let value, !contains(key) { return value }
        let number = try decode(Double.self, forKey: key)
        guard let whole = Int(exactly: number), whole >= lowest else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self,
                debugDescription: "expected a whole number"
                    + (lowest == .min ? "" : " from \(lowest)") + ", found \(number)")
        }
        return whole
    }

    /// One of the names, or an error that lists them.
    func decode<Name: RawRepresentable<String>>(
        oneOf names: [Name], forKey key: Key
    ) throws -> Name {
        let text = try decode(String.self, forKey: key)
        if let name = Name(rawValue: text) { return name }
        let all = names.map(\.rawValue).joined(separator: ", ")
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self, debugDescription: "expected one of \(all), found \"\(text)\"")
    }
}

/// A key of any name: for finding those that do not belong.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// Throws where the object has a field that nobody would read.
    func refuseUnknownKeys(besides known: [String]) throws {
        let fields = try container(keyedBy: AnyKey.self)
        for key in fields.allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath + [key],
                    debugDescription:
                        "unknown field; expected one of \(known.joined(separator: ", "))"
                ))
        }
    }
}
