import FaultModel

// single-owner: one thread at a time owns a device's partial groups; everyone else sends it a word.
//
// Models   original. It should win because assembly needs no atomics but the one exchange by which
//          a report enters: lists, index and pages are plain memory that stays in the cache of the
//          one fault thread, and a flush that comes in between does not stop it but asks it.
// Keeps    groups of one device, PASID and PRG index; one fault thread per ring, which normally is
//          the owner of every device behind it; a flush that answers what is pending.
// Departs  no lock over the lists: flush, discard and removal are requests; from hand-off to answer
//          as slot-table: a slot with a state word per group, a flush of its own PASID only.
// Omits    the domain's handler and its lookup.
//
// A report enters the device by one exchange of the owner word, serves what is posted, and leaves
// by one store. A flush posts a request; the next report serves it, and if none comes, the flush
// finds nobody inside and serves it itself. So neither an idle reporter nor a busy one keeps it
// waiting for longer than one report takes. Partial groups are chained by their key; their slots in
// `GroupTable` stay in stage filling until the last page, so the stages assembling and dropping do
// not occur.
//
// Invariants: T1–T6 of `GroupTable`, O1–O2 of `OwnedDevice`, and
// S1. A slot in stage filling of a device is in the device's chains, or in the hands of its owner.
// S2. A device that is not served has none in filling, and once its removal has returned none in
//     pending or answering.
//
//     at the same time   report  take  respond  finish  flush  discard  remove
//     report             waits¹  yes   yes      yes     waits² waits    waits
//     flush, remove      waits   yes   waits³   waits³  yes    waits    yes
//     others             yes     yes   yes      yes     yes    yes      yes
//     ¹ of one device, for each other; the worst case of this structure: with several reporters of
//       a device, ownership and the device's lines go to and fro, and a reporter that stalls inside
//       stops the others  ² of other PASIDs, while the owner drops the flushed one's partial groups
//     ³ for handlers and answers of the same PASID or device
//
// Progress: report, flush, discard and removal block where a thread stalls inside the device's
// ownership; with one reporter per device, report waits only for a request that is being served.
// respond and finish are lock-free; take as in slot-table. A handler that stalls blocks flushes of
// its PASID, nobody else.
// Nesting: a thread is inside one device at a time, and waits for no handler there.

/// Partial groups that one thread at a time owns; complete groups as in slot-table.
public final class SingleOwnerReporting<Nodes: ReportingNodes>: FaultReporting, @unchecked Sendable
{
    public static var structure: String { "single-owner" }
    public static var lockKind: LockKind? { nil }
    public static var nodeMemory: NodeMemory { Nodes.Pages.memory }
    public static var provenance: Provenance {
        Provenance(
            models: "original: the fault thread owns the partial lists, others send it requests",
            keeps: "groups by device, PASID and index; one answer each; flush answers what pends",
            departs: "plain memory for assembly; who finds no owner serves itself; no workqueue",
            omits: "the domain's handler and its lookup")
    }

    public static var progress: ProgressPromise { .workersGoOn }

    @usableFromInline let table: GroupTable
    @usableFromInline let directory: DeviceDirectory
    @usableFromInline let devices: UnsafeMutablePointer<OwnedDevice>
    @usableFromInline let deviceCount: Int
    @usableFromInline let pages: Nodes.Pages
    /// Nodes out, as far as handles were retired.
    @usableFromInline let nodesOut = SharedAtomic<Int>(0)

    @inlinable
    public init(_ configuration: ReportingConfiguration) {
        table = GroupTable(configuration)
        deviceCount = configuration.maximumDevices
        directory = DeviceDirectory(capacity: deviceCount)
        devices = allocateShared(count: deviceCount) { _ in OwnedDevice() }
        pages = Nodes.Pages(capacity: configuration.maximumPages)
    }

    @inlinable
    deinit {
        var handle = pages.makeHandle()
        for slot in 0..<table.count { table.freePages(slot, &handle) }
        pages.destroy()
        for place in 0..<deviceCount { devices[place].deallocate() }
        freeShared(devices, count: deviceCount)
        directory.deallocate()
        table.deallocate()
    }

    @inlinable
    public func makeReporter() -> Reporter {
        Reporter(
            table: table, directory: directory, devices: devices,
            pages: pages.makeCachingHandle())
    }

    @inlinable
    public func makeWorker() -> GroupWorker<Nodes.Pages> {
        GroupWorker(table: table, pages: pages.makeCachingHandle())
    }

    @inlinable
    public func retire(_ reporter: Reporter) { retire(reporter.pages) }

    @inlinable
    public func retire(_ worker: GroupWorker<Nodes.Pages>) { retire(worker.pages) }

    @inlinable
    func retire(_ handle: Nodes.Pages) {
        let counts = handle.retired()
        // Relaxed: a sum, read when nothing else runs.
        nodesOut.wrappingAdd(counts.allocations &- counts.frees, ordering: .relaxed)
    }

