import FaultModel

// How groups are answered: by their owner, or by a flush or a removal.

/// Which slots a flush or a removal means, and where they can be.
@usableFromInline
struct GroupSelection: BitwiseCopyable {
    @usableFromInline let mask: GroupWord.Word
    @usableFromInline let value: GroupWord.Word
    @usableFromInline let window: GroupWindow
    /// Buckets to look at, from the window's beginning; nil for all that are used.
    @usableFromInline let width: Int?

    @inlinable
    init(mask: GroupWord.Word, value: GroupWord.Word, window: GroupWindow, width: Int?) {
        self.mask = mask
        self.value = value
        self.window = window
        self.width = width
    }

    /// Of every window.
    @inlinable
    init(mask: GroupWord.Word, value: GroupWord.Word) {
        self.init(mask: mask, value: value, window: GroupWindow(home: 0, step: 1), width: nil)
    }

    @inlinable @inline(__always)
    func contains(_ word: GroupWord.Word) -> Bool {
        word & mask == value && GroupWord.stage(word) != GroupWord.empty
    }
}

/// How far a walk over a selection's buckets has come.
@usableFromInline
struct BucketCursor: BitwiseCopyable {
    /// Of the window, or of the bitmap's words.
    @usableFromInline var next = 0
    /// Of the bitmap's last word that was read: what is left.
    @usableFromInline var bits: UInt64 = 0

    @inlinable
    init() {}
}

extension GroupTable {
    // MARK: The owner

    /// Answers a group that the caller owns and is done with it.
    ///
    /// - Parameter running: The slot that the calling worker took last and has not finished, or −1.
    @inlinable @inline(__always)
    func respond<Pages: NodeAllocator>(
        _ slot: Int, _ code: ResponseCode, running: Int, _ pages: inout Pages
    ) -> RespondOutcome where Pages.Node == PageFault {
        let word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
        guard GroupWord.stage(word) == GroupWord.pending,
            words[slot].compareExchange(
                expected: word, desired: GroupWord.with(word, stage: GroupWord.answering),
                successOrdering: .relaxed,  // the caller owns the group; this decides who sends
                failureOrdering: .relaxed
            ).exchanged
        else {
            return respondSlow(slot, code, &pages)
        }
        port.send(code, to: group(slot).pointee.last)
        freePages(slot, &pages)
        if slot == running {
            // The handler's hold is the caller's own, so nobody else changes the word.
            // ORDER group.answered, release side. Pairs with the loads in settle.
            // Keeps: the answer before the word that says that it was sent.
            // If relaxed: a flush can return before the device has the answer.
            words[slot].store(
                GroupWord.with(word, stage: GroupWord.answered), ordering: .releasing)
        } else {
            ownerDone(slot)
        }
        return .answered
    }

