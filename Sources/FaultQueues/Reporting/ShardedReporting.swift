import FaultModel

// sharded: a device's groups spread over 64 locks by PASID and index.
//
// Models   original.
// Keeps    one partial list, searched from end to end, and the response under the lock that
//          protects the pending list; the workqueue is that of the other schemes.
// Departs  a lock per shard instead of per device; a flush cancels what is queued for its PASID
//          instead of draining the workqueue, and so waits for running handlers of that PASID
//          alone.
// Omits    attach handles and domains.
//
// Idea: nothing that report and respond touch belongs to more than one group but the list that the
// group happens to share. So the device's lock becomes many, and threads meet only where their
// groups fall into the same shard. The shard stays for the structure's life, which needs no
// reference count: the device is served where its shards are open.
//
// A flush walks the shards: drops partial requests, answers and takes out queued groups. A worker
// that takes such a group later finds it answered, frees it and looks further. What is already in a
// worker's hands the flush waits for: each worker keeps device and PASID of its group in a word of
// its own. Then it answers what handlers handed off.
//
// Why it should win: with several reporters or responders of one device, and for a flush while
// other PASIDs have a backlog: it never waits for that. Where it loses: a discard and a removal
// take 64 locks and a flush 128, for a device with nothing to find in them; taking a group costs a
// second lock; memory of 64 locks a device. The workqueue's lock is still one point where all
// reporters and workers meet.
//
// S1. A shard's lists and `isOpen` are touched only with its lock held.
// S2. A group is in `queued` or `taken` of its shard exactly until it is answered; whoever takes it
//     out, with the lock held, answers it.
// S3. A group goes from `queued` to `taken` in `take` alone. One that is found answered there was
//     cancelled: the worker frees it, and no handler sees it. Every other is freed by `respond`.
// S4. A worker's word names its group before it looks into the shard, and until `finish`. So
//     whichever of worker and flush has the shard's lock first: the worker sees the group answered,
//     or the flush sees the word.
// S5. A closed shard has empty lists, and they stay empty until it is opened.
//
//     at the same time   report   take    respond   flush   add, remove   discard
//     report             S        S, W    S         S       S             S
//     take               S, W     S, W    S         S       S             S
//     respond            S        S       S         S       S             S
//     flush              S        S       S         S, H    S             S
//     add, remove        S        S       S         S       S             S
//     discard            S        S       S         S       S             S
//
// S: the lock of one shard, where both are at the same. W: the workqueue's. H: a flush waits
// for running handlers of its PASID besides.
//
// Progress: the lookup is wait-free; the rest is blocking. A thread that stalls with a shard's lock
// held stops who needs that shard, and every flush, discard and removal of the device; one in a
// handler stops flushes of its PASID alone.
// Lock nesting: none; a shard's lock and the workqueue's are never held together.

