import FaultModel
import FaultQueues
import FaultTraffic
import Measurement

/// What the devices of a pipeline trial shall send, burst by burst: which devices and keys there
/// are, every page with its time, and which pages make a group.
struct PipelineScript {
    /// A device and one of its PASIDs: what an unbind is for.
    struct Key: Hashable {
        let requester: RequesterID
        /// Nil for requests without one, which nobody unbinds.
        let pasid: PASID?
    }

    static let deviceLimit = 1024
    static let keyLimit = 1 << 16

    private(set) var devices: [RequesterID] = []
    private(set) var keys: [Key] = []
    /// The warm-up first. Freed by `deallocate()`.
    private(set) var bursts: [PlannedBurst] = []
    private var deviceNumbers: [RequesterID: Int] = [:]
    private var keyNumbers: [Key: Int] = [:]

    /// - Parameter bursts: Requests of each burst by their offset from its start; groups are those
    ///   with one key and index up to the last page. A group that is unfinished at the end of a
    ///   burst ends with its last page there.
    /// - Throws: Where there are more devices or keys than a trial can tell apart.
    init(_ bursts: [[TrafficEvent]], clock: ClockCalibration, name: String) throws(SuiteError) {
        for events in bursts {
            var planner = BurstPlanner()
            for event in events {
                let request = event.request
                planner.add(
                    request, device: number(of: request.requester),
                    key: number(of: Key(requester: request.requester, pasid: request.pasid)),
                    offsetTicks: clock.ticks(fromNanoseconds: event.arrivalNs))
            }
            self.bursts.append(planner.finish())
        }
        guard devices.count <= Self.deviceLimit, keys.count <= Self.keyLimit else {
            deallocate()
            throw SuiteError(
                "\(name): expected at most \(Self.deviceLimit) requesters and \(Self.keyLimit) "
                    + "pairs of requester and PASID in \(bursts.count) bursts, "
                    + "found \(devices.count) and \(keys.count)")
        }
    }

    func deallocate() { bursts.forEach { $0.deallocate() } }

    /// Pages of the largest group.
    var largestGroup: Int { bursts.map(\.largestGroup).max() ?? 1 }

    private mutating func number(of requester: RequesterID) -> Int {
        if let known = deviceNumbers[requester] { return known }
        deviceNumbers[requester] = devices.count
        devices.append(requester)
        return devices.count - 1
    }

    private mutating func number(of key: Key) -> Int {
        if let known = keyNumbers[key] { return known }
        keyNumbers[key] = keys.count
        keys.append(key)
        return keys.count - 1
    }
}

/// A page that shall be sent.
struct PlannedPage: BitwiseCopyable {
    /// After the start of the burst.
    let offsetTicks: UInt64
    /// Without index and last-page mark.
    let header: UInt64
    let group: Int32
    /// The next page of the same device that waits for credit; −1 at the end.
    var nextWaiting: Int32 = -1
}

/// A group that shall be sent, and how far it is.
struct PlannedGroup: BitwiseCopyable {
    enum State: UInt8, BitwiseCopyable {
        /// Its pages are sent as they come due.
        case fresh
        /// It was dropped, and is sent again as a whole.
        case retrying
        /// Its last page was accepted, or it was given up because its PASID is being unbound.
        case done
    }

    let device: Int32
    let key: Int32
    let pageCount: Int32
    /// Where its pages begin in `PlannedBurst.order`.
    let firstPlace: Int32
    let lastOffsetTicks: UInt64
    var sent: Int32 = 0
    /// Where it is among the open groups; −1 where it is not.
    var openPlace: Int32 = -1
    var index: UInt16 = 0
    var state = State.fresh
}

/// The pages and groups of one burst. The pages are read, the groups written, by the thread that
/// plays the devices.
struct PlannedBurst: @unchecked Sendable {
    /// By offset.
    let pages: UnsafeMutablePointer<PlannedPage>
    let pageCount: Int
    let groups: UnsafeMutablePointer<PlannedGroup>
    let groupCount: Int
    /// Pages group by group, each in order of arrival.
    let order: UnsafeMutablePointer<Int32>
    let largestGroup: Int
    /// Numbers of the keys that occur, in order of appearance.
    let keys: [Int]

    func deallocate() {
        freeShared(pages, count: pageCount)
        freeShared(groups, count: groupCount)
        freeShared(order, count: pageCount)
    }
}

/// Finds the groups in the requests of one burst.
private struct BurstPlanner {
    private struct Group {
        let device: Int
        let key: Int
        var pages: [Int32]
    }

    private var pages: [PlannedPage] = []
    private var groups: [Group] = []
    private var openGroups: [UInt64: Int] = [:]
    private var keys: [Int] = []
    private var knownKeys: Set<Int> = []

    mutating func add(_ request: PageRequest, device: Int, key: Int, offsetTicks: UInt64) {
        let groupBits = PageRequest.groupMask
        let place = openGroups[request.header & groupBits] ?? groups.count
        if place == groups.count { groups.append(Group(device: device, key: key, pages: [])) }
        openGroups[request.header & groupBits] = request.isLast ? nil : place
        groups[place].pages.append(Int32(pages.count))
        pages.append(
            PlannedPage(
                offsetTicks: offsetTicks,
                header: request.header & ~(PageRequest.indexMask | PageRequest.lastBit),
                group: Int32(place)))
        if knownKeys.insert(key).inserted { keys.append(key) }
    }

    func finish() -> PlannedBurst {
        var order: [Int32] = []
        order.reserveCapacity(pages.count)
        var planned: [PlannedGroup] = []
        planned.reserveCapacity(groups.count)
        for group in groups {
            planned.append(
                PlannedGroup(
                    device: Int32(group.device), key: Int32(group.key),
                    pageCount: Int32(group.pages.count), firstPlace: Int32(order.count),
                    lastOffsetTicks: group.pages.last.map { pages[Int($0)].offsetTicks } ?? 0))
            order += group.pages
        }
        return PlannedBurst(
            pages: allocateShared(count: pages.count) { pages[$0] }, pageCount: pages.count,
            groups: allocateShared(count: planned.count) { planned[$0] },
            groupCount: planned.count, order: allocateShared(count: order.count) { order[$0] },
            largestGroup: groups.map(\.pages.count).max() ?? 1, keys: keys)
    }
}