    /// Has a request served for the device at a place; its result.
    @inlinable
    func perform(_ kind: OwnerRequest.Kind, _ selection: GroupSelection, at place: Int) -> Int {
        var handle = pages.makeHandle()
        let result = OwnedGroups(table: table, device: devices + place)
            .perform(kind, selection, &handle)
        retire(handle)
        return result
    }

    @inlinable @inline(never)
    public func addDevice(_ device: RequesterID) -> AddDeviceOutcome {
        guard let place = directory.place(for: device) else { return .noRoom }
        return perform(.add, table.everything, at: place) == 0 ? .added : .busy
    }

    @inlinable @inline(never)
    public func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        guard let place = directory.find(device) else { return .unknown }
        let selection = table.selection(place: place)
        guard perform(.remove, selection, at: place) == 1 else { return .unknown }
        answerAll(selection, drains: false)
        return .removed
    }

    @inlinable @inline(never)
    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        guard let place = directory.find(device) else { return }
        let selection = table.selection(place: place, pasid: pasid)
        _ = perform(.flush, selection, at: place)
        answerAll(selection, drains: true)
    }

    @inlinable
    func answerAll(_ selection: GroupSelection, drains: Bool) {
        var handle = pages.makeHandle()
        table.answerAll(selection, drains: drains, &handle)
        retire(handle)
    }

    @inlinable @inline(never)
    public func discardPartial() -> Int {
        var dropped = 0
        // Relaxed: a device that is added at the same time has nothing older than this call.
        let taken = min(directory.taken.pointee.value.load(ordering: .relaxed), deviceCount)
        for place in 0..<taken {
            dropped += perform(.discard, table.everything, at: place)
        }
        return dropped
    }

    public func census() -> ReportingCensus {
        var census = ReportingCensus(
            queuedGroups: table.queuedCount,
            nodesOut: nodesOut.load(ordering: .relaxed))  // nothing else runs
        for place in 0..<deviceCount {
            for chain in 0..<OwnedDevice.chainCount {
                var next = devices[place].chains[chain]
                while let group = next {
                    census.partialPages += group.pointee.pageCount - 1
                    next = group.pointee.next
                }
            }
        }
        return census
    }
}

extension SingleOwnerReporting {
    /// The fault thread's end.
    public struct Reporter: FaultReporter {
        @usableFromInline let table: GroupTable
        @usableFromInline let directory: DeviceDirectory
        @usableFromInline let devices: UnsafeMutablePointer<OwnedDevice>
        @usableFromInline var pages: Nodes.Pages
        /// Where its groups are handed over.
        @usableFromInline let lane: Int
        /// Spreads claims over a PASID's window.
        @usableFromInline var turn: UInt64 = 0

        @inlinable
        init(
            table: GroupTable, directory: DeviceDirectory,
            devices: UnsafeMutablePointer<OwnedDevice>, pages: Nodes.Pages
        ) {
            self.table = table
            self.directory = directory
            self.devices = devices
            self.pages = pages
            lane = table.queue.makeReporterLane()
        }

        @inlinable @inline(never)
        public mutating func report(_ request: PageRequest) -> ReportOutcome {
            guard let place = directory.find(request.requester) else { return .noDevice }
            let device = devices + place
            if !device.pointee.tryEnter() { device.pointee.enterSlow() }
            let groups = OwnedGroups(table: table, device: device)
            if device.pointee.hasRequests { groups.serve(&pages) }
            let key = GroupWord.key(place: place, header: request.header)
            let outcome = reportInside(request, key, groups)
            device.pointee.leave()
            return outcome
        }

        /// As the owner.
        @inlinable @inline(__always)
        mutating func reportInside(
            _ request: PageRequest, _ key: GroupWord.Word, _ groups: OwnedGroups
        ) -> ReportOutcome {
            guard groups.state.pointee.isServed else { return .noDevice }
            let link = groups.find(key)
            if let group = link.pointee {
                let slot = table.slot(of: group)
                guard request.isLast else {
                    return table.append(request, to: slot, &pages) ? .held : .refused
                }
                link.pointee = group.pointee.next
                groups.state.pointee.partialGroups &-= 1
                group.pointee.last = request
                table.publish(slot, lane: lane)
                return .queued
            }
            turn &+= 1
            guard let slot = table.claim(key, turn: turn) else {
                if request.isLast { table.port.send(.failure, to: request) }
                return .refused
            }
            let group = table.group(slot)
            group.pointee = FaultGroup(last: request)
            if request.isLast {
                table.publish(slot, lane: lane)
                return .queued
            }
            group.pointee.word = key
            _ = table.append(request, to: slot, &pages)  // the first page needs no node
            link.pointee = group
            groups.state.pointee.partialGroups &+= 1
            return .held
        }
    }
}
