import FaultModel

// What a device's owner has in plain memory, and how ownership passes.
//
//     owner   0: nobody    1: some thread is inside
//
// Who wants something of a device posts a request and waits until somebody has served it: the
// thread that reports next, which serves what is posted before it goes on, or the poster itself,
// as soon as it finds nobody inside.
//
// O1. Everything plain in here, and every slot of the device in stage filling, is touched only by
//     the owner.
// O2. A request is served by the one thread that took it off the list, as the owner; after `done`
//     nobody but its poster touches it.

/// Something that the owner shall do.
@usableFromInline
struct OwnerRequest: ~Copyable {
    @usableFromInline
    enum Kind: BitwiseCopyable {
        case add
        /// Ends the service and drops what is partial.
        case remove
        /// Drops what is partial of a PASID.
        case flush
        /// Drops what is partial.
        case discard
    }

    @usableFromInline let kind: Kind
    /// The groups meant, for a flush.
    @usableFromInline let selection: GroupSelection
    /// Written by the owner before `done`: pages dropped, or whether the device was served.
    @usableFromInline var result = 0
    @usableFromInline var next: UnsafeMutablePointer<OwnerRequest>?
    @usableFromInline let done = SharedAtomic<Int>(0)

    @inlinable
    init(_ kind: Kind, _ selection: GroupSelection) {
        self.kind = kind
        self.selection = selection
    }
}

/// What only a device's owner reads and writes, beside the chains.
@usableFromInline
struct OwnedState: BitwiseCopyable {
    @usableFromInline var isServed = false
    @usableFromInline var partialGroups = 0

    @usableFromInline
    init() {}
}

/// A device's owner word, its posted requests and its partial groups.
@usableFromInline
struct OwnedDevice: ~Copyable {
    /// Chains of partial groups by key, through their `next`.
    @inlinable static var chainCount: Int { 256 }

    /// Written by whoever goes in and out.
    @usableFromInline let owner = SharedAtomic<UInt64>(0)
    /// The address of the first posted request; 0 for none. Written by posters and the owner.
    @usableFromInline let posted = SharedAtomic<UInt>(0)
    /// The owner's (O1), as are the chains' links.
    @usableFromInline let state: SharedCells<OwnedState>
    @usableFromInline let chains: SharedCells<UnsafeMutablePointer<FaultGroup>?>
    private let padding = InlineArray<12, UInt64>(repeating: 0)

    @usableFromInline
    init() {
        state = allocateShared(initial: OwnedState())
        chains = allocateShared(count: Self.chainCount) { _ in nil }
    }

    @usableFromInline
    func deallocate() {
        freeShared(state, count: 1)
        freeShared(chains, count: Self.chainCount)
    }

    /// Becomes the owner if there is none.
    @inlinable @inline(__always)
    func tryEnter() -> Bool {
        // ORDER device.owner, acquire side. Pairs with the store in leave().
        // Keeps: the last owner's writes before this one's accesses (O1).
        // If relaxed: a page can be appended to a list that was already dropped.
        owner.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
    }

    @inlinable @inline(never)
    func enterSlow() {
        var wait = SpinWait()
        while true {
            // Relaxed: a look that the exchange confirms.
            if owner.load(ordering: .relaxed) == 0 && tryEnter() { return }
            wait.wait()
        }
    }

    @inlinable @inline(__always)
    func leave() {
        // ORDER device.owner, release side. Pairs with the exchange in tryEnter().
        // Keeps: this owner's writes before the word that lets the next one in.
        // If relaxed: the next owner can miss a partial group.
        owner.store(0, ordering: .releasing)
    }

    /// Whether something is posted. A post that is missed here is served by its poster or the next.
    @inlinable @inline(__always)
    var hasRequests: Bool { posted.load(ordering: .relaxed) != 0 }  // takeRequests acquires

    @inlinable
    func post(_ request: UnsafeMutablePointer<OwnerRequest>) {
        var first = posted.load(ordering: .relaxed)  // the exchange confirms it
        while true {
            request.pointee.next = UnsafeMutablePointer(bitPattern: first)
            // ORDER device.posted, release side. Pairs with the exchange in takeRequests().
            // Keeps: the request's contents before its address.
            // If relaxed: an owner can serve a request that it cannot see yet.
            let (exchanged, now) = posted.compareExchange(
                expected: first, desired: UInt(bitPattern: request),
                successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return }
            first = now
        }
    }

    @inlinable
    func takeRequests() -> UnsafeMutablePointer<OwnerRequest>? {
        // ORDER device.posted, acquire side. Pairs with the exchange in post(_:).
        // Keeps: the requests' contents.
        UnsafeMutablePointer(bitPattern: posted.exchange(0, ordering: .acquiring))
    }
}

