/// When a PASID is taken, kept and freed: what the schemes differ in.
///
/// `acquire`, `bindFailed` and `unbound` are called with the bind lock held; the others with none.
public protocol PASIDPolicy: Sendable {
    static var structure: String { get }
    static var provenance: Provenance { get }
    static var rule: PASIDRule { get }
    /// Whether tasks are listed, to push a PASID to them; then `joined` and `left` keep the list.
    static var listsTasks: Bool { get }

    /// The address space's PASID for one bind more; 0 where none is free.
    static func acquire<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, limit: Int
    ) -> UInt32
    /// The bind that acquired last came to nothing.
    static func bindFailed<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int)
    /// A bind is gone; `binds` says how many are left.
    static func unbound<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> PASIDFate
    /// The PASID for a task's register; 0 for none.
    static func fixUp<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> UInt32
    /// A task leaves that had this in its register.
    static func left<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, register: UInt32
    ) -> PASIDFate
    /// The address space has ended: no task, no bind.
    static func ended<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> PASIDFate
    static func references<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> Int
}

/// P0: the first bind takes a PASID and pushes it to the tasks, the last unbind clears and frees.
public enum PerBind: PASIDPolicy {
    public static var structure: String { "per-bind" }
    public static var rule: PASIDRule { .lastUnbind }
    @inlinable public static var listsTasks: Bool { true }
    public static var provenance: Provenance {
        Provenance(
            models: "\"x86/mmu: Allocate/free a PASID\", Fenghua Yu, 2020; v5.10",
            keeps: "allocated at the first bind, written to every task of the process, cleared "
                + "everywhere and freed at the last unbind; new tasks inherit",
            departs: "the push is a walk of the tasks under their lock, not an interrupt to each "
                + "CPU",
            omits: "tasks that do not run, and get their register when they do")
    }

    @inlinable
    public static func acquire<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, limit: Int
    ) -> UInt32 {
        let owned = core.pasid(space)
        if owned != 0 { return owned }
        let pasid = core.allocator.allocate(limit: limit)
        if pasid != 0 { push(core, space, pasid) }
        return pasid
    }

    /// Writes the PASID to the address space and to every task of it; 0 clears.
    @inlinable
    static func push<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, _ pasid: UInt32
    ) {
        core.tasksLock.lock()
        core.setPASID(space, pasid)
        var place = core.firstTasks[space]
        while place != 0 {
            core.setRegister(Int(place) &- 1, pasid)
            place = core.links[Int(place) &- 1].next
        }
        core.tasksLock.unlock()
    }

    @inlinable
    static func clear<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> PASIDFate {
        let pasid = core.pasid(space)
        if pasid == 0 || core.binds[space].all > 0 { return .kept }
        push(core, space, 0)
        core.allocator.free(pasid)
        return .freed
    }

    @inlinable
    public static func bindFailed<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) {
        _ = clear(core, space)
    }

    @inlinable
    public static func unbound<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { clear(core, space) }

    /// There is none: a clear register means that nothing is bound.
    @inlinable
    public static func fixUp<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> UInt32 {
        0
    }

    @inlinable
    public static func left<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, register: UInt32
    ) -> PASIDFate { .kept }

    @inlinable
    public static func ended<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { .kept }

    @inlinable
    public static func references<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> Int { core.binds[space].all }
}

