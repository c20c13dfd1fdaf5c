import FaultModel
import Foundation

/// Seeded page-request streams: equal configurations give equal streams on every machine.
///
/// Every group is well formed: pages of one (device, PASID, index), exactly one of them last, and
/// the last in order. A device does not reuse an index while a group with it is open.
public struct SyntheticTraffic: Sendable {
    /// How PASIDs are chosen for new groups.
    public enum PASIDMix: Sendable, Equatable {
        case uniform
        /// The k-th PASID with weight 1 / k^exponent; 0 is uniform.
        case zipf(exponent: Double)
    }

    /// Pages per group, 1 or more.
    public enum GroupSize: Sendable, Equatable {
        case fixed(Int)
        case uniform(ClosedRange<Int>)
        /// Sizes with their relative weights, positive and finite.
        case weighted([(size: Int, weight: Double)])

        public static func == (left: GroupSize, right: GroupSize) -> Bool {
            switch (left, right) {
            case (.fixed(let a), .fixed(let b)): a == b
            case (.uniform(let a), .uniform(let b)): a == b
            case (.weighted(let a), .weighted(let b)): a.elementsEqual(b, by: ==)
            default: false
            }
        }
    }

    /// Relative weights of what a page's access wants; not negative, not all zero.
    public struct AccessMix: Sendable, Equatable {
        public var read: Double
        public var write: Double
        public var readWrite: Double
        public var readExecute: Double

        public init(
            read: Double = 1, write: Double = 1, readWrite: Double = 0, readExecute: Double = 0
        ) {
            self.read = read
            self.write = write
            self.readWrite = readWrite
            self.readExecute = readExecute
        }
    }

    public struct Configuration: Sendable, Equatable {
        public var seed: UInt64 = 1
        /// 1…65535; requesters are 00:00.1 and upwards.
        public var deviceCount = 1
        /// 1…1048575; PASIDs are 1 and upwards, and every device uses all of them.
        public var pasidCount = 1
        public var pasidMix = PASIDMix.uniform
        public var groupSize = GroupSize.fixed(1)
        /// Groups that are open at the same time, over all devices, their pages interleaved at
        /// random; 1…512 per device. With 1, groups follow one another whole.
        public var openGroupCount = 1
        public var arrivals = ArrivalProcess.asFastAsPossible
        public var accessMix = AccessMix()
        /// Pages that each PASID touches; 1…2^34.
        public var pagesPerPASID = 1 << 20

        public init() {}
    }

    public let configuration: Configuration

    private let pasidChoice: WeightedChoice?
    private let sizeChoice: WeightedChoice?
    private let accessChoice: WeightedChoice

    /// - Throws: one line for the first option out of its range.
    public init(_ configuration: Configuration) throws(TrafficConfigurationError) {
        try Self.check("devices", configuration.deviceCount, 1...65535)
        try Self.check("PASIDs", configuration.pasidCount, 1...0xFFFFF)
        try Self.check(
            "open groups", configuration.openGroupCount, 1...(512 * configuration.deviceCount))
        try Self.check("pages per PASID", configuration.pagesPerPASID, 1...(1 << 34))
        // A count of zero shows that the process itself is possible.
        _ = try ArrivalSchedule(configuration.arrivals, count: 0, seed: 0)
        self.configuration = configuration
        sizeChoice = try Self.sizes(configuration.groupSize)
        switch configuration.pasidMix {
        case .uniform: pasidChoice = nil
        case .zipf(let exponent):
            guard exponent >= 0, exponent.isFinite else {
                throw TrafficConfigurationError(
                    option: "PASID mix", "expected an exponent of 0 or more, not \(exponent)")
            }
            pasidChoice = try WeightedChoice(
                (1...configuration.pasidCount).map { pow(Double($0), -exponent) },
                option: "PASID mix")
        }
        let mix = configuration.accessMix
        accessChoice = try WeightedChoice(
            [mix.read, mix.write, mix.readWrite, mix.readExecute], option: "access mix")
    }