/// What only a device's owner does, as a trivially copyable handle.
@usableFromInline
struct OwnedGroups: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let table: GroupTable
    @usableFromInline let device: UnsafeMutablePointer<OwnedDevice>
    @usableFromInline let state: SharedCells<OwnedState>

    @inlinable @inline(__always)
    init(table: GroupTable, device: UnsafeMutablePointer<OwnedDevice>) {
        self.table = table
        self.device = device
        state = device.pointee.state
    }

    /// Where the chain of a key begins.
    @inlinable @inline(__always)
    func chain(_ key: GroupWord.Word) -> UnsafeMutablePointer<UnsafeMutablePointer<FaultGroup>?> {
        let mixed = (key >> 6) &* 0x9E37_79B9_7F4A_7C15
        return device.pointee.chains
            + (Int(truncatingIfNeeded: mixed >> 40) & (OwnedDevice.chainCount &- 1))
    }

    /// The link that leads to the key's partial group, or the nil at its chain's end.
    @inlinable @inline(__always)
    func find(_ key: GroupWord.Word) -> UnsafeMutablePointer<UnsafeMutablePointer<FaultGroup>?> {
        var link = chain(key)
        while let group = link.pointee, group.pointee.word != key { link = Self.next(of: group) }
        return link
    }

    @inlinable @inline(__always)
    static func next(
        of group: UnsafeMutablePointer<FaultGroup>
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<FaultGroup>?> {
        (UnsafeMutableRawPointer(group) + MemoryLayout<FaultGroup>.offset(of: \.next)!)
            .assumingMemoryBound(to: UnsafeMutablePointer<FaultGroup>?.self)
    }

    /// Serves everything that is posted.
    @inlinable @inline(never)
    func serve<Pages: NodeAllocator>(_ pages: inout Pages) where Pages.Node == PageFault {
        var place = device.pointee.takeRequests()
        while let request = place {
            // It is the poster's again once it is done.
            place = request.pointee.next
            switch request.pointee.kind {
            case .add:
                request.pointee.result = state.pointee.isServed ? 1 : 0
                state.pointee.isServed = true
            case .remove:
                request.pointee.result = state.pointee.isServed ? 1 : 0
                state.pointee.isServed = false
                _ = dropAll(&pages)
            case .flush: request.pointee.result = drop(request.pointee.selection, &pages)
            case .discard: request.pointee.result = dropAll(&pages)
            }
            // ORDER device.request-done, release side. Pairs with the load in perform.
            // Keeps: the result, and the last look at the request, before the poster goes on.
            // If relaxed: a poster can give up a request that is being served.
            request.pointee.done.store(1, ordering: .releasing)
        }
    }

    /// Posts a request and returns its result when it has been served.
    @inlinable @inline(never)
    func perform<Pages: NodeAllocator>(
        _ kind: OwnerRequest.Kind, _ selection: GroupSelection, _ pages: inout Pages
    ) -> Int where Pages.Node == PageFault {
        var request = OwnerRequest(kind, selection)
        return withUnsafeMutablePointer(to: &request) { posted in
            device.pointee.post(posted)
            var wait = SpinWait()
            // ORDER device.request-done, acquire side. Pairs with the store in serve(_:).
            // Keeps: what the owner did for the request before what the poster does next.
            while posted.pointee.done.load(ordering: .acquiring) == 0 {
                if device.pointee.tryEnter() {
                    serve(&pages)
                    device.pointee.leave()
                } else {
                    wait.wait()
                }
            }
            return posted.pointee.result
        }
    }

    /// Drops the partial groups of a PASID, found by their slots; how many pages they had.
    @inlinable
    func drop<Pages: NodeAllocator>(
        _ selection: GroupSelection, _ pages: inout Pages
    ) -> Int where Pages.Node == PageFault {
        guard state.pointee.partialGroups > 0 else { return 0 }
        var dropped = 0
        var cursor = BucketCursor()
        while let slots = table.nextBucket(&cursor, of: selection) {
            for slot in slots {
                let word = table.words[slot].load(ordering: .relaxed)  // the owner's, if filling
                guard selection.contains(word), GroupWord.stage(word) == GroupWord.filling else {
                    continue
                }
                dropped &+= drop(at: find(word & GroupWord.keyMask), &pages)
            }
        }
        return dropped
    }

    /// Drops all partial groups of the device; how many pages they had.
    @inlinable
    func dropAll<Pages: NodeAllocator>(_ pages: inout Pages) -> Int
    where Pages.Node == PageFault {
        guard state.pointee.partialGroups > 0 else { return 0 }
        var dropped = 0
        for number in 0..<OwnedDevice.chainCount {
            let chain = device.pointee.chains + number
            while chain.pointee != nil { dropped &+= drop(at: chain, &pages) }
        }
        return dropped
    }

    /// Drops the group that a link leads to.
    @inlinable
    func drop<Pages: NodeAllocator>(
        at link: UnsafeMutablePointer<UnsafeMutablePointer<FaultGroup>?>, _ pages: inout Pages
    ) -> Int where Pages.Node == PageFault {
        guard let group = link.pointee else { return 0 }
        let count = group.pointee.pageCount &- 1
        link.pointee = group.pointee.next
        state.pointee.partialGroups &-= 1
        let slot = table.slot(of: group)
        table.freePages(slot, &pages)
        table.free(slot)
        return count
    }
}
