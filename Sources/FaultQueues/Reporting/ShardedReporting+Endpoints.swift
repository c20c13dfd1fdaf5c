import FaultModel

extension ShardedReporting {
    /// The fault thread's end: the shard's lock for the lists, none for the hand-off.
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
            guard let shards = core.shards(of: request.requester) else { return .noDevice }
            let shard = shards + Shard.index(of: request.header)
            if request.isLast { return complete(request, shard) }
            guard let page = pages.allocate() else { return refusePage(shard) }
            page.pointee = PageFault(request: request)
            let lists = shard.pointee.lists
            shard.pointee.lock.lock()
            let isOpen = lists.pointee.isOpen
            if isOpen { lists.pointee.partial.add(page) }
            shard.pointee.lock.unlock()
            if isOpen { return .held }
            pages.free(page)
            return .noDevice
        }

        /// Builds the group and queues it.
        @inlinable @inline(__always)
        mutating func complete(_ request: PageRequest, _ shard: Shards) -> ReportOutcome {
            guard let group = groups.allocate() else { return refuse(request, shard) }
            group.pointee = FaultGroup(last: request)
            group.pointee.word = UInt64(UInt(bitPattern: shard))
            shard.pointee.lock.lock()
            let lists = shard.pointee.lists
            if !lists.pointee.isOpen {
                shard.pointee.lock.unlock()
                groups.free(group)
                return .noDevice
            }
            lists.pointee.partial.move(to: group)
            lists.pointee.queued.add(group)
            shard.pointee.lock.unlock()
            // From here on it may be cancelled; nobody frees it before a worker has had it.
            core.workqueue.queue(group)
            return .queued
        }

        /// No memory for a page: nothing is kept, and a device that is gone is said to be gone.
        @inlinable @inline(never)
        func refusePage(_ shard: Shards) -> ReportOutcome {
            shard.pointee.lock.lock()
            let isOpen = shard.pointee.lists.pointee.isOpen
            shard.pointee.lock.unlock()
            return isOpen ? .refused : .noDevice
        }

        /// No memory for the group: answers `.failure` and drops its partial pages.
        @inlinable @inline(never)
        mutating func refuse(_ request: PageRequest, _ shard: Shards) -> ReportOutcome {
            shard.pointee.lock.lock()
            let lists = shard.pointee.lists
            let isOpen = lists.pointee.isOpen
            _ = lists.pointee.partial.free(
                matching: request.header & PageChain.groupMask, under: PageChain.groupMask,
                with: &pages)
            if isOpen { core.port.send(.failure, to: request) }
            shard.pointee.lock.unlock()
            return isOpen ? .refused : .noDevice
        }
    }

    /// A worker's end: the shard's lock to take and to answer.
    public struct Worker: FaultWorker {
        @usableFromInline let core: Core
        @usableFromInline let place: UnsafeMutablePointer<ShardedWorkerPlace>
        @usableFromInline var pages: Nodes.Pages
        @usableFromInline var groups: Nodes.Groups
        /// Colour of the group taken last.
        @usableFromInline var colour = 0

        @inlinable
        init(
            core: Core, place: UnsafeMutablePointer<ShardedWorkerPlace>, pages: Nodes.Pages,
            groups: Nodes.Groups
        ) {
            self.core = core
            self.place = place
            self.pages = pages
            self.groups = groups
        }

        @inlinable @inline(never)
        public mutating func take() -> UnsafeMutablePointer<FaultGroup>? {
            while let (group, colour) = core.workqueue.take() {
                self.colour = colour
                if claim(group) { return group }
                free(group)
                finishTaken()
            }
            return nil
        }

        /// Moves a group from the queued to the taken; false where it was cancelled.
        @inlinable @inline(__always)
        func claim(_ group: UnsafeMutablePointer<FaultGroup>) -> Bool {
            let last = group.pointee.last
            let word = ShardedWorkerPlace.word(
                last.requester, pasidBits: last.header & PageChain.pasidMask)
            // ORDER sharded.running, release side. Pairs with the load in waitForHandlers(of:).
            // Keeps: the handler before this one, for a flush that misses the zero in between.
            // If relaxed: that flush's caller can see the handler before this one half done.
            place.pointee.running.value.store(word, ordering: .releasing)
            // The lock orders this store and the flush's load where the flush comes second (S4).
            let shard = Self.shard(of: group)
            let lists = shard.pointee.lists
            shard.pointee.lock.lock()
            let isPending = PendingGroups.holds(group)
            if isPending {
                lists.pointee.queued.remove(group)
                lists.pointee.taken.add(group)
            }
            shard.pointee.lock.unlock()
            return isPending
        }

        @inlinable @inline(never)
        public mutating func respond(
            _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
        ) -> RespondOutcome {
            let shard = Self.shard(of: group)
            let lists = shard.pointee.lists
            shard.pointee.lock.lock()
            let isPending = PendingGroups.holds(group)
            if isPending {
                lists.pointee.taken.remove(group)
                core.port.send(code, to: group.pointee.last)
            }
            shard.pointee.lock.unlock()
            free(group)
            return isPending ? .answered : .notPending
        }

        @inlinable @inline(never)
        public mutating func finish() { finishTaken() }

        @inlinable @inline(__always)
        func finishTaken() {
            // ORDER sharded.running, release side. Pairs with the load in waitForHandlers(of:).
            // Keeps: all that the handler did before the word that lets a flush return.
            // If relaxed: a flush can return before the handler's writes are visible.
            place.pointee.running.value.store(0, ordering: .releasing)
            core.workqueue.finish(colour: colour)
        }

        @inlinable @inline(__always)
        mutating func free(_ group: UnsafeMutablePointer<FaultGroup>) {
            pages.freePages(of: group)
            groups.free(group)
        }

        @inlinable @inline(__always)
        static func shard(of group: UnsafeMutablePointer<FaultGroup>) -> Shards {
            Shards(bitPattern: UInt(truncatingIfNeeded: group.pointee.word & ~1))!
        }
    }
}
