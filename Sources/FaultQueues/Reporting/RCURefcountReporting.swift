import FaultModel

// rcu-refcount: the device's fault parameter found under RCU, kept by a count of references.
//
// Models   a74c077b9021 ("iommu: Use refcount for fault data access"), 0095bf83554f ("iommu:
//          Improve iopf_queue_remove_device()"), 199112327135 ("iommu: Track iopf group instead of
//          last fault"): 6.9 and later.
// Keeps    lock order; partial list searched from end to end; nodes allocated with no lock held;
//          the response sent with the fault parameter's lock held; the group's own reference; flush
//          is a drain of the whole workqueue.
// Departs  groups by PASID and index, not by index alone; flush drops partials and answers
//          handed-off groups of its PASID, which the kernel leaves to the driver; a removed
//          parameter takes no late report; an answered group is freed by its owner, never by
//          removal.
// Omits    attach handles and domains.
//
// Idea: a report enters a read section, finds the parameter, takes a reference unless the count is
// zero, and leaves the section. From then on the parameter lives as long as the reference; a
// complete group takes the reference with it, to its response. So the parameter's lock F is held
// for edits of lists alone, and nothing at all while a group is queued or handled.
//
// R1. A place's pointer is nil or a parameter with at least the place's own reference.
// R2. Partial and pending lists and `isClosed` are touched only with F held.
// R3. A group is in its parameter's pending list exactly until it is answered; whoever takes it
//     out, with F held, answers it.
// R4. A group is freed by the `respond` of its owner alone; its `word` holds its parameter and
//     never changes but for the workqueue's bit.
// R5. A closed parameter has empty lists, and they stay empty.
// R6. A parameter is freed one grace period after its count became zero, which it stays.
//
//     at the same time   report   respond   flush    add, remove   discard
//     report             F        F         F        F             F        F: for a list edit
//     respond            F        F         F        F             F           of one device
//     flush              F        F         drains   F             F
//     add, remove        F        F         F        Q             Q        Q: the whole operation
//     discard            F        F         F        Q             Q
//
// Reporters and workers meet in the workqueue's lock besides.
//
// Progress: the lookup is lock-free (the count is a compare-exchange loop); the rest is blocking. A
// thread that stalls with F held stops its device, one in a handler stops every flush, one in the
// read section stops the freeing of parameters alone.
// Lock nesting: Q → D → F; the workqueue's locks are taken with none of these held.