/// P1: binds and first uses take references; the last one dropped frees.
///
/// The count goes 0 → 1 at a bind alone, with the bind lock held. Whoever brings it to 0 frees the
/// PASID that it read before: from then on a bind may give the address space another.
public enum LazyRefcount: PASIDPolicy {
    public static var structure: String { "lazy-refcount" }
    public static var rule: PASIDRule { .lastReference }
    @inlinable public static var listsTasks: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "\"docs: x86: Change documentation for SVA\", patch 8/8, Fenghua Yu, "
                + "20 September 2021; not merged",
            keeps: "one reference a bind, one a task that was fixed up, until its exit; freed "
                + "lazily by the last; fork and exec begin without",
            departs: "the count is in the address space, and taken without the allocator's lock",
            omits: "the saved register of a task that does not run")
    }

    @inlinable
    public static func acquire<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, limit: Int
    ) -> UInt32 {
        if tryGet(core, space) { return core.pasid(space) }
        let pasid = core.allocator.allocate(limit: limit)
        if pasid != 0 {
            core.setPASID(space, pasid)
            // ORDER pasid.references, release side. Pairs with the exchange in tryGet.
            // Keeps: the new PASID before the count that lets tasks read it.
            // If relaxed: a task's register can get the PASID that was freed.
            core.spaces[space].references.value.store(1, ordering: .releasing)
        }
        return pasid
    }

    @inlinable @inline(__always)
    static func tryGet<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> Bool {
        let references = core.spaces + space
        var seen = references.pointee.references.value.load(ordering: .relaxed)  // checked below
        while seen > 0 {
            let (exchanged, now) = references.pointee.references.value.compareExchange(
                expected: seen, desired: seen &+ 1,
                // ORDER pasid.references, acquire side. Pairs with the store in acquire.
                // Keeps: the PASID before the count that lets this thread read it.
                // If relaxed: a task's register can get the PASID that was freed.
                successOrdering: .acquiring, failureOrdering: .relaxed)
            if exchanged { return true }
            seen = now
        }
        return false
    }

    @inlinable @inline(__always)
    static func put<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, _ pasid: UInt32
    ) -> PASIDFate {
        // ORDER pasid.last-reference, both sides. The releases of all that put before, the acquire
        // of the one that puts last. Keeps: every use of the PASID before it is free.
        // If relaxed: the next owner's entry can be met by the last use of this one.
        let left = core.spaces[space].references.value.wrappingSubtract(
            1, ordering: .acquiringAndReleasing
        ).newValue
        if left != 0 { return .kept }
        core.allocator.free(pasid)
        return .freed
    }

    @inlinable
    public static func bindFailed<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) {
        _ = put(core, space, core.pasid(space))
    }

    @inlinable
    public static func unbound<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { put(core, space, core.pasid(space)) }

    @inlinable
    public static func fixUp<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> UInt32 {
        tryGet(core, space) ? core.pasid(space) : 0
    }

    @inlinable
    public static func left<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, register: UInt32
    ) -> PASIDFate { register == 0 ? .kept : put(core, space, register) }

    @inlinable
    public static func ended<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { .kept }

    @inlinable
    public static func references<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> Int {
        core.spaces[space].references.value.load(ordering: .relaxed)  // a figure
    }
}

/// P2: the first bind takes a PASID, the end of the address space frees it; nothing is counted.
public enum PerMM: PASIDPolicy {
    public static var structure: String { "per-mm" }
    public static var rule: PASIDRule { .spaceEnd }
    @inlinable public static var listsTasks: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "701fac40384f (\"iommu/sva: Assign a PASID to mm on PASID allocation and free "
                + "it on mm exit\"), v5.18, with its fix: freed when mm_count is zero",
            keeps: "a bind that fails frees nothing; unbind frees nothing; binds hold mm_count",
            departs: "the PASID is at most what the structure has, whichever device comes first",
            omits: "allocators of guests")
    }

    @inlinable
    public static func acquire<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, limit: Int
    ) -> UInt32 {
        let owned = core.pasid(space)
        if owned != 0 { return owned }
        let pasid = core.allocator.allocate(limit: 1 << core.configuration.bits &- 1)
        core.setPASID(space, pasid)
        return pasid
    }

    @inlinable
    public static func bindFailed<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) {}

    @inlinable
    public static func unbound<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { .kept }

    @inlinable
    public static func fixUp<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> UInt32 {
        core.pasid(space)
    }

    @inlinable
    public static func left<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, register: UInt32
    ) -> PASIDFate { .kept }

    @inlinable
    public static func ended<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { core.freePASID(of: space) }

    @inlinable
    public static func references<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> Int { core.pasid(space) == 0 ? 0 : 1 }
}

/// P3: as P2, from one global allocator within what the first device can carry.
public enum GlobalIDA: PASIDPolicy {
    public static var structure: String { "global-ida" }
    public static var rule: PASIDRule { .spaceEnd }
    @inlinable public static var listsTasks: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "iommu-sva.c of v6.6 and later: iommu_alloc_global_pasid(), freed by "
                + "mm_pasid_drop()",
            keeps: "PASIDs from 1 to what the first device carries; -EOVERFLOW where a second one "
                + "carries less, -ENOSPC where none is free",
            departs: "no iommu_mm_data is allocated",
            omits: "the reservation of a PASID by a driver")
    }

    @inlinable
    public static func acquire<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, limit: Int
    ) -> UInt32 {
        let owned = core.pasid(space)
        if owned != 0 { return owned }
        let pasid = core.allocator.allocate(limit: limit)
        core.setPASID(space, pasid)
        return pasid
    }

    @inlinable
    public static func bindFailed<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) {}

    @inlinable
    public static func unbound<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { .kept }

    @inlinable
    public static func fixUp<Lock: LockPrimitive>(_ core: PASIDCore<Lock>, _ space: Int) -> UInt32 {
        core.pasid(space)
    }

    @inlinable
    public static func left<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int, register: UInt32
    ) -> PASIDFate { .kept }

    @inlinable
    public static func ended<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> PASIDFate { core.freePASID(of: space) }

    @inlinable
    public static func references<Lock: LockPrimitive>(
        _ core: PASIDCore<Lock>, _ space: Int
    ) -> Int { core.pasid(space) == 0 ? 0 : 1 }
}
