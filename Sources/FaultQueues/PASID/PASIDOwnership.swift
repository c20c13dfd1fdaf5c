import FaultModel

// Address spaces, tasks and devices under a rule of PASID ownership (P0 to P3).
//
// Idea: what is the same in all of them is here: an entry a device and PASID, `mm_users` and
// `mm_count`, a register a task. A policy says when a PASID is taken, kept and freed.
//
// O1. A device's entry for a PASID is 0 or the life of the PASID's owner. It changes with the bind
//     lock held.
// O2. `users` is the number of tasks; `count` is one while there are tasks, and one a device with
//     an entry. The address space has ended when `count` is zero.
// O3. A task's register is 0 or the PASID of its address space.
//
//     at the same time     bind, unbind   first use   clone, exit
//     bind, unbind         bind lock      –           P0: the tasks' lock
//     first use, use       –              –           –
//     clone, exit, exec    P0: tasks'     –           counts; P0: the tasks' lock
//
// Progress: use is wait-free; first use and exit are lock-free under P1 and wait-free under P2 and
// P3; the rest is blocking.
// Lock nesting: bind → tasks; bind → the allocator's; a last reference takes the allocator's alone.

/// Who owns a PASID, under a policy.
public final class PASIDOwnership<
    Lock: LockPrimitive, Policy: PASIDPolicy, Variant: PASIDVariant
