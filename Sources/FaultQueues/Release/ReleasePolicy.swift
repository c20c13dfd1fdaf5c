/// What release does with the PASID's entry and the devices, and what is left for unbind.
///
/// Called with no lock held by the structure, by whoever makes the last put.
public protocol ReleasePolicy: Sendable {
    static var structure: String { get }
    static var provenance: Provenance { get }
    static var late: AccessOutcome { get }
    static var waitsForHandlers: Bool { get }

    /// Makes D1 true; false where it would wait for ever.
    static func release<Lock: LockPrimitive>(
        _ core: ReleaseCore<Lock>, _ index: Int, callerHoldsHandlers: Bool
    ) -> Bool
}

/// R0: release calls the driver, which stops the device and drains.
///
/// Lock nesting: the driver's lock, and below it whatever handlers take.
public enum DrainInRelease: ReleasePolicy {
    public static var structure: String { "drain-in-release" }
    public static var late: AccessOutcome { .stopped }
    public static var waitsForHandlers: Bool { true }
    public static var provenance: Provenance {
        Provenance(
            models: "\"mm/mmu_notifiers: pass private data down to alloc_notifier()\" v4 series, "
                + "2020: release calls the driver, which stops the queue and drains",
            keeps: "the driver's lock, stop, drain of what is queued, entry cleared last",
            departs: "the drain is of one queue in order; a device stops at once",
            omits: "dma_fence and what else a driver may wait for")
    }

    @inlinable
    public static func release<Lock: LockPrimitive>(
        _ core: ReleaseCore<Lock>, _ index: Int, callerHoldsHandlers: Bool
    ) -> Bool {
        core.driverLock.lock()
        core.stop(index)
        let isDrained = core.queue.drain(callerHoldsHandlers: callerHoldsHandlers)
        if isDrained {
            core.setEntry(index, .absent)
            core.invalidate(index)
        }
        core.driverLock.unlock()
        return isDrained
    }
}

/// R1: the entry points to a table that always faults, until the PASID is destroyed.
public enum DummyTable: ReleasePolicy {
    public static var structure: String { "dummy-table" }
    public static var late: AccessOutcome { .faulted }
    public static var waitsForHandlers: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "the counter-proposal in the same thread, 13 March 2020: a static dummy pgd "
                + "in release, not present only once the PASID is destroyed",
            keeps: "one store, one invalidation, no lock; late accesses take the normal fault path",
            departs: "an invalidation waits for each device's access under way",
            omits: "a page-table format")
    }

    @inlinable
    public static func release<Lock: LockPrimitive>(
        _ core: ReleaseCore<Lock>, _ index: Int, callerHoldsHandlers: Bool
    ) -> Bool {
        core.setEntry(index, .dummy)
        core.invalidate(index)
        return true
    }
}

/// R2: clears the entry and flushes every cache that may hold it.
public enum ClearAndFlush: ReleasePolicy {
    public static var structure: String { "clear-and-flush" }
    public static var late: AccessOutcome { .absent }
    public static var waitsForHandlers: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "intel_mm_release() of intel/svm.c: tear down the PASID entry in release",
            keeps: "entry cleared; PASID cache, IOTLB and device TLB flushed one after the other",
            departs: "an invalidation waits for each device's access under way",
            omits: "the list of devices under RCU; the fault log")
    }

    /// PASID cache, IOTLB, device TLB.
    @inlinable static var flushes: Int { 3 }

    @inlinable
    public static func release<Lock: LockPrimitive>(
        _ core: ReleaseCore<Lock>, _ index: Int, callerHoldsHandlers: Bool
    ) -> Bool {
        core.setEntry(index, .absent)
        for _ in 0..<flushes { core.invalidate(index) }
        return true
    }
}

/// R3: the context stays valid with its walks disabled; accesses are aborted without a word.
public enum QuietEntry: ReleasePolicy {
    public static var structure: String { "quiet" }
    public static var late: AccessOutcome { .aborted }
    public static var waitsForHandlers: Bool { false }
    public static var provenance: Provenance {
        Provenance(
            models: "arm_smmu_mm_release() of arm-smmu-v3-sva.c: the quiet context descriptor "
                + "(from memory of the source)",
            keeps: "context valid, walks disabled, TLB and ATC invalidated",
            departs: "an invalidation waits for each device's access under way",
            omits: "stalled transactions")
    }

    /// The TLB by ASID, the devices' ATC.
    @inlinable static var flushes: Int { 2 }

    @inlinable
    public static func release<Lock: LockPrimitive>(
        _ core: ReleaseCore<Lock>, _ index: Int, callerHoldsHandlers: Bool
    ) -> Bool {
        core.setEntry(index, .quiet)
        for _ in 0..<flushes { core.invalidate(index) }
        return true
    }
}
