import FaultModel

// slot-table: every group is a slot with one atomic state word, from its first page to its answer.
//
// Models   original. It should win because a report touches a slot and its word and nothing that
//          another group uses; because a page costs one exchange; and because a flush of a PASID
//          looks at that PASID's words alone, where a drained workqueue waits for everybody.
// Keeps    groups of one device, PASID and PRG index; partial pages per group; one answer, built
//          from the last request; a flush that answers what is pending and waits for handlers.
// Departs  no lock, no list, no reference count, no workqueue lock; the group and its first page
//          lie in a preallocated slot; a flush waits for its own PASID only.
// Omits    the domain's handler and its lookup.
//
// The first page claims a slot and, if it is not the last, enters it in `PartialIndex` under its
// key. Later pages find it there and claim it back for the moment of appending. The last one takes
// it out and hands the slot to the workers. Slots, words, the hand-off and the flush of complete
// groups are `GroupTable`; the states are drawn in `GroupWord`.
//
// Invariants: T1–T6 of `GroupTable`, X1–X2 of `PartialIndex`, and
// B1. A slot is in the index exactly while its group is partial: assembling, or claimed from there.
// B2. Whoever finds a partial group takes it by the exchange assembling → filling (its reporter) or
//     assembling → dropping (anyone else), and keeps it for a bounded number of its own steps.
// B3. A device that is not served has no slot in assembling, pending or answering once its removal
//     has returned: a report looks after its claim of an empty slot, a removal before its scan.
//     A partial group needs no such look: the scan finds it, or waits while its reporter has it.
//
//     at the same time   report  take  respond  finish  flush  discard  remove
//     report             yes¹    yes   yes      yes     yes²   waits    waits
//     flush, remove      yes²    yes   waits    waits   yes    yes      yes
//     others             yes     yes   yes      yes     yes    yes      yes
//     ¹ of different groups  ² not of the PASID flushed
//     waits: discard and removal wait for a report that is inside the slot; a flush for the PASID's
//     handlers and answers on their way, a removal for answers on their way.
//
// Progress: report, respond and finish are lock-free, take is but for a reporter stalled inside the
// queue's push. A reporter that stalls inside report blocks discard, and the removal of its device.
// A handler that stalls blocks flushes of its PASID, nobody else. A group that a flush answered
// before a worker saw it gives its slot back at once.

/// Groups in a table of slots with atomic states.
public final class SlotTableReporting<Nodes: ReportingNodes>: FaultReporting, @unchecked Sendable {
    public static var structure: String { "slot-table" }
    public static var lockKind: LockKind? { nil }
    public static var nodeMemory: NodeMemory { Nodes.Pages.memory }
    public static var provenance: Provenance {
        Provenance(
            models: "original: one atomic word per group instead of locks, lists and a workqueue",
            keeps: "groups by device, PASID and index; one answer each; flush answers what pends",
            departs: "lock-free; first page without a node; a flush waits for its own PASID alone",
            omits: "the domain's handler and its lookup")
    }

    public static var progress: ProgressPromise {
        ProgressPromise([.report: [], .take: [.report], .respond: [], .finish: []])
    }

    @usableFromInline let table: GroupTable
    @usableFromInline let index: PartialIndex
    @usableFromInline let devices: ServedDevices
    @usableFromInline let pages: Nodes.Pages
    /// Nodes out, as far as handles were retired.
    @usableFromInline let nodesOut = SharedAtomic<Int>(0)

    @inlinable
    public init(_ configuration: ReportingConfiguration) {
        table = GroupTable(configuration)
        index = PartialIndex(capacity: table.count)
        devices = ServedDevices(count: configuration.maximumDevices)
        pages = Nodes.Pages(capacity: configuration.maximumPages)
    }

    @inlinable
    deinit {
        var handle = pages.makeHandle()
        for slot in 0..<table.count { table.freePages(slot, &handle) }
        pages.destroy()
        table.deallocate()
        index.deallocate()
        devices.deallocate()
    }

