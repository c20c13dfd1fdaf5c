import CPlatform
import FaultModel

// The life and death of address spaces under a release policy (R0 to R3).
//
// Idea: a device's access says in a word of its own which PASID it is looking at, then reads the
// entry. A release stores the new entry, then looks at those words. So either the access sees the
// new entry, or the release sees the access and waits for it, as hardware's invalidation does. What
// else release does, and what it may wait for, is the policy.
//
// S1. A page table is free only when no walk that saw its entry is under way, and no handler has a
//     reference.
// S2. `users` reaches zero once in a life; whoever brings it there releases, or leaves that to
//     unbind.
// S3. A request is pushed only inside a walk that saw its own life as the context.
// S4. A PASID is in the free list only with no entry, no context and none of its requests queued.
//
//     at the same time   access   handle   exit (release)        unbind
//     access             –        queue    waits for its walks   waits for its walks
//     handle             queue    queue    R0 waits for it       waits for it
//     exit               –        –        R0: the driver's      –
//     unbind             –        –        –                     –
//
// Progress: access never waits but for the queue's lock. A device that stalls in an access stops
// the release and the unbind of that PASID; a handler that stalls stops every unbind and, under R0,
// every release.
// Lock nesting: the driver's lock, then the queue's; the handlers' lock alone.

/// Release under a policy.
public final class SpaceRelease<
    Lock: LockPrimitive, Policy: ReleasePolicy, Variant: ReleaseVariant
