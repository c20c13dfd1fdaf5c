import FaultModel

// The groups of a structure: slots with their memory, the words that say what state each is in, and
// the hand-off to the workers. What `GroupWord` draws, this file does.
//
// The words lie apart from the slots' memory, eight to a line, so that a flush reads few lines. The
// groups of a (device, PASID) lie in a window of buckets of eight words: it begins at a home hashed
// from both, goes on in steps hashed from both, so that no two windows lie side by side and crowd
// each other, and is as wide as it ever had to be: its width doubles when a group finds no room. So
// a flush reads the window's words and no others, whatever the table's size and the other PASIDs.
// What looks at all groups, a removal or a discard, goes by a bitmap of the buckets ever used.
//
// T1. A slot is claimed by the exchange empty → filling and freed by one store or exchange to
//     empty. In between its memory belongs to whom `GroupWord` says.
// T2. The hand-off queue holds an entry for each slot whose holder is the hand-off, and void ones:
//     of groups that a flush answered and freed before a worker saw them. An entry says for which
//     generation of its slot it is, so a worker knows a void one. There are at most as many void
//     entries as slots, then a flush leaves the slot to the worker; the queue has a cell for each
//     of both, so it is never full.
// T3. A slot of (device, PASID) lies within the first `widths[home]` buckets of their window;
//     widths never shrink.
// T4. Between pending and answered, exactly one thread sends the group's one answer: the one whose
//     exchange to answering or revoking succeeded.
// T5. Who answers as the owner frees the pages, whoever answered first.
// T6. A bucket is in the bitmap before a slot of it is claimed, and stays there: whoever claims
//     has entered it or seen it there. (Windows do not tell: two that begin at one home share their
//     width, but not their steps.)

/// A slot's memory: two lines. The first page needs no node.
@usableFromInline
struct GroupSlot: BitwiseCopyable {
    @usableFromInline var group: FaultGroup
    @usableFromInline var firstPage: PageFault
    private let padding: UInt64 = 0

    @usableFromInline
    init(_ request: PageRequest) {
        group = FaultGroup(last: request)
        firstPage = PageFault(request: request)
    }
}

/// Where the groups of a device and PASID are: buckets at equal steps, counted around the table.
/// The step is odd and the table a power of two, so the widest window has every bucket once.
@usableFromInline
struct GroupWindow: BitwiseCopyable {
    @usableFromInline let home: Int
    @usableFromInline let step: Int

    @inlinable
    init(home: Int, step: Int) {
        self.home = home
        self.step = step
    }

    /// The n-th bucket, before it is masked to the table.
    @inlinable @inline(__always)
    func bucket(_ number: Int) -> Int { home &+ number &* step }
}