    @inlinable
    public func makeReporter() -> Reporter {
        Reporter(table: table, index: index, devices: devices, pages: pages.makeCachingHandle())
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

    @inlinable @inline(never)
    public func addDevice(_ device: RequesterID) -> AddDeviceOutcome { devices.add(device) }

    @inlinable @inline(never)
    public func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        guard let place = devices.remove(device) else { return .unknown }
        let selection = table.selection(place: place)
        var handle = pages.makeHandle()
        _ = dropPartial(selection, &handle)
        table.answerAll(selection, drains: false, &handle)
        retire(handle)
        return .removed
    }

    @inlinable @inline(never)
    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        guard let place = devices.directory.find(device) else { return }
        let selection = table.selection(place: place, pasid: pasid)
        var handle = pages.makeHandle()
        _ = dropPartial(selection, &handle)
        table.answerAll(selection, drains: true, &handle)
        retire(handle)
    }

    @inlinable @inline(never)
    public func discardPartial() -> Int {
        var handle = pages.makeHandle()
        let dropped = dropPartial(table.everything, &handle)
        retire(handle)
        return dropped
    }

    /// Drops the partial groups of a selection; how many pages they had.
    @inlinable
    func dropPartial(_ selection: GroupSelection, _ handle: inout Nodes.Pages) -> Int {
        var dropped = 0
        var cursor = BucketCursor()
        while let slots = table.nextBucket(&cursor, of: selection) {
            for slot in slots { dropped &+= dropPartial(slot, selection, &handle) }
        }
        return dropped
    }

    /// Drops a slot's group if it is partial and of the selection; how many pages it had.
    @inlinable @inline(__always)
    func dropPartial(
        _ slot: Int, _ selection: GroupSelection, _ handle: inout Nodes.Pages
    ) -> Int {
        var wait = SpinWait()
        while true {
            // ORDER device.served, removal's side; sequentially consistent with the exchange in
            // ServedDevices.remove(_:). Keeps: this load behind the end of the service.
            let word = table.words[slot].load(ordering: .sequentiallyConsistent)
            guard selection.contains(word) else { return 0 }
            let stage = GroupWord.stage(word)
            if stage == GroupWord.filling {
                wait.wait()
                continue
            }
            guard stage == GroupWord.assembling else { return 0 }
            // ORDER group.assembling, acquire side. Pairs with the store in keep(_:).
            // Keeps: the group's pages before their freeing.
            let claimed = table.words[slot].compareExchange(
                expected: word, desired: GroupWord.with(word, stage: GroupWord.dropping),
                successOrdering: .acquiring, failureOrdering: .relaxed
            ).exchanged
            if !claimed { continue }
            let dropped = table.group(slot).pointee.pageCount &- 1
            index.remove(Int(table.group(slot).pointee.word))
            table.freePages(slot, &handle)
            table.free(slot)
            return dropped
        }
    }

    public func census() -> ReportingCensus {
        var census = ReportingCensus(
            queuedGroups: table.queuedCount,
            nodesOut: nodesOut.load(ordering: .relaxed))  // nothing else runs
        for slot in 0..<table.count {
            let word = table.words[slot].load(ordering: .relaxed)  // nothing else runs
            if GroupWord.stage(word) == GroupWord.assembling {
                census.partialPages += table.group(slot).pointee.pageCount - 1
            }
        }
        return census
    }
}

extension SlotTableReporting {
    /// The fault thread's end.
    public struct Reporter: FaultReporter {
        @usableFromInline let table: GroupTable
        @usableFromInline let index: PartialIndex
        @usableFromInline let devices: ServedDevices
        @usableFromInline var pages: Nodes.Pages
        /// Where its groups are handed over.
        @usableFromInline let lane: Int
        /// Spreads claims over a PASID's window.
        @usableFromInline var turn: UInt64 = 0

