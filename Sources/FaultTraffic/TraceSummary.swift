import FaultModel

/// Figures that describe a trace at a glance.
public struct TraceSummary: Sendable, Equatable {
    /// How many events of a kind. One event may count in several.
    public struct AccessMix: Sendable, Equatable {
        public var reads = 0
        public var writes = 0
        public var executes = 0
        public var privileged = 0
    }

    /// Gaps between neighbours in time, in nanoseconds, by nearest rank; all 0 below two events.
    public struct InterArrival: Sendable, Equatable {
        public var minimumNs: UInt64 = 0
        public var p50Ns: UInt64 = 0
        public var p90Ns: UInt64 = 0
        public var p99Ns: UInt64 = 0
        public var p999Ns: UInt64 = 0
        public var maximumNs: UInt64 = 0
    }

    public let eventCount: Int
    /// From the first arrival to the last.
    public let durationNs: UInt64
    /// Distinct requesters.
    public let deviceCount: Int
    /// Distinct PASIDs; requests without one count none.
    public let pasidCount: Int
    /// Distinct pages, each counted once per PASID.
    public let pageCount: Int
    /// Groups that a last page ended.
    public let groupCount: Int
    /// Groups with no last page at the end of the trace.
    public let unfinishedGroupCount: Int
    /// How many finished groups have each size, in pages.
    public let groupSizes: [Int: Int]
    public let accesses: AccessMix
    /// Events less one, over the duration; 0 where nothing lies between.
    public let meanPerSecond: Double
    /// The most events in any window of 1 ms, times 1000.
    public let peakPerSecond: Double
    public let interArrival: InterArrival

    /// Reads the whole trace several times; linear but for one sort of the gaps.
    public init(_ trace: Trace) {
        let events = trace.events
        eventCount = events.count
        durationNs = (events.last?.arrivalNs ?? 0) - (events.first?.arrivalNs ?? 0)
        var mix = AccessMix()
        var devices: Set<RequesterID> = []
        var pasids: Set<PASID> = []
        var pages: Set<PageKey> = []
        var open: [GroupKey: Int] = [:]
        var sizes: [Int: Int] = [:]
        var finished = 0
        for event in events {
            let request = event.request
            let wanted = request.permissions
            mix.reads += wanted.contains(.read) ? 1 : 0
            mix.writes += wanted.contains(.write) ? 1 : 0
            mix.executes += wanted.contains(.execute) ? 1 : 0
            mix.privileged += wanted.contains(.privileged) ? 1 : 0
            devices.insert(request.requester)
            if let pasid = request.pasid { pasids.insert(pasid) }
            pages.insert(PageKey(pasid: request.pasid, address: request.address))
            let key = GroupKey(request)
            let size = (open[key] ?? 0) + 1
            open[key] = request.isLast ? nil : size
            if request.isLast {
                finished += 1
                sizes[size, default: 0] += 1
            }
        }
        deviceCount = devices.count
        pasidCount = pasids.count
        pageCount = pages.count
        groupCount = finished
        unfinishedGroupCount = open.count
        groupSizes = sizes
        accesses = mix
        meanPerSecond =
            durationNs == 0 ? 0 : Double(events.count - 1) * 1e9 / Double(durationNs)
        peakPerSecond = Double(Self.mostInWindow(events, windowNs: 1_000_000)) * 1000
        interArrival = Self.gaps(events)
    }

    private struct PageKey: Hashable {
        let pasid: PASID?
        let address: UInt64
    }

    /// The most events whose times lie within one half-open window.
    private static func mostInWindow(_ events: [TrafficEvent], windowNs: UInt64) -> Int {
        var most = 0
        var first = 0
        for last in events.indices {
            while events[last].arrivalNs - events[first].arrivalNs >= windowNs { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }

    private static func gaps(_ events: [TrafficEvent]) -> InterArrival {
        guard events.count > 1 else { return InterArrival() }
        var gapsNs = zip(events.dropFirst(), events).map { $0.arrivalNs - $1.arrivalNs }
        gapsNs.sort()
        func rank(_ share: Double) -> UInt64 {
            let position = (share * Double(gapsNs.count)).rounded(.up)
            return gapsNs[min(max(Int(position) - 1, 0), gapsNs.count - 1)]
        }
        return InterArrival(
            minimumNs: gapsNs[0], p50Ns: rank(0.5), p90Ns: rank(0.9), p99Ns: rank(0.99),
            p999Ns: rank(0.999), maximumNs: gapsNs[gapsNs.count - 1])
    }
}

/// What makes pages one group: equal requester, PASID and index, up to a last page.
struct GroupKey: Hashable {
    let requester: RequesterID
    let pasid: PASID?
    let index: PRGIndex

    init(_ request: PageRequest) {
        requester = request.requester
        pasid = request.pasid
        index = request.index
    }
}

extension Trace {
    /// Its figures, computed anew at every call.
    public var summary: TraceSummary { TraceSummary(self) }
}