>: PASIDLifetime, @unchecked Sendable {
    public static var structure: String { Variant.twin ?? Policy.structure }
    public static var lockKind: LockKind? { Lock.kind }
    public static var provenance: Provenance { Policy.provenance }
    public static var rule: PASIDRule { Policy.rule }

    @usableFromInline let core: PASIDCore<Lock>

    public init(_ configuration: PASIDConfiguration) { core = PASIDCore(configuration) }

    deinit { core.destroy() }

    @inlinable @inline(never)
    public func begin(_ space: Int, task: Int, parent: Int?) {
        let place = core.spaces + space
        // Relaxed, all of it: nobody else knows the address space yet. Lives of one place are apart
        // by the number of places, so no two address spaces have the same.
        let before = place.pointee.life.load(ordering: .relaxed)
        let life =
            before == 0
            ? UInt64(space &+ 1) : before &+ UInt64(core.configuration.spaces)
        place.pointee.life.store(life, ordering: .relaxed)
        place.pointee.users.store(1, ordering: .relaxed)
        place.pointee.count.store(1, ordering: .relaxed)
        core.homes[task] = Int32(truncatingIfNeeded: space)
        core.setRegister(task, 0)
        if Variant.has(.forkInherits), let parent {
            core.setRegister(task, core.register(parent))
        }
        if Policy.listsTasks { join(task, space) }
    }

    @inlinable @inline(never)
    public func clone(_ task: Int, parent: Int) {
        let space = Int(core.homes[parent])
        core.spaces[space].users.wrappingAdd(1, ordering: .relaxed)  // the parent's own keeps it
        core.homes[task] = Int32(truncatingIfNeeded: space)
        core.setRegister(task, 0)
        if Policy.listsTasks { join(task, space) }
    }

    /// Puts the task first in its address space's list, with the PASID of the others.
    @inlinable
    func join(_ task: Int, _ space: Int) {
        core.tasksLock.lock()
        let first = core.firstTasks[space]
        let own = Int32(truncatingIfNeeded: task &+ 1)
        core.links[task].next = first
        core.links[task].previous = 0
        if first != 0 { core.links[Int(first) &- 1].previous = own }
        core.firstTasks[space] = own
        core.setRegister(task, core.pasid(space))
        core.tasksLock.unlock()
    }

    /// Takes the task out of its list.
    @inlinable
    func unlist(_ task: Int, _ space: Int) {
        core.tasksLock.lock()
        let (next, previous) = (core.links[task].next, core.links[task].previous)
        if next != 0 { core.links[Int(next) &- 1].previous = previous }
        if previous != 0 {
            core.links[Int(previous) &- 1].next = next
        } else {
            core.firstTasks[space] = next
        }
        core.tasksLock.unlock()
    }

    @inlinable @inline(never)
    public func exec(_ task: Int, into space: Int) -> PASIDFate {
        let fate = leave(task, isExec: true)
        begin(space, task: task, parent: nil)
        return fate
    }

    @inlinable @inline(never)
    public func exit(_ task: Int) -> PASIDFate { leave(task, isExec: false) }

    @inlinable @inline(__always)
    func leave(_ task: Int, isExec: Bool) -> PASIDFate {
        let space = Int(core.homes[task])
        if Policy.listsTasks { unlist(task, space) }
        var register = core.register(task)
        if Variant.has(.dropsTooMuch) { register = core.pasid(space) }
        if Variant.has(.execLeaks) && isExec { register = 0 }
        core.setRegister(task, 0)
        var fate = Policy.left(core, space, register: register)
        // ORDER space.users, both sides: each exit's release, the last one's acquire.
        // Keeps: every task's use before the end of the address space.
        // If relaxed: a PASID can be freed before a task's last use of it.
        let users = core.spaces[space].users.wrappingSubtract(
            1, ordering: .acquiringAndReleasing
        ).newValue
        if users == 0 {
            if Variant.has(.endsWithUsers) { fate = core.freePASID(of: space) }
            fate = drop(space, fate)
        }
        return fate
    }

    /// Drops one of `count`; what the last one does is the policy's.
    @inlinable
    func drop(_ space: Int, _ fate: PASIDFate) -> PASIDFate {
        // ORDER space.count, both sides, as for the users.
        // Keeps: every bind's end before the end of the address space.
        let count = core.spaces[space].count.wrappingSubtract(
            1, ordering: .acquiringAndReleasing
        ).newValue
        guard count == 0 else { return fate }
        let ended = Policy.ended(core, space)
        return ended == .freed ? .freed : fate
    }

    @inlinable @inline(never)
    public func bind(_ space: Int, device: Int, fails: Bool) -> BindOutcome {
        let place = core.spaces + space
        core.bindLock.lock()
        defer { core.bindLock.unlock() }
        let limit = core.configuration.limit(device)
        let pasid = Policy.acquire(core, space, limit: limit)
        if pasid == 0 { return .noPASID }
        let users = core.binds[space].ofDevice[device]
        let isBeyond = Int(pasid) > limit
        if isBeyond || (fails && users == 0) {
            Policy.bindFailed(core, space)
            if Variant.has(.freesOnFailedBind) { _ = core.freePASID(of: space) }
            return isBeyond ? .overflow : .failed
        }
        if users == 0 {
            // Relaxed: the address space is kept by its users, of which the caller is one.
            place.pointee.count.wrappingAdd(1, ordering: .relaxed)
            let life = place.pointee.life.load(ordering: .relaxed)  // as above
            core.entry(device, pasid).pointee.store(life, ordering: .relaxed)  // a number alone
        }
        core.binds[space].ofDevice[device] = users &+ 1
        core.binds[space].all &+= 1
        return .bound(PASID(unchecked: pasid))
    }

    @inlinable @inline(never)
    public func unbind(_ space: Int, device: Int) -> PASIDFate {
        core.bindLock.lock()
        let users = core.binds[space].ofDevice[device]
        if users == 0 {
            core.bindLock.unlock()
            return .unknown
        }
        core.binds[space].ofDevice[device] = users &- 1
        core.binds[space].all &-= 1
        if users == 1 {
            // Relaxed: what takes the PASID next does so after the free that follows.
            core.entry(device, core.pasid(space)).pointee.store(0, ordering: .relaxed)
        }
        var fate = Policy.unbound(core, space)
        if Variant.has(.freesWhileUsed) && core.binds[space].all == 0 {
            fate = core.freePASID(of: space)
        }
        core.bindLock.unlock()
        // The device's hold on the address space goes last: it may be the end of it.
        return users == 1 ? drop(space, fate) : fate
    }

    @inlinable @inline(never)
    public func firstUse(_ task: Int) -> FixUpOutcome {
        if core.register(task) != 0 { return .ready }
        let pasid = Policy.fixUp(core, Int(core.homes[task]))
        if pasid == 0 { return .noPASID }
        core.setRegister(task, pasid)
        return .fixed
    }

    @inlinable @inline(never)
    public func use(_ task: Int, device: Int) -> UseOutcome {
        let register = core.register(task)
        if register == 0 { return .generalProtection }
        // Relaxed, twice: numbers alone.
        let owner = core.entry(device, register).pointee.load(ordering: .relaxed)
        if owner == 0 { return .deviceFault }
        let space = Int(core.homes[task])
        let life = core.spaces[space].life.load(ordering: .relaxed)
        return owner == life ? .executed : .otherOwner
    }

    public func references(_ space: Int) -> Int { Policy.references(core, space) }

    public func census() -> PASIDCensus {
        let tally = core.allocator.tally.pointee
        let entries = (0..<core.configuration.devices << core.configuration.bits).count {
            core.entries[$0].load(ordering: .relaxed) != 0  // nothing else runs
        }
        return PASIDCensus(
            owned: tally.owned, entries: entries, doubleFrees: tally.doubleFrees)
    }
}