    /// The holder changed in the meantime, or another has answered or is about to.
    @inlinable @inline(never)
    func respondSlow<Pages: NodeAllocator>(
        _ slot: Int, _ code: ResponseCode, _ pages: inout Pages
    ) -> RespondOutcome where Pages.Node == PageFault {
        freePages(slot, &pages)
        var word = words[slot].load(ordering: .relaxed)  // the exchanges confirm it
        while true {
            let stage = GroupWord.stage(word)
            let isPending = stage == GroupWord.pending
            let desired: GroupWord.Word
            if isPending {
                desired = GroupWord.with(word, stage: GroupWord.answering)
            } else if stage == GroupWord.revoking {
                desired = GroupWord.with(word, stage: GroupWord.abandoned)
            } else {
                assert(stage == GroupWord.revoked, "a group is answered once by its owner")
                desired = GroupWord.done(word)
            }
            // ORDER group.freed, release side. Pairs with the exchange in claim, and with the one
            // in revokerDone(_:) where that frees the slot.
            // Keeps: the owner's accesses to the group before the word that gives it away.
            let (exchanged, now) = words[slot].compareExchange(
                expected: word, desired: desired,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            word = now
            guard exchanged else { continue }
            guard isPending else { return .notPending }
            port.send(code, to: group(slot).pointee.last)
            ownerDone(slot)
            return .answered
        }
    }

    /// After the owner's answer: answered, or empty where nobody holds the slot.
    @inlinable @inline(__always)
    func ownerDone(_ slot: Int) {
        var word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
        while true {
            // ORDER group.answered, release side. Pairs with the loads in settle.
            // ORDER group.freed, release side, and acquire side towards a holder that let go.
            // Keeps: the answer, and the accesses to the group, before the word.
            let (exchanged, now) = words[slot].compareExchange(
                expected: word, desired: GroupWord.done(word),
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if exchanged { return }
            word = now
        }
    }

    /// The handler of a taken group has returned.
    @inlinable @inline(__always)
    func finish(_ slot: Int) {
        let word = words[slot].load(ordering: .relaxed)  // as free(_:) or the exchange
        if GroupWord.stage(word) == GroupWord.answered {
            // ORDER group.answered, acquire side towards an owner on another thread, who is done.
            // Keeps: its accesses to the group before the slot's next use.
            // ORDER group.handled, release side: free(_:) stores with release. Pairs with settle.
            _ = words[slot].load(ordering: .acquiring)
            free(slot)
        } else {
            letGo(slot)
        }
    }

    // MARK: Flush and removal

    /// The groups of a device and PASID, or of those without one.
    @inlinable
    func selection(place: Int, pasid: PASID?) -> GroupSelection {
        let value = GroupWord.owner(place: place, pasid: pasid)
        let window = window(value)
        let width = Int(widths[window.home].load(ordering: .relaxed))  // their reports came before
        return GroupSelection(
            mask: GroupWord.ownerMask, value: value, window: window, width: width)
    }

    /// All groups of a device.
    @inlinable
    func selection(place: Int) -> GroupSelection {
        GroupSelection(
            mask: GroupWord.placeMask, value: GroupWord.Word(truncatingIfNeeded: place) << 36)
    }

    /// All groups.
    @inlinable
    var everything: GroupSelection { GroupSelection(mask: 0, value: 0) }

    /// The slots of the next bucket of a selection; nil after the last.
    @inlinable @inline(__always)
    func nextBucket(_ cursor: inout BucketCursor, of selection: GroupSelection) -> Range<Int>? {
        if let width = selection.width {
            guard cursor.next < width else { return nil }
            let first = (selection.window.bucket(cursor.next) & bucketMask) &* 8
            cursor.next &+= 1
            return first..<first &+ 8
        }
        while cursor.bits == 0 {
            guard cursor.next < Self.bitmapWords(count) else { return nil }
            // ORDER bucket.used, removal's side; sequentially consistent as said in use(_:).
            // Keeps: this load behind the end of the service.
            cursor.bits = usedBuckets[cursor.next].load(ordering: .sequentiallyConsistent)
            cursor.next &+= 1
        }
        let bucket = (cursor.next &- 1) &* 64 &+ cursor.bits.trailingZeroBitCount
        cursor.bits &= cursor.bits &- 1
        return bucket &* 8..<bucket &* 8 &+ 8
    }

    /// Answers `.invalid` every complete group of the selection that is not answered, and returns
    /// when each has been answered.
    ///
    /// - Parameter drains: Waits until no handler of theirs is running, instead of answering over
    ///   its head.
    @inlinable
    func answerAll<Pages: NodeAllocator>(
        _ selection: GroupSelection, drains: Bool, _ pages: inout Pages
    ) where Pages.Node == PageFault {
        // First whatever can be done at once, so that workers take no more of them meanwhile.
        var waits = false
        var cursor = BucketCursor()
        while let slots = nextBucket(&cursor, of: selection) {
            for slot in slots where !settle(slot, selection, drains: drains, &pages) {
                waits = true
            }
        }
        guard waits else { return }
        cursor = BucketCursor()
        while let slots = nextBucket(&cursor, of: selection) {
            for slot in slots {
                var wait = SpinWait()
                while !settle(slot, selection, drains: drains, &pages) { wait.wait() }
            }
        }
    }

    /// Does what can be done about a slot now; false where it has to be looked at again.
    @inlinable @inline(__always)
    func settle<Pages: NodeAllocator>(
        _ slot: Int, _ selection: GroupSelection, drains: Bool, _ pages: inout Pages
    ) -> Bool where Pages.Node == PageFault {
        // ORDER group.answered, group.handled, acquire side. Pairs with respond and letGo(_:).
        // ORDER device.served, removal's side; sequentially consistent as said in claim.
        // Keeps: answers and handlers' writes before the return of the flush.
        // If relaxed: what the handler wrote can be missing after the flush.
        let word = words[slot].load(ordering: .sequentiallyConsistent)
        guard selection.contains(word) else { return true }
        let holder = GroupWord.holder(word)
        let isRunning = drains && holder == GroupWord.handler
        switch GroupWord.stage(word) {
        case GroupWord.assembling, GroupWord.dropping: return true
        case GroupWord.pending:
            if holder == GroupWord.handOff { return cancel(slot, word, &pages) }
            return isRunning ? false : revoke(slot, word)
        case GroupWord.answered, GroupWord.revoked: return !isRunning
        default: return false
        }
    }

    /// Becomes the owner of a queued group and answers it.
    @inlinable @inline(never)
    func cancel<Pages: NodeAllocator>(
        _ slot: Int, _ word: GroupWord.Word, _ pages: inout Pages
    ) -> Bool where Pages.Node == PageFault {
        // ORDER group.pending, acquire side. Pairs with the store in publish.
        // Keeps: the group and its pages before the reads here.
        guard
            words[slot].compareExchange(
                expected: word, desired: GroupWord.with(word, stage: GroupWord.answering),
                successOrdering: .acquiring, failureOrdering: .relaxed
            ).exchanged
        else { return false }
        port.send(.invalid, to: group(slot).pointee.last)
        freePages(slot, &pages)
        cancelDone(slot)
        return true
    }

    /// After the answer to a group that was in the hand-off: frees its slot and leaves a void entry
    /// in the queue. If slots waited for a worker to pass, those of one PASID that is flushed over
    /// and over would pile up while he works on others', and every flush look through them.
    @inlinable
    func cancelDone(_ slot: Int) {
        let mayVoid = reserveVoidEntry()
        var word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
        while true {
            let voids = mayVoid && GroupWord.holder(word) == GroupWord.handOff
            // ORDER group.answered, release side. Pairs with the loads in settle.
            // ORDER group.freed, release side, and acquire side towards a worker that let go.
            // Keeps: the answer, and the accesses to the group, before the word.
            let (exchanged, now) = words[slot].compareExchange(
                expected: word,
                desired: voids ? GroupWord.freed(word) : GroupWord.done(word),
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if exchanged {
                if mayVoid && !voids { releaseVoidEntry() }
                return
            }
            word = now
        }
    }

    /// Answers a group of another owner.
    @inlinable @inline(never)
    func revoke(_ slot: Int, _ word: GroupWord.Word) -> Bool {
        // ORDER group.pending, acquire side. Pairs with the store in publish.
        // Keeps: the group's last request before the read here.
        guard
            words[slot].compareExchange(
                expected: word, desired: GroupWord.with(word, stage: GroupWord.revoking),
                successOrdering: .acquiring, failureOrdering: .relaxed
            ).exchanged
        else { return false }
        port.send(.invalid, to: group(slot).pointee.last)
        revokerDone(slot)
        return true
    }

    @inlinable
    func revokerDone(_ slot: Int) {
        var word = words[slot].load(ordering: .relaxed)  // the exchange confirms it
        while true {
            let desired =
                GroupWord.stage(word) == GroupWord.abandoned
                ? GroupWord.done(word) : GroupWord.with(word, stage: GroupWord.revoked)
            // ORDER group.answered, release side. Pairs with the loads in settle.
            // ORDER group.freed, release side, and acquire side towards an owner who has gone.
            // Keeps: the answer, and the reads of the group, before the word.
            let (exchanged, now) = words[slot].compareExchange(
                expected: word, desired: desired,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if exchanged { return }
            word = now
        }
    }

    /// Groups in the hand-off that nobody has answered. Only while nothing else runs.
    @inlinable
    var queuedCount: Int {
        (0..<count).count { slot in
            let word = words[slot].load(ordering: .relaxed)  // nothing else runs
            return GroupWord.stage(word) == GroupWord.pending
                && GroupWord.holder(word) == GroupWord.handOff
        }
    }
}