>: SpaceReleasing, @unchecked Sendable {
    public static var structure: String { Variant.twin ?? Policy.structure }
    public static var lockKind: LockKind? { Lock.kind }
    public static var provenance: Provenance { Policy.provenance }
    public static var late: AccessOutcome { Policy.late }
    public static var waitsForHandlers: Bool { Policy.waitsForHandlers }

    @usableFromInline let core: ReleaseCore<Lock>
    @usableFromInline let ends: UnsafeMutablePointer<PaddedAtomic<Int>>

    public init(_ configuration: ReleaseConfiguration) {
        core = ReleaseCore(configuration)
        ends = allocateShared(count: 2) { _ in PaddedAtomic<Int>(0) }
    }

    deinit {
        core.destroy()
        freeShared(ends, count: 2)
    }

    private func next(_ side: Int) -> Int {
        let number = ends[side].value.wrappingAdd(1, ordering: .relaxed).oldValue  // a number only
        precondition(number < core.configuration.endpoints, "more endpoints than were asked for")
        return number
    }

    public func makeDevice() -> Device { Device(core: core, number: next(0)) }
    public func makeWorker() -> Worker { Worker(core: core, desk: next(1)) }

    @inlinable @inline(never)
    public func bind() -> SpaceKey? {
        guard let free = core.freeList.pop() else { return nil }
        return begin(Int(free))
    }

    public func bind(under pasid: PASID) -> SpaceKey? {
        let index = Int(pasid.rawValue) - 1
        guard (0..<core.configuration.spaces).contains(index),
            // Relaxed: whoever gives PASIDs out orders the end of one life before the next.
            core.spaces[index].state.value.load(ordering: .relaxed) == SpaceState.free.rawValue
        else { return nil }
        return begin(index)
    }

    @inlinable
    func begin(_ index: Int) -> SpaceKey {
        let space = core.spaces + index
        let life = core.lives.pointee.value.wrappingAdd(1, ordering: .relaxed).newValue  // a number
        space.pointee.table.pointee = life
        // Relaxed, three times: the context's store publishes them.
        space.pointee.users.value.store(1, ordering: .relaxed)
        space.pointee.state.value.store(SpaceState.live.rawValue, ordering: .relaxed)
        space.pointee.current.value.store(life, ordering: .relaxed)
        core.setEntry(index, .table)
        // ORDER release.context, release side. Pairs with the load in access(_:isPresent:).
        // Keeps: entry and page tables before the word that lets devices work.
        // If relaxed: a device can walk tables that are not there yet.
        space.pointee.context.value.store(life, ordering: .releasing)
        return SpaceKey(index: index, life: life)
    }

    @inlinable @inline(never)
    public func exit(_ space: SpaceKey) -> ExitOutcome {
        guard SpaceLife.put(core, space.index) else { return .handedOver }
        if Variant.has(.holdsHandlersLock) {
            lockHandlers()
            let isReleased = release(space.index, callerHoldsHandlers: true)
            unlockHandlers()
            if isReleased { return .released }
            // The lock is let go, which a real caller cannot do, so that the trial ends.
            _ = release(space.index, callerHoldsHandlers: false)
            return .deadlocked
        }
        _ = release(space.index, callerHoldsHandlers: false)
        return .released
    }

    @inlinable
    func release(_ index: Int, callerHoldsHandlers: Bool) -> Bool {
        SpaceLife.release(
            core, index, Policy.self, Variant.self, callerHoldsHandlers: callerHoldsHandlers)
    }

    @inlinable @inline(never)
    public func unbind(_ key: SpaceKey) {
        letGo(key)
        core.freeList.push(UInt32(key.index))
    }

    @inlinable
    public func letGo(_ key: SpaceKey) {
        let space = core.spaces + key.index
        var wait = SpinWait()
        while true {
            // ORDER release.state, acquire side. Pairs with the stores in release and in the
            // worker's last put. Keeps: all of a handler's release before what follows.
            // If relaxed: the PASID can be freed while its release is under way.
            let state = space.pointee.state.value.load(ordering: .acquiring)
            if state == SpaceState.dead.rawValue { break }
            if state == SpaceState.pending.rawValue {
                _ = release(key.index, callerHoldsHandlers: false)
            }
            wait.wait()
        }
        core.stop(key.index)
        if !Variant.has(.unbindsWithoutDrain) {
            _ = core.queue.drain(callerHoldsHandlers: false)
        }
        if !Variant.has(.leavesEntry) { core.setEntry(key.index, .absent) }
        core.invalidate(key.index)
        // Relaxed, twice: the free list publishes them, or whoever gives PASIDs out.
        space.pointee.current.value.store(0, ordering: .relaxed)
        space.pointee.state.value.store(SpaceState.free.rawValue, ordering: .relaxed)
    }

    public func lockHandlers() { core.handlersLock.lock() }
    public func unlockHandlers() { core.handlersLock.unlock() }

    @inlinable public var backlog: Int { core.queue.count }

    public func census() -> ReleaseCensus {
        var census = ReleaseCensus(queued: core.queue.count)
        for index in 0..<core.configuration.spaces {
            let space = core.spaces + index
            // Relaxed: nothing else runs.
            if space.pointee.state.value.load(ordering: .relaxed) != 0 { census.bound += 1 }
            if space.pointee.entry.value.load(ordering: .relaxed) != 0 {  // as above
                census.entries += 1
            }
        }
        return census
    }

    /// A device's end.
    public struct Device: ReleaseDevice, @unchecked Sendable {
        @usableFromInline let core: ReleaseCore<Lock>
        @usableFromInline let number: Int

        init(core: ReleaseCore<Lock>, number: Int) {
            self.core = core
            self.number = number
        }

        @inlinable @inline(never)
        public mutating func access(_ key: SpaceKey, isPresent: Bool) -> AccessOutcome {
            // ORDER release.walk, the device's side. Pairs with setEntry and stop.
            // Keeps: this store before the loads of context and entry, so that whoever changes them
            // sees the walk, or the walk the change. If relaxed: tables can be freed under a walk.
            core.walks[number].value.store(key.index &+ 1, ordering: .sequentiallyConsistent)
            let outcome = walk(key, isPresent: isPresent)
            // ORDER release.walk, the device's side, at its end. Pairs with waitForWalks(_:).
            // Keeps: the last read of the tables before they are freed.
            // If relaxed: a walk can read tables that are free.
            core.walks[number].value.store(0, ordering: .releasing)
            return outcome
        }

        @inlinable @inline(__always)
        func walk(_ key: SpaceKey, isPresent: Bool) -> AccessOutcome {
            let space = core.spaces + key.index
            // ORDER release.context, acquire side, and release.walk after the walk's store.
            // Pairs with bind() and stop(_:).
            // Keeps: page tables and entry before the word that lets devices work.
            let context = space.pointee.context.value.load(ordering: .sequentiallyConsistent)
            if context != key.life { return .stopped }
            let entry = space.pointee.entry.value.load(ordering: .sequentiallyConsistent)
            switch entry {
            case PASIDEntry.absent.rawValue: return .absent
            case PASIDEntry.quiet.rawValue: return .aborted
            case PASIDEntry.table.rawValue:
                Variant.window(.skipsInvalidation)
                if space.pointee.table.pointee != key.life { return .freedTable }
                if isPresent { return .translated }
            default: break
            }
            return core.queue.push(key.word) ? .faulted : .full
        }
    }

    /// A handler's end.
    public struct Worker: ReleaseWorker, @unchecked Sendable {
        @usableFromInline let core: ReleaseCore<Lock>
        @usableFromInline let desk: Int

        init(core: ReleaseCore<Lock>, desk: Int) {
            self.core = core
            self.desk = desk
        }

        @inlinable @inline(never)
        public mutating func handle() -> LateFaultOutcome? {
            guard let word = core.queue.take(desk) else { return nil }
            // Relaxed: only a drain that holds the lock asks, again and again.
            core.queue.desks[desk].isBlocked.value.store(true, ordering: .relaxed)
            core.handlersLock.lock()
            core.queue.desks[desk].isBlocked.value.store(false, ordering: .relaxed)  // as above
            core.handlersLock.unlock()
            let outcome = serve(SpaceKey(word: word))
            core.queue.finish(desk)
            return outcome
        }

        @inlinable @inline(__always)
        func serve(_ key: SpaceKey) -> LateFaultOutcome {
            let space = core.spaces + key.index
            // Relaxed: a drain keeps the life from changing while a request of it is on a desk.
            if space.pointee.current.value.load(ordering: .relaxed) != key.life { return .stale }
            guard SpaceLife.tryGet(core, key.index) else { return .invalid }
            let isThere = space.pointee.table.pointee == key.life
            var left = core.configuration.servicePasses
            while left > 0 {
                fq_opaque(UInt64(truncatingIfNeeded: left))
                left &-= 1
            }
            let isStillThere = space.pointee.table.pointee == key.life
            if SpaceLife.put(core, key.index) { end(key.index) }
            return isThere && isStillThere ? .success : .freedTable
        }

        /// The handler's put was the last: the release runs here, unless it would wait for this
        /// very handler.
        @inlinable @inline(never)
        func end(_ index: Int) {
            if Policy.waitsForHandlers {
                // ORDER release.state, release side. Pairs with the load in unbind(_:).
                core.spaces[index].state.value.store(
                    SpaceState.pending.rawValue, ordering: .releasing)
            } else {
                _ = SpaceLife.release(
                    core, index, Policy.self, Variant.self, callerHoldsHandlers: false)
            }
        }
    }
}