    private static func check(
        _ option: String, _ value: Int, _ range: ClosedRange<Int>
    ) throws(TrafficConfigurationError) {
        guard range.contains(value) else {
            throw TrafficConfigurationError(
                option: option,
                "expected \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }

    private static func sizes(
        _ groupSize: GroupSize
    ) throws(TrafficConfigurationError) -> WeightedChoice? {
        let range = 1...(1 << 20)
        switch groupSize {
        case .fixed(let size): try check("group size", size, range)
        case .uniform(let sizes):
            try check("group size", sizes.lowerBound, range)
            try check("group size", sizes.upperBound, range)
        case .weighted(let list):
            for entry in list { try check("group size", entry.size, range) }
            return try WeightedChoice(list.map(\.weight), option: "group size")
        }
        return nil
    }

    /// A stream of exactly `count` events. The last groups are shortened where needed, so that
    /// every group is complete at the end.
    ///
    /// - Throws: for a negative count, or a stream longer than 2^62 ns.
    public func events(count: Int) throws(TrafficConfigurationError) -> [TrafficEvent] {
        let arrivals = try ArrivalSchedule(
            configuration.arrivals, count: count, seed: configuration.seed)
        var generator = GroupGenerator(self, count: count)
        return arrivals.offsetsNs.map { TrafficEvent(arrivalNs: $0, request: generator.next()) }
    }

    /// The stream as a trace.
    public func trace(
        name: String, count: Int
    ) throws(TrafficConfigurationError) -> Trace {
        try Trace(
            name: name, source: "Synthetic, seed \(configuration.seed).",
            traceClass: .pageRequest, events: events(count: count))
    }
}

extension SyntheticTraffic {
    fileprivate func pasid(_ random: inout SeededGenerator) -> PASID {
        let rank =
            pasidChoice?.next(&random)
            ?? Int.random(in: 0..<configuration.pasidCount, using: &random)
        guard let pasid = PASID(rank + 1) else { preconditionFailure("checked at the start") }
        return pasid
    }

    fileprivate func groupSize(_ random: inout SeededGenerator) -> Int {
        switch configuration.groupSize {
        case .fixed(let size): size
        case .uniform(let sizes): Int.random(in: sizes, using: &random)
        case .weighted(let list): list[sizeChoice?.next(&random) ?? 0].size
        }
    }

    fileprivate func permissions(_ random: inout SeededGenerator) -> Permissions {
        switch accessChoice.next(&random) {
        case 0: .read
        case 1: .write
        case 2: [.read, .write]
        default: [.read, .execute]
        }
    }
}

/// Emits the pages of the open groups in random order.
private struct GroupGenerator {
    private struct Group {
        let device: Int
        let pasid: PASID
        let index: PRGIndex
        var page: Int
        var pagesLeft: Int
    }

    private struct Device {
        var openCount = 0
        var nextIndex = 0
        /// One bit per index.
        var isOpen = InlineArray<8, UInt64>(repeating: 0)
    }

    private let traffic: SyntheticTraffic
    private var random: SeededGenerator
    private var devices: [Device]
    private var groups: [Group] = []
    /// Pages that no open group has claimed yet.
    private var unclaimed: Int

    init(_ traffic: SyntheticTraffic, count: Int) {
        self.traffic = traffic
        random = SeededGenerator(seed: traffic.configuration.seed, stream: 0)
        devices = [Device](repeating: Device(), count: traffic.configuration.deviceCount)
        unclaimed = count
        while groups.count < traffic.configuration.openGroupCount, unclaimed > 0 {
            groups.append(makeGroup())
        }
    }

    /// Called at most `count` times.
    mutating func next() -> PageRequest {
        let position = Int.random(in: 0..<groups.count, using: &random)
        groups[position].pagesLeft -= 1
        let group = groups[position]
        groups[position].page += 1
        let isLast = group.pagesLeft == 0
        if isLast {
            devices[group.device].openCount -= 1
            devices[group.device].isOpen[Int(group.index.rawValue) / 64] &=
                ~(1 << (UInt64(group.index.rawValue) % 64))
            if unclaimed > 0 {
                groups[position] = makeGroup()
            } else {
                groups.remove(at: position)
            }
        }
        let page = group.page % traffic.configuration.pagesPerPASID
        return PageRequest(
            requester: RequesterID(UInt16(group.device + 1)), pasid: group.pasid,
            index: group.index, address: Self.firstAddress + UInt64(page) << 12,
            permissions: traffic.permissions(&random), isLast: isLast, responseNeedsPASID: true)
    }

    /// Every PASID has the same addresses, as processes do; 2^34 pages end below 2^47.
    private static let firstAddress: UInt64 = 0x1000_0000

    private mutating func makeGroup() -> Group {
        var device = Int.random(in: 0..<devices.count, using: &random)
        // Fewer groups are open than indices exist, so some device has one left.
        while devices[device].openCount == 512 { device = (device + 1) % devices.count }
        var raw = devices[device].nextIndex
        while devices[device].isOpen[raw / 64] & 1 << UInt64(raw % 64) != 0 {
            raw = (raw + 1) % 512
        }
        guard let index = PRGIndex(raw) else { preconditionFailure("an index below 512") }
        devices[device].isOpen[raw / 64] |= 1 << UInt64(raw % 64)
        devices[device].openCount += 1
        devices[device].nextIndex = (raw + 1) % 512
        let size = min(traffic.groupSize(&random), unclaimed)
        unclaimed -= size
        return Group(
            device: device, pasid: traffic.pasid(&random), index: index,
            page: Int.random(in: 0..<traffic.configuration.pagesPerPASID, using: &random),
            pagesLeft: size)
    }
}

/// Draws positions by weight.
struct WeightedChoice: Sendable {
    /// Ascending to 1.
    private let cumulative: [Double]

    init(_ weights: [Double], option: String) throws(TrafficConfigurationError) {
        let sum = weights.reduce(0, +)
        guard sum > 0, sum.isFinite, weights.allSatisfy({ $0 >= 0 }) else {
            throw TrafficConfigurationError(
                option: option,
                "expected weights that are not negative, with a positive, finite sum")
        }
        var total = 0.0
        cumulative = weights.map { weight in
            total += weight
            return total / sum
        }
    }

    /// A position; one with weight zero is never drawn.
    func next(_ random: inout SeededGenerator) -> Int {
        let drawn = random.nextUnit()
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > drawn { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
