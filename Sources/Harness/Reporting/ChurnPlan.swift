/// A thread beside the reporters that removes devices and adds them again: part of a workload.
public struct ChurnPlan: Sendable, Equatable, Codable {
    /// From one step to the next in microseconds, 1…10⁶. A step removes a device, the next adds it
    /// again, the one after removes the next device.
    public let everyUs: Int
    /// How many of the workload's devices come and go, 1…64.
    public let devices: Int

    /// What is wrong with it; nil if sound.
    var fault: String? {
        if !(1...1_000_000).contains(everyUs) {
            return "everyUs: expected 1…1000000, found \(everyUs)"
        }
        return (1...64).contains(devices) ? nil : "devices: expected 1…64, found \(devices)"
    }
}

extension ChurnPlan {
    private enum Key: String, CodingKey, CaseIterable {
        case everyUs, devices
    }

    /// Unknown fields are refused.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(besides: Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        everyUs = try fields.decodeWhole(forKey: .everyUs)
        devices = try fields.decodeWhole(forKey: .devices, ifAbsent: 1)
    }
}