/// References to an address space, and its end.
@usableFromInline
enum SpaceLife {
    /// A reference, unless the last one is gone (`mmget_not_zero`).
    @inlinable @inline(__always)
    static func tryGet<Lock: LockPrimitive>(_ core: ReleaseCore<Lock>, _ index: Int) -> Bool {
        let users = core.spaces + index
        var seen = users.pointee.users.value.load(ordering: .relaxed)  // the exchange checks it
        while seen != 0 {
            // Relaxed: the request that led here keeps the life, and its tables stay until zero.
            let (exchanged, now) = users.pointee.users.value.compareExchange(
                expected: seen, desired: seen &+ 1,
                successOrdering: .relaxed, failureOrdering: .relaxed)
            if exchanged { return true }
            seen = now
        }
        return false
    }

    /// Gives a reference back; true where it was the last (`mmput`).
    @inlinable @inline(__always)
    static func put<Lock: LockPrimitive>(_ core: ReleaseCore<Lock>, _ index: Int) -> Bool {
        // ORDER space.last-use, both sides. The releases of all that put before, the acquire of the
        // one that puts last. Keeps: every read of the page tables before they are freed.
        // If relaxed: a handler can read tables that are free.
        core.spaces[index].users.value.wrappingSubtract(
            1, ordering: .acquiringAndReleasing
        ).newValue == 0
    }

    /// What the last put does: the policy's part, then the page tables go.
    @inlinable
    static func release<Lock: LockPrimitive, Policy: ReleasePolicy, Variant: ReleaseVariant>(
        _ core: ReleaseCore<Lock>, _ index: Int, _: Policy.Type, _: Variant.Type,
        callerHoldsHandlers: Bool
    ) -> Bool {
        let space = core.spaces + index
        // Relaxed: only the end of release is waited for.
        space.pointee.state.value.store(SpaceState.releasing.rawValue, ordering: .relaxed)
        if Variant.has(.skipsInvalidation) {
            core.setEntry(index, .dummy)
        } else if !Policy.release(core, index, callerHoldsHandlers: callerHoldsHandlers) {
            return false
        }
        space.pointee.table.pointee = 0
        // ORDER release.state, release side. Pairs with the load in unbind(_:).
        // Keeps: all of the release before the unbind that it lets go on.
        // If relaxed: the PASID can be freed while its release is under way.
        space.pointee.state.value.store(SpaceState.dead.rawValue, ordering: .releasing)
        return true
    }
}