/// RCU lookup and a reference per group.
public final class RCURefcountReporting<Lock: LockPrimitive, Nodes: ReportingNodes>:
    FaultReporting, @unchecked Sendable
{
    public static var structure: String { "rcu-refcount" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var nodeMemory: NodeMemory { Nodes.Pages.memory }
    public static var provenance: Provenance {
        Provenance(
            models: "a74c077b9021, 0095bf83554f and 199112327135 of the iommu tree: v6.9 and later",
            keeps: "lock order, linear partial list, allocation outside locks, response under the "
                + "fault parameter's lock, a reference per group, flush drains the workqueue",
            departs:
                "groups by PASID and index; flush drops partials and answers handed-off groups "
                + "of its PASID; no late report after removal; owners free answered groups",
            omits: "attach handles and domains")
    }

    @usableFromInline typealias Parameter = RCUFaultParameter<Lock>
    @usableFromInline typealias Place = RCUDevicePlace<Lock>

    /// What endpoints and control operations share.
    @usableFromInline
    struct Core: BitwiseCopyable, @unchecked Sendable {
        @usableFromInline let directory: DeviceDirectory
        @usableFromInline let places: UnsafeMutablePointer<Place>
        @usableFromInline let workqueue: Workqueue<Lock>
        @usableFromInline let port: ResponsePort

        @inlinable
        init(_ configuration: ReportingConfiguration) {
            directory = DeviceDirectory(capacity: configuration.maximumDevices)
            places = allocateShared(count: configuration.maximumDevices) { _ in Place() }
            workqueue = Workqueue()
            port = configuration.port
        }

        /// The device's parameter with a reference for the caller (`iopf_get_dev_fault_param`).
        @inlinable @inline(__always)
        func get(_ device: RequesterID) -> UnsafeMutablePointer<Parameter>? {
            guard let place = directory.find(device) else { return nil }
            RCUDomain.readLock()
            // ORDER parameter.published, acquire side. Pairs with the store in addDevice().
            // Keeps: the parameter's contents before the pointer that leads to them.
            // If relaxed: a report can take a lock that is not there yet.
            var found = places[place].published.value.load(ordering: .acquiring)
            if let parameter = found, !parameter.pointee.tryGet() { found = nil }
            RCUDomain.readUnlock()
            return found
        }
    }

    @usableFromInline let configuration: ReportingConfiguration
    @usableFromInline let core: Core
    /// Q: held by additions, removals and discards.
    @usableFromInline let queueLock: Lock
    @usableFromInline let pages: Nodes.Pages
    @usableFromInline let groups: Nodes.Groups
    /// Allocations less frees of retired endpoints and of control operations.
    @usableFromInline let nodesOut: UnsafeMutablePointer<PaddedAtomic<Int>>

    @inlinable
    public init(_ configuration: ReportingConfiguration) {
        self.configuration = configuration
        core = Core(configuration)
        queueLock = Lock()
        pages = Nodes.Pages(capacity: configuration.maximumPages)
        groups = Nodes.Groups(capacity: configuration.maximumPages)
        nodesOut = allocateShared(initial: PaddedAtomic<Int>(0))
        RCUDomain.prepare()
    }

    @inlinable
    deinit {
        for place in 0..<configuration.maximumDevices {
            // Relaxed, and no section: nobody else is left. Nor will anybody give back the
            // references of groups that were never answered, so the end does not wait for them.
            core.places[place].published.value.load(ordering: .relaxed)?.pointee.end()
            core.places[place].lock.destroy()
        }
        freeShared(core.places, count: configuration.maximumDevices)
        core.directory.deallocate()
        core.workqueue.deallocate()
        queueLock.destroy()
        pages.destroy()
        groups.destroy()
        freeShared(nodesOut, count: 1)
    }

    @inlinable
    public func makeReporter() -> Reporter {
        Reporter(
            core: core, pages: pages.makeCachingHandle(),
            groups: groups.makeCachingHandle())
    }

    @inlinable
    public func makeWorker() -> Worker {
        Worker(
            core: core, pages: pages.makeCachingHandle(),
            groups: groups.makeCachingHandle())
    }

    @inlinable
    public func retire(_ reporter: Reporter) {
        account(reporter.pages.retired() + reporter.groups.retired())
    }

    @inlinable
    public func retire(_ worker: Worker) {
        account(worker.pages.retired() + worker.groups.retired())
    }

    @inlinable
    func account(_ counts: NodeCounts) {
        // Relaxed: read when all is quiet.
        nodesOut.pointee.value.wrappingAdd(counts.allocations - counts.frees, ordering: .relaxed)
    }

    @inlinable @inline(never)
    public func addDevice(_ device: RequesterID) -> AddDeviceOutcome {
        guard let place = core.directory.place(for: device) else { return .noRoom }
        queueLock.lock()
        core.places[place].lock.lock()
        var outcome = AddDeviceOutcome.busy
        // Relaxed: changes happen with the lock held.
        if core.places[place].published.value.load(ordering: .relaxed) == nil {
            // ORDER parameter.published, release side. Pairs with the load in get(_:).
            // Keeps: the parameter's contents before the pointer that leads to them.
            // If relaxed: a report can take a lock that is not there yet.
            core.places[place].published.value.store(Parameter.make(), ordering: .releasing)
            outcome = .added
        }
        core.places[place].lock.unlock()
        queueLock.unlock()
        return outcome
    }

    @inlinable @inline(never)
    public func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        guard let place = core.directory.find(device) else { return .unknown }
        queueLock.lock()
        core.places[place].lock.lock()
        // Relaxed: changes happen with the lock held.
        let published = core.places[place].published.value.load(ordering: .relaxed)
        if let parameter = published {
            var handle = pages.makeHandle()
            parameter.pointee.lock.lock()
            let lists = parameter.pointee.lists
            lists.pointee.isClosed = true
            _ = lists.pointee.partial.free(matching: 0, under: 0, with: &handle)
            if Nodes.fault == .removalFrees { freePending(lists, &handle) }
            lists.pointee.pending.answer(matching: 0, under: 0, .invalid, through: core.port)
            parameter.pointee.lock.unlock()
            account(handle.counts)
            // Relaxed: a reader gets the old parameter or none, and the old one lives on.
            core.places[place].published.value.store(nil, ordering: .relaxed)
        }
        core.places[place].lock.unlock()
        queueLock.unlock()
        guard let parameter = published else { return .unknown }
        if Nodes.fault == .unlockedPointer {
            parameter.pointee.putAtOnce()
        } else {
            parameter.pointee.put()
        }
        return .removed
    }

    @inlinable @inline(never)
    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        // Also where the device is served no more: handlers of its last groups may still run.
        if Nodes.fault != .flushWithoutDrain { core.workqueue.drain() }
        guard let parameter = core.get(device) else { return }
        var handle = pages.makeHandle()
        let bits = PageChain.bits(of: pasid)
        parameter.pointee.lock.lock()
        let lists = parameter.pointee.lists
        _ = lists.pointee.partial.free(
            matching: bits, under: PageChain.pasidMask, with: &handle)
        if Nodes.fault == .waitsForSilent { waitForOwners(parameter, bits) }
        // What is left was handed off by its handler and is not answered yet.
        lists.pointee.pending.answer(
            matching: bits, under: PageChain.pasidMask, .invalid, through: core.port)
        parameter.pointee.lock.unlock()
        account(handle.counts)
        parameter.pointee.put()
    }

    @inlinable
    public func discardPartial() -> Int {
        var handle = pages.makeHandle()
        var count = 0
        queueLock.lock()
        forEachParameter { parameter in
            let lists = parameter.pointee.lists
            parameter.pointee.lock.lock()
            count += lists.pointee.partial.free(matching: 0, under: 0, with: &handle)
            parameter.pointee.lock.unlock()
        }
        queueLock.unlock()
        account(handle.counts)
        return count
    }

    /// With Q held: then no parameter comes or goes.
    @inlinable
    func forEachParameter(_ body: (UnsafeMutablePointer<Parameter>) -> Void) {
        // Relaxed: a place is filled only with Q held.
        let taken = core.directory.taken.pointee.value.load(ordering: .relaxed)
        for place in 0..<min(taken, configuration.maximumDevices) {
            // Relaxed: changes happen with Q held.
            if let parameter = core.places[place].published.value.load(ordering: .relaxed) {
                body(parameter)
            }
        }
    }

    @inlinable
    public func census() -> ReportingCensus {
        var census = ReportingCensus()
        // Relaxed: nothing else runs.
        census.nodesOut = nodesOut.pointee.value.load(ordering: .relaxed)
        forEachParameter { census.partialPages += $0.pointee.lists.pointee.partial.count }
        var place = core.workqueue.state.pointee.first
        while let group = place {
            if PendingGroups.holds(group) { census.queuedGroups += 1 }
            place = group.pointee.next
        }
        return census
    }

    /// The fault thread's end: RCU for the lookup, F for the lists, none for the hand-off.
    public struct Reporter: FaultReporter {
        @usableFromInline let core: Core
        @usableFromInline var pages: Nodes.Pages
        @usableFromInline var groups: Nodes.Groups

        @inlinable
        init(core: Core, pages: Nodes.Pages, groups: Nodes.Groups) {
            self.core = core
            self.pages = pages
            self.groups = groups
        }

        @inlinable @inline(never)
        public mutating func report(_ request: PageRequest) -> ReportOutcome {
            guard let parameter = core.get(request.requester) else { return .noDevice }
            if request.isLast { return complete(request, parameter) }
            var outcome = ReportOutcome.refused
            if let page = pages.allocate() {
                page.pointee = PageFault(request: request)
                let lists = parameter.pointee.lists
                parameter.pointee.lock.lock()
                let isClosed = lists.pointee.isClosed
                if !isClosed { lists.pointee.partial.add(page) }
                parameter.pointee.lock.unlock()
                if isClosed { pages.free(page) }
                outcome = isClosed ? .noDevice : .held
            } else if Nodes.fault == .answersEachPage {
                core.port.send(.failure, to: request)
            }
            parameter.pointee.put()
            return outcome
        }

        /// Builds the group and queues it; the reference goes with it.
        @inlinable @inline(__always)
        mutating func complete(
            _ request: PageRequest, _ parameter: UnsafeMutablePointer<Parameter>
        ) -> ReportOutcome {
            guard let group = groups.allocate() else { return refuse(request, parameter) }
            group.pointee = FaultGroup(last: request)
            group.pointee.word = UInt64(UInt(bitPattern: parameter))
            parameter.pointee.lock.lock()
            let lists = parameter.pointee.lists
            if lists.pointee.isClosed {
                parameter.pointee.lock.unlock()
                groups.free(group)
                parameter.pointee.put()
                return .noDevice
            }
            if Nodes.fault == .grpidOnly {
                lists.pointee.partial.move(to: group, mask: PageChain.indexMask)
            } else {
                lists.pointee.partial.move(to: group)
            }
            if Nodes.fault == .pagesReversed { group.reversePages() }
            lists.pointee.pending.add(group)
            parameter.pointee.lock.unlock()
            // From here on removal may answer it; nobody frees it before a worker has had it.
            core.workqueue.queue(group)
            if Nodes.fault == .unlockedPointer { parameter.pointee.put() }
            return .queued
        }

        /// No memory for the group: answers `.failure` and drops its partial pages.
        @inlinable @inline(never)
        mutating func refuse(
            _ request: PageRequest, _ parameter: UnsafeMutablePointer<Parameter>
        ) -> ReportOutcome {
            parameter.pointee.lock.lock()
            let lists = parameter.pointee.lists
            let isClosed = lists.pointee.isClosed
            if Nodes.fault != .stalePartial {
                _ = lists.pointee.partial.free(
                    matching: request.header & PageChain.groupMask, under: PageChain.groupMask,
                    with: &pages)
            }
            if !isClosed { core.port.send(.failure, to: request) }
            parameter.pointee.lock.unlock()
            parameter.pointee.put()
            return isClosed ? .noDevice : .refused
        }
    }

    /// A worker's end: F for the answer, none for the rest.
    public struct Worker: FaultWorker {
        @usableFromInline let core: Core
        @usableFromInline var pages: Nodes.Pages
        @usableFromInline var groups: Nodes.Groups
        /// Colour of the group taken last.
        @usableFromInline var colour = 0

        @inlinable
        init(core: Core, pages: Nodes.Pages, groups: Nodes.Groups) {
            self.core = core
            self.pages = pages
            self.groups = groups
        }

        @inlinable @inline(never)
        public mutating func take() -> UnsafeMutablePointer<FaultGroup>? {
            guard let taken = core.workqueue.take() else { return nil }
            colour = taken.colour
            return taken.group
        }

        @inlinable @inline(never)
        public mutating func respond(
            _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
        ) -> RespondOutcome {
            if Nodes.fault == .unlockedPointer { return respondUnlocked(group, code) }
            let word = UInt(truncatingIfNeeded: group.pointee.word & ~1)
            let parameter = UnsafeMutablePointer<Parameter>(bitPattern: word)!
            let lists = parameter.pointee.lists
            parameter.pointee.lock.lock()
            let isPending = PendingGroups.holds(group)
            if isPending {
                lists.pointee.pending.remove(group)
                core.port.send(code, to: group.pointee.last)
            }
            parameter.pointee.lock.unlock()
            if Nodes.fault == .lateAnswerWarns && !isPending {
                Complaints.note("a warning: an answer came late")
            }
            if Nodes.fault != .removalLeaks || isPending {
                pages.freePages(of: group)
                groups.free(group)
            }
            parameter.pointee.put()
            return isPending ? .answered : .notPending
        }

        @inlinable @inline(never)
        public mutating func finish() { core.workqueue.finish(colour: colour) }
    }
}
