import FaultModel

/// Makes page requests of page faults: a thread's first touch of a page stands for a device's.
///
/// Owners get PASIDs and requesters in order of appearance. At most one group of a requester is
/// open; it ends at `groupSize` pages, at a fault later than the window, or at a change of PASID.
/// Its index is the requester's next of 512, round robin.
struct FaultMapping {
    private struct OpenGroup {
        var lastPosition: Int
        var count: Int
        var startNs: UInt64
        var pasid: PASID
        var index: PRGIndex
    }

    private struct Device {
        var open: OpenGroup?
        var nextIndex: UInt16 = 0
    }

    private let options: ImportOptions
    private var pasids: [UInt64: PASID] = [:]
    private var requesters: [UInt64: UInt16] = [:]
    private var devices: [Device] = []
    private var isLast: [Bool] = []

    /// - Parameter events: page faults, ascending in time.
    static func map(
        _ events: [ParsedEvent], options: ImportOptions, file: String
    ) throws(TraceError) -> [TrafficEvent] {
        var mapping = FaultMapping(options: options)
        return try mapping.run(events, file: file)
    }

    private init(options: ImportOptions) { self.options = options }

    private mutating func run(
        _ events: [ParsedEvent], file: String
    ) throws(TraceError) -> [TrafficEvent] {
        isLast = [Bool](repeating: false, count: events.count)
        var result: [TrafficEvent] = []
        result.reserveCapacity(events.count)
        let startNs = events.first?.timeNs ?? 0
        for (position, event) in events.enumerated() {
            guard let pasid = pasid(of: event) else {
                throw TraceError(
                    .badLine, file: file, line: event.line,
                    "expected at most 1048575 address spaces, one PASID of 20 bits each")
            }
            guard let requester = requester(of: event) else {
                throw TraceError(
                    .badLine, file: file, line: event.line,
                    "expected at most 65535 requesters; map them by thread group instead")
            }
            let index = place(position, of: requester, pasid: pasid, at: event.timeNs)
            result.append(
                TrafficEvent(
                    arrivalNs: event.timeNs - startNs,
                    request: PageRequest(
                        requester: RequesterID(requester), pasid: pasid, index: index,
                        address: event.request.address, permissions: event.request.permissions,
                        isLast: false, responseNeedsPASID: true)))
        }
        for device in devices {
            if let open = device.open { isLast[open.lastPosition] = true }
        }
        for position in result.indices where isLast[position] {
            let request = result[position].request
            result[position].request = PageRequest(
                requester: request.requester, pasid: request.pasid, index: request.index,
                address: request.address, permissions: request.permissions, isLast: true,
                responseNeedsPASID: true)
        }
        return result
    }

    private static func key(_ event: ParsedEvent, _ owner: ImportOptions.Owner) -> UInt64 {
        switch owner {
        case .thread: UInt64(event.process) << 32 | UInt64(event.thread)
        case .threadGroup: UInt64(event.process)
        }
    }

    private mutating func pasid(of event: ParsedEvent) -> PASID? {
        let key = Self.key(event, options.pasidOwner)
        if let known = pasids[key] { return known }
        let fresh = PASID(pasids.count + 1)
        pasids[key] = fresh
        return fresh
    }

    private mutating func requester(of event: ParsedEvent) -> UInt16? {
        let key = Self.key(event, options.requesterOwner)
        if let known = requesters[key] { return known }
        guard let fresh = UInt16(exactly: requesters.count + 1) else { return nil }
        requesters[key] = fresh
        devices.append(Device())
        return fresh
    }

    /// Puts the fault into its requester's open group, or into a new one; the group's index.
    private mutating func place(
        _ position: Int, of requester: UInt16, pasid: PASID, at timeNs: UInt64
    ) -> PRGIndex {
        let device = Int(requester) - 1
        if var open = devices[device].open {
            if open.count < options.groupSize, open.pasid == pasid,
                timeNs - open.startNs <= options.groupWindowNs
            {
                open.count += 1
                open.lastPosition = position
                devices[device].open = open
                return open.index
            }
            isLast[open.lastPosition] = true
        }
        let raw = devices[device].nextIndex
        guard let index = PRGIndex(raw) else { preconditionFailure("an index below 512") }
        devices[device].nextIndex = (raw + 1) % 512
        devices[device].open = OpenGroup(
            lastPosition: position, count: 1, startNs: timeNs, pasid: pasid, index: index)
        return index
    }
}
