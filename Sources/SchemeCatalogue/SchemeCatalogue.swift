import FaultQueues
import Harness

/// Every scheme, one line each, in the order of tables and lists.
public enum SchemeCatalogue {
    /// The ring subject.
    public static let rings: [RingScheme] = [
        RingScheme(SPSCRing.self),
        RingScheme(SPSCControlRing.self),
        RingScheme(MPSCRing.self),
        RingScheme(MPMCRing.self),
        RingScheme(LockedRing<PthreadLock>.self),
        RingScheme(LockedRing<PthreadAdaptiveLock>.self),
        RingScheme(LockedRing<SwiftMutexLock>.self),
        RingScheme(LockedRing<FutexLock>.self),
        RingScheme(LockedRing<TTASLock>.self),
        RingScheme(LockedRing<TicketLock>.self),
        RingScheme(LockedRing<MCSLock>.self),
    ]

    /// The reporting subject. Structures with locks come with every kind; nodes from a pool, and
    /// for one structure from the allocators, to show what they cost.
    public static let reporting: [ReportingScheme] =
        withLocks(FutexLock.self) + withLocks(PthreadLock.self)
        + withLocks(PthreadAdaptiveLock.self) + withLocks(SwiftMutexLock.self)
        + withLocks(TTASLock.self) + withLocks(TicketLock.self) + withLocks(MCSLock.self) + [
            ReportingScheme(
                RCURefcountReporting<FutexLock, JemallocNodes>.self,
                checked: RCURefcountReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                RCURefcountReporting<FutexLock, GlibcNodes>.self,
                checked: RCURefcountReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                SlotTableReporting<PoolNodes>.self,
                checked: SlotTableReporting<CheckedNodes>.self),
            ReportingScheme(
                SingleOwnerReporting<PoolNodes>.self,
                checked: SingleOwnerReporting<CheckedNodes>.self),
        ]

    /// Inlined, so that every scheme is specialised for its lock.
    @inline(__always)
    private static func withLocks<Lock: LockPrimitive>(_: Lock.Type) -> [ReportingScheme] {
        [
            ReportingScheme(
                DeviceLockReporting<Lock, PoolNodes>.self,
                checked: DeviceLockReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                DomainHandlerReporting<Lock, PoolNodes>.self,
                checked: DomainHandlerReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                ConsolidatedReporting<Lock, PoolNodes>.self,
                checked: ConsolidatedReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                ConsolidatedFlushReporting<Lock, PoolNodes>.self,
                checked: ConsolidatedFlushReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                RCURefcountReporting<Lock, PoolNodes>.self,
                checked: RCURefcountReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                ShardedReporting<Lock, PoolNodes>.self,
                checked: ShardedReporting<CheckedLock, CheckedNodes>.self),
        ]
    }

    /// Every subject.
    public static let all = SchemeSet(
        rings: rings, reporting: reporting, pasid: pasid, attachHandle: attachHandle,
        release: release)

    /// Every scheme as `fqbench verify` checks it.
    public static var verified: [VerifySubject] {
        rings.map(\.verified) + reporting.map(\.verified) + verifiedLifetimes + verifiedPairs
    }
}