        @inlinable
        init(
            table: GroupTable, index: PartialIndex, devices: ServedDevices, pages: Nodes.Pages
        ) {
            self.table = table
            self.index = index
            self.devices = devices
            self.pages = pages
            lane = table.queue.makeReporterLane()
        }

        @inlinable @inline(never)
        public mutating func report(_ request: PageRequest) -> ReportOutcome {
            guard let place = devices.directory.find(request.requester) else { return .noDevice }
            let key = GroupWord.key(place: place, header: request.header)
            guard let slot = claimPartial(key) else { return reportFirst(request, key, place) }
            guard request.isLast else {
                let isKept = table.append(request, to: slot, &pages)
                keep(slot)
                return isKept ? .held : .refused
            }
            let group = table.group(slot)
            index.remove(Int(truncatingIfNeeded: group.pointee.word))
            group.pointee.last = request
            table.publish(slot, lane: lane)
            return .queued
        }

        /// The first page of a group, which may be its last.
        @inlinable @inline(__always)
        mutating func reportFirst(
            _ request: PageRequest, _ key: GroupWord.Word, _ place: Int
        ) -> ReportOutcome {
            turn &+= 1
            guard let slot = table.claim(key, turn: turn) else { return refuseSlow(request, place) }
            guard devices.isServed(place) else {
                table.free(slot)
                return .noDevice
            }
            let group = table.group(slot)
            group.pointee = FaultGroup(last: request)
            if request.isLast {
                table.publish(slot, lane: lane)
                return .queued
            }
            guard let position = index.insert(key, slot: slot) else {
                table.free(slot)
                return .refused
            }
            group.pointee.word = UInt64(truncatingIfNeeded: position)
            _ = table.append(request, to: slot, &pages)  // the first page needs no node
            keep(slot)
            return .held
        }

        /// The slot of the key's partial group, now in stage filling, or nil where it has none.
        @inlinable @inline(__always)
        func claimPartial(_ key: GroupWord.Word) -> Int? {
            let tag = PartialIndex.tag(key)
            let (one, two) = index.buckets(key)
            var start = 0
            while let found = index.find(tag, in: one, from: start) {
                if claim(found.slot, key) { return found.slot }
                start = found.position &- one &+ 1
            }
            start = 0
            while let found = index.find(tag, in: two, from: start) {
                if claim(found.slot, key) { return found.slot }
                start = found.position &- two &+ 1
            }
            return nil
        }

        /// Takes a slot that is assembling under the key; false where it is not, or not any more.
        @inlinable @inline(__always)
        func claim(_ slot: Int, _ key: GroupWord.Word) -> Bool {
            let word = table.words[slot].load(ordering: .relaxed)  // the exchange confirms it
            guard word & (GroupWord.keyMask | GroupWord.stageMask) == key | GroupWord.assembling
            else { return false }
            // ORDER group.assembling, acquire side. Pairs with the store in keep(_:).
            // Keeps: the pages of an earlier report, of another thread or this one.
            // If relaxed: a page can be appended to a list whose end is not there yet.
            return table.words[slot].compareExchange(
                expected: word, desired: GroupWord.with(word, stage: GroupWord.filling),
                successOrdering: .acquiring, failureOrdering: .relaxed
            ).exchanged
        }

        /// Leaves a slot for more pages.
        @inlinable @inline(__always)
        func keep(_ slot: Int) {
            let word = table.words[slot].load(ordering: .relaxed)  // this thread's own
            // ORDER group.assembling, release side. Pairs with the exchanges in claim(_:_:) and
            // dropPartial. Keeps: the page and its link before the word that gives the slot up.
            // If relaxed: a discard can free a list whose end it does not see.
            table.words[slot].store(
                GroupWord.with(word, stage: GroupWord.assembling), ordering: .releasing)
        }

        /// No slot is left.
        @inlinable @inline(never)
        func refuseSlow(_ request: PageRequest, _ place: Int) -> ReportOutcome {
            guard devices.isServed(place) else { return .noDevice }
            if request.isLast { table.port.send(.failure, to: request) }
            return .refused
        }
    }
}