/// The slots, as a trivially copyable handle.
@usableFromInline
struct GroupTable: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let words: UnsafeMutablePointer<SharedAtomic<UInt64>>
    @usableFromInline let slots: SharedCells<GroupSlot>
    /// Buckets of each window, by the bucket where it begins; raised by reporters.
    @usableFromInline let widths: UnsafeMutablePointer<SharedAtomic<UInt32>>
    /// A bit for each bucket in which a slot was ever claimed (T6).
    @usableFromInline let usedBuckets: UnsafeMutablePointer<SharedAtomic<UInt64>>
    @usableFromInline let queue: HandOffLanes
    /// Void entries in the queue, or about to be (T2).
    @usableFromInline let voidEntries: UnsafeMutablePointer<PaddedAtomic<Int>>
    @usableFromInline let port: ResponsePort
    /// A power of two.
    @usableFromInline let count: Int

    /// Slots for a number of pages: twice as many as needed, within what an index of 20 bits names.
    @usableFromInline
    static func slotCount(maximumPages: Int) -> Int {
        let wanted = max(64, 2 * maximumPages)
        return min(1 << 20, 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount))
    }

    /// Words of the bitmap for a number of slots.
    @inlinable
    static func bitmapWords(_ slots: Int) -> Int { (slots / 8 + 63) / 64 }

    @usableFromInline
    init(_ configuration: ReportingConfiguration) {
        count = Self.slotCount(maximumPages: configuration.maximumPages)
        port = configuration.port
        words = allocateShared(count: count) { _ in SharedAtomic<UInt64>(0) }
        let blank = PageRequest(header: 0, address: 0, privateData0: 0, privateData1: 0)
        slots = allocateShared(count: count) { _ in GroupSlot(blank) }
        widths = allocateShared(count: count / 8) { _ in SharedAtomic<UInt32>(1) }
        usedBuckets = allocateShared(count: Self.bitmapWords(count)) { _ in
            SharedAtomic<UInt64>(0)
        }
        queue = HandOffLanes(capacity: 2 * count)
        voidEntries = allocateShared(initial: PaddedAtomic<Int>(0))
    }

    @usableFromInline
    func deallocate() {
        freeShared(words, count: count)
        freeShared(slots, count: count)
        freeShared(widths, count: count / 8)
        freeShared(usedBuckets, count: Self.bitmapWords(count))
        queue.deallocate()
        freeShared(voidEntries, count: 1)
    }

    // MARK: Slots

    /// The window of a key's device and PASID.
    @inlinable @inline(__always)
    func window(_ key: GroupWord.Word) -> GroupWindow {
        let mixed = (key & GroupWord.ownerMask) &* 0x9E37_79B9_7F4A_7C15
        return GroupWindow(
            home: Int(truncatingIfNeeded: mixed >> 36) & bucketMask,
            step: Int(truncatingIfNeeded: mixed >> 20) | 1)
    }

    @inlinable @inline(__always)
    var bucketMask: Int { count / 8 &- 1 }

    /// A slot for the key in stage filling, or nil where all are taken. `turn` spreads a thread's
    /// claims over the window.
    @inlinable @inline(__always)
    func claim(_ key: GroupWord.Word, turn: UInt64) -> Int? {
        let window = window(key)
        let width = Int(widths[window.home].load(ordering: .relaxed))  // only grows
        // Mixed well: in whatever rhythm a thread's claims for one PASID come, they spread.
        let mixed = turn &* 0x9E37_79B9_7F4A_7C15
        let again = (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93
        let number = Int(truncatingIfNeeded: again >> 40) & (width &- 1)
        if let slot = claim(key, bucket: window.bucket(number) & bucketMask) { return slot }
        return claimSlow(key, window, from: width, number)
    }

    @inlinable @inline(__always)
    func claim(_ key: GroupWord.Word, bucket: Int) -> Int? {
        use(bucket)
        let first = bucket &* 8
        var slot = first
        while slot < first &+ 8 {
            let word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
            // ORDER group.freed, acquire side. Pairs with the stores and exchanges to empty.
            // Keeps: the last user's accesses to the slot's memory before this one's.
            // ORDER device.served, reporter's side; sequentially consistent with the load in
            // ServedDevices.isServed(_:): a removal sees this claim, or this thread sees it.
            // If weaker: a group is queued for a device whose removal has looked already.
            if GroupWord.stage(word) == GroupWord.empty,
                words[slot].compareExchange(
                    expected: word, desired: word | key | GroupWord.filling,
                    successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed
                ).exchanged
            {
                return slot
            }
            slot &+= 1
        }
        return nil
    }

    /// Looks at the window, then widens it until there is room or it is the whole table.
    @inlinable @inline(never)
    func claimSlow(_ key: GroupWord.Word, _ window: GroupWindow, from start: Int, _ number: Int)
        -> Int?
    {
        var width = start
        // A few buckets all over the window beside the first choice: the cost of a claim does not
        // grow with the window, and the window does not grow because its older half is full.
        for other in 1..<max(2, min(width, 8)) {
            let number = (number &+ other &* (width / 8 | 1)) & (width &- 1)
            if let slot = claim(key, bucket: window.bucket(number) & bucketMask) { return slot }
        }
        while width <= bucketMask {
            // Relaxed: a flush of this PASID is ordered after its reports by the caller, and a
            // removal goes by the bitmap.
            let (exchanged, now) = widths[window.home].compareExchange(
                expected: UInt32(width), desired: UInt32(2 * width),
                successOrdering: .relaxed, failureOrdering: .relaxed)
            let before = width
            width = exchanged ? 2 * width : Int(now)
            if let slot = claim(key, window, before..<min(width, before + 4)) { return slot }
        }
        return claim(key, window, 0..<width)
    }

    /// Sees to it that a bucket is in the bitmap.
    @inlinable @inline(__always)
    func use(_ bucket: Int) {
        // ORDER bucket.used, acquire side; sequentially consistent with what follows it here, the
        // claim and the look at the device. Pairs with the store in useSlow(_:).
        // Keeps: the bit, whoever set it, ahead of the look at the device; so a removal that this
        // thread does not see finds the bit. If weaker: the removal can pass over the bucket.
        let bits = usedBuckets[bucket >> 6].load(ordering: .sequentiallyConsistent)
        if bits >> UInt64(bucket & 63) & 1 == 0 { useSlow(bucket) }
    }

    @inlinable @inline(never)
    func useSlow(_ bucket: Int) {
        // ORDER bucket.used, release side; sequentially consistent with the load in nextBucket.
        usedBuckets[bucket >> 6].bitwiseOr(
            1 << UInt64(bucket & 63), ordering: .sequentiallyConsistent)
    }

    @inlinable
    func claim(_ key: GroupWord.Word, _ window: GroupWindow, _ numbers: Range<Int>) -> Int? {
        for number in numbers {
            if let slot = claim(key, bucket: window.bucket(number) & bucketMask) { return slot }
        }
        return nil
    }

    /// Frees a slot that the caller has in stage filling or dropping, or answered as its only
    /// holder: nobody else changes its word then.
    @inlinable @inline(__always)
    func free(_ slot: Int) {
        let word = words[slot].load(ordering: .relaxed)  // the caller's own
        // ORDER group.freed, release side. Pairs with the exchange in claim.
        // Keeps: accesses to the slot's memory before the word that gives it away.
        // If relaxed: the next group's pages can be seen by the last one's handler.
        words[slot].store(GroupWord.freed(word), ordering: .releasing)
    }

    /// Appends a page to a group that the caller has in stage filling; false if no node is left.
    @inlinable @inline(__always)
    func append<Pages: NodeAllocator>(
        _ request: PageRequest, to slot: Int, _ pages: inout Pages
    ) -> Bool where Pages.Node == PageFault {
        let group = group(slot)
        if group.pointee.pages == nil {
            let place = firstPage(slot)
            place.pointee = PageFault(request: request)
            group.pointee.pages = place
            group.pointee.context = UnsafeMutableRawPointer(place)
        } else {
            guard let node = pages.allocate() else { return false }
            node.pointee = PageFault(request: request)
            group.pointee.context!.assumingMemoryBound(to: PageFault.self).pointee.next = node
            group.pointee.context = UnsafeMutableRawPointer(node)
        }
        group.pointee.pageCount &+= 1
        return true
    }

    /// Frees the pages of a group that the caller owns.
    @inlinable @inline(__always)
    func freePages<Pages: NodeAllocator>(_ slot: Int, _ pages: inout Pages)
    where Pages.Node == PageFault {
        guard let first = group(slot).pointee.pages else { return }
        group(slot).pointee.pages = nil
        var place = first == firstPage(slot) ? first.pointee.next : first
        while let page = place {
            place = page.pointee.next
            pages.free(page)
        }
    }

    @inlinable @inline(__always)
    func group(_ slot: Int) -> UnsafeMutablePointer<FaultGroup> {
        UnsafeMutableRawPointer(slots + slot).assumingMemoryBound(to: FaultGroup.self)
    }

    @inlinable @inline(__always)
    func firstPage(_ slot: Int) -> UnsafeMutablePointer<PageFault> {
        (UnsafeMutableRawPointer(slots + slot) + MemoryLayout<GroupSlot>.offset(of: \.firstPage)!)
            .assumingMemoryBound(to: PageFault.self)
    }

    /// The slot of a group from `take()`.
    @inlinable @inline(__always)
    func slot(of group: UnsafeMutablePointer<FaultGroup>) -> Int {
        (UnsafeMutableRawPointer(group) - UnsafeMutableRawPointer(slots))
            / MemoryLayout<GroupSlot>.stride
    }

    // MARK: From reporter to worker

    /// Hands a complete group over, in the reporter's lane; the caller has it in stage filling.
    @inlinable @inline(__always)
    func publish(_ slot: Int, lane: Int) {
        let word = words[slot].load(ordering: .relaxed)  // the caller's own
        // ORDER group.pending, release side. Pairs with the exchanges from pending in take(),
        // cancel and revoke.
        // Keeps: the group and its pages before the word that lets another own them.
        // If relaxed: a flush can answer with the last request of the slot's previous group.
        words[slot].store(
            GroupWord.with(word, stage: GroupWord.pending) | GroupWord.handOff,
            ordering: .releasing)
        queue.push(Self.entry(slot, word), lane: lane)
    }

    // MARK: Entries of the queue

    /// 19:0 slot, 31:20 the low bits of its generation. An entry that is 4096 generations old looks
    /// like the present one: then a worker takes the present group early, and finds that group's
    /// own entry void. So neither is lost, and the count of void entries stays right.
    @inlinable @inline(__always)
    static func entry(_ slot: Int, _ word: GroupWord.Word) -> UInt32 {
        UInt32(truncatingIfNeeded: slot)
            | UInt32(truncatingIfNeeded: GroupWord.generation(word)) << 20
    }

    @inlinable @inline(__always)
    static func slot(of entry: UInt32) -> Int { Int(entry & 0xF_FFFF) }

    /// Whether the entry is the slot's present one, and not void.
    @inlinable @inline(__always)
    static func isCurrent(_ entry: UInt32, _ word: GroupWord.Word) -> Bool {
        GroupWord.holder(word) == GroupWord.handOff
            && UInt32(truncatingIfNeeded: GroupWord.generation(word)) << 20
                == entry & ~0xF_FFFF
    }

    /// Whether one more entry may become void; it counts from now on.
    @inlinable
    func reserveVoidEntry() -> Bool {
        // ORDER group.void, acquire side. Pairs with the subtraction in releaseVoidEntry().
        // Keeps: the reads of the queue's cells that made room before the entry that uses it.
        // If relaxed: a cell can be filled again while it is being read.
        if voidEntries.pointee.value.wrappingAdd(1, ordering: .acquiring).newValue <= count {
            return true
        }
        releaseVoidEntry()
        return false
    }

    @inlinable
    func releaseVoidEntry() {
        // ORDER group.void, release side. Pairs with the addition in reserveVoidEntry().
        // Keeps: the read of the entry's cell before the count that lets another take its place.
        // If relaxed: a cell can be filled again while it is being read.
        voidEntries.pointee.value.wrappingSubtract(1, ordering: .releasing)
    }

    /// The slot of the next group that nobody answered yet, now held by its handler.
    @inlinable @inline(__always)
    func take(_ cursor: inout HandOffLanes.Cursor) -> Int? {
        while let entry = queue.pop(&cursor) {
            let slot = Self.slot(of: entry)
            let word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
            // ORDER group.pending, acquire side. Pairs with the store in publish.
            // Keeps: the group and its pages before the handler's reads.
            // If relaxed: only the hand-off queue's own order would keep them.
            if Self.isCurrent(entry, word), GroupWord.stage(word) == GroupWord.pending,
                words[slot].compareExchange(
                    expected: word, desired: GroupWord.with(word, holder: GroupWord.handler),
                    successOrdering: .acquiring, failureOrdering: .relaxed
                ).exchanged
            {
                return slot
            }
            letGoQueued(entry)
        }
        return nil
    }

    /// The entry of a group that is cancelled, being cancelled, or gone: the hand-off is its slot's
    /// holder no longer, and its owner frees it; or the owner has, and the entry was void.
    @inlinable @inline(never)
    func letGoQueued(_ entry: UInt32) {
        let slot = Self.slot(of: entry)
        var word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
        while Self.isCurrent(entry, word) {
            // ORDER group.freed, release side, and acquire side towards the owner's part.
            // Keeps: the owner's accesses to the slot's memory before the word that gives it away.
            let (exchanged, now) = words[slot].compareExchange(
                expected: word, desired: GroupWord.letGo(word),
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if exchanged { return }
            word = now
        }
        releaseVoidEntry()
    }

    /// The slot has no holder from now on; frees it where its owner is done with it.
    @inlinable @inline(__always)
    func letGo(_ slot: Int) {
        var word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
        while true {
            // ORDER group.handled, release side. Pairs with the loads in settle.
            // ORDER group.freed, release side, and acquire side towards the owner's part.
            // Keeps: all that the handler did before the word that lets a flush return.
            // If relaxed: a flush can return before the handler's writes are visible.
            let (exchanged, now) = words[slot].compareExchange(
                expected: word, desired: GroupWord.letGo(word),
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if exchanged { return }
            word = now
        }
    }
}