/// One lock per shard of PASID and index.
public final class ShardedReporting<Lock: LockPrimitive, Nodes: ReportingNodes>:
    FaultReporting, @unchecked Sendable
{
    public static var structure: String { "sharded" }
    public static var lockKind: LockKind? { Lock.kind }
    public static var nodeMemory: NodeMemory { Nodes.Pages.memory }
    public static var provenance: Provenance {
        Provenance(
            models: "original",
            keeps:
                "linear partial list, response under the lock of the pending list, one workqueue",
            departs:
                "64 locks a device, by PASID and index; flush cancels queued groups of its PASID "
                + "and waits for running handlers of it alone",
            omits: "attach handles and domains")
    }

    @usableFromInline typealias Shard = FaultShard<Lock>
    @usableFromInline typealias Shards = UnsafeMutablePointer<Shard>

    /// What endpoints and control operations share.
    @usableFromInline
    struct Core: BitwiseCopyable, @unchecked Sendable {
        @usableFromInline let directory: DeviceDirectory
        /// A device's shards, by its place; made when it is first added, kept from then on.
        @usableFromInline let devices: UnsafeMutablePointer<SharedAtomic<Shards?>>
        @usableFromInline let workqueue: Workqueue<Lock>
        @usableFromInline let port: ResponsePort

        @inlinable
        init(_ configuration: ReportingConfiguration) {
            directory = DeviceDirectory(capacity: configuration.maximumDevices)
            devices = allocateShared(count: configuration.maximumDevices) { _ in
                SharedAtomic<Shards?>(nil)
            }
            workqueue = Workqueue()
            port = configuration.port
        }

        /// The device's shards, or nil where it was never added.
        @inlinable @inline(__always)
        func shards(of device: RequesterID) -> Shards? {
            guard let place = directory.find(device) else { return nil }
            return shards(at: place)
        }

        @inlinable @inline(__always)
        func shards(at place: Int) -> Shards? {
            // ORDER sharded.device, acquire side. Pairs with the store in addDevice().
            // Keeps: the shards' handles before the pointer that leads to them.
            // If relaxed: a report can take a lock that is not there yet.
            devices[place].load(ordering: .acquiring)
        }
    }

    @usableFromInline let configuration: ReportingConfiguration
    @usableFromInline let core: Core
    @usableFromInline let pages: Nodes.Pages
    @usableFromInline let groups: Nodes.Groups
    /// The worker's place made last.
    @usableFromInline
    let workers: UnsafeMutablePointer<SharedAtomic<UnsafeMutablePointer<ShardedWorkerPlace>?>>
    /// Allocations less frees of retired endpoints and of control operations.
    @usableFromInline let nodesOut: UnsafeMutablePointer<PaddedAtomic<Int>>

    @inlinable
    public init(_ configuration: ReportingConfiguration) {
        self.configuration = configuration
        core = Core(configuration)
        pages = Nodes.Pages(capacity: configuration.maximumPages)
        groups = Nodes.Groups(capacity: configuration.maximumPages)
        workers = allocateShared(initial: SharedAtomic(nil))
        nodesOut = allocateShared(initial: PaddedAtomic<Int>(0))
    }

    @inlinable
    deinit {
        for place in 0..<configuration.maximumDevices {
            guard let shards = core.shards(at: place) else { continue }
            for index in 0..<Shard.count { shards[index].destroy() }
            freeShared(shards, count: Shard.count)
        }
        var worker = workers.pointee.load(ordering: .relaxed)  // nobody else is left
        while let place = worker {
            worker = place.pointee.next
            freeShared(place, count: 1)
        }
        freeShared(workers, count: 1)
        freeShared(core.devices, count: configuration.maximumDevices)
        core.directory.deallocate()
        core.workqueue.deallocate()
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
        // Relaxed: endpoints are made one at a time.
        let place = allocateShared(
            initial: ShardedWorkerPlace(next: workers.pointee.load(ordering: .relaxed)))
        // ORDER sharded.worker, release side. Pairs with the load in waitForHandlers(of:).
        // Keeps: the place's contents before the pointer that leads to them.
        // If relaxed: a flush can follow a link that is not there yet.
        workers.pointee.store(place, ordering: .releasing)
        return Worker(
            core: core, place: place, pages: pages.makeCachingHandle(),
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
        let known = core.shards(at: place)
        let shards = known ?? allocateShared(count: Shard.count) { _ in Shard() }
        var outcome = AddDeviceOutcome.added
        forEachShard(shards) { lists in
            if lists.pointee.isOpen { outcome = .busy }
            lists.pointee.isOpen = true
        }
        // ORDER sharded.device, release side. Pairs with the load in shards(at:).
        // Keeps: the shards' handles before the pointer that leads to them.
        // If relaxed: a report can take a lock that is not there yet.
        if known == nil { core.devices[place].store(shards, ordering: .releasing) }
        return outcome
    }

    @inlinable @inline(never)
    public func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        guard let shards = core.shards(of: device) else { return .unknown }
        var handle = pages.makeHandle()
        var outcome = RemoveDeviceOutcome.unknown
        forEachShard(shards) { lists in
            if lists.pointee.isOpen { outcome = .removed }
            lists.pointee.isOpen = false
            _ = lists.pointee.partial.free(matching: 0, under: 0, with: &handle)
            lists.pointee.queued.answer(matching: 0, under: 0, .invalid, through: core.port)
            lists.pointee.taken.answer(matching: 0, under: 0, .invalid, through: core.port)
        }
        account(handle.counts)
        return outcome
    }

    @inlinable @inline(never)
    public func flush(_ device: RequesterID, _ pasid: PASID?) {
        guard let shards = core.shards(of: device) else { return }
        var handle = pages.makeHandle()
        let bits = PageChain.bits(of: pasid)
        let mask = PageChain.pasidMask
        forEachShard(shards) { lists in
            _ = lists.pointee.partial.free(matching: bits, under: mask, with: &handle)
            lists.pointee.queued.answer(matching: bits, under: mask, .invalid, through: core.port)
        }
        account(handle.counts)
        waitForHandlers(of: ShardedWorkerPlace.word(device, pasidBits: bits))
        // What is left was handed off by its handler and is not answered yet.
        forEachShard(shards) { lists in
            lists.pointee.taken.answer(matching: bits, under: mask, .invalid, through: core.port)
        }
    }

    /// Returns when each worker has been seen without a group of this device and PASID in hand.
    @inlinable
    func waitForHandlers(of word: UInt64) {
        // ORDER sharded.worker, acquire side. Pairs with the store in makeWorker().
        // Keeps: the place's contents before the pointer that leads to them.
        // If relaxed: a flush can follow a link that is not there yet.
        var next = workers.pointee.load(ordering: .acquiring)
        while let place = next {
            var wait = SpinWait()
            // ORDER sharded.running, acquire side. Pairs with the stores in take() and finish().
            // Keeps: the handler's writes before whatever follows the flush.
            // If relaxed: the flush's caller can see a handler half done.
            while place.pointee.running.value.load(ordering: .acquiring) == word { wait.wait() }
            next = place.pointee.next
        }
    }

    @inlinable
    public func discardPartial() -> Int {
        var handle = pages.makeHandle()
        var count = 0
        for place in 0..<configuration.maximumDevices {
            guard let shards = core.shards(at: place) else { continue }
            forEachShard(shards) { lists in
                count += lists.pointee.partial.free(matching: 0, under: 0, with: &handle)
            }
        }
        account(handle.counts)
        return count
    }

    /// Calls `body` for each shard with its lock held.
    @inlinable @inline(__always)
    func forEachShard(_ shards: Shards, _ body: (SharedCells<FaultShardLists>) -> Void) {
        for index in 0..<Shard.count {
            shards[index].lock.lock()
            body(shards[index].lists)
            shards[index].lock.unlock()
        }
    }

    /// Groups that a flush or a removal cancelled are out until a worker comes across them.
    @inlinable
    public func census() -> ReportingCensus {
        var census = ReportingCensus()
        // Relaxed: nothing else runs.
        census.nodesOut = nodesOut.pointee.value.load(ordering: .relaxed)
        for place in 0..<configuration.maximumDevices {
            guard let shards = core.shards(at: place) else { continue }
            forEachShard(shards) { census.partialPages += $0.pointee.partial.count }
        }
        var place = core.workqueue.state.pointee.first
        while let group = place {
            if PendingGroups.holds(group) { census.queuedGroups += 1 }
            place = group.pointee.next
        }
        return census
    }
}
