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

    /// The reporting subject.
    public static let reporting: [ReportingScheme] = [
        ReportingScheme(DeviceLockReporting<FutexLock, PoolNodes>.self),
        ReportingScheme(DomainHandlerReporting<FutexLock, PoolNodes>.self),
        ReportingScheme(ConsolidatedReporting<FutexLock, PoolNodes>.self),
        ReportingScheme(ConsolidatedFlushReporting<FutexLock, PoolNodes>.self),
        ReportingScheme(RCURefcountReporting<FutexLock, PoolNodes>.self),
        ReportingScheme(ShardedReporting<FutexLock, PoolNodes>.self),
        ReportingScheme(SlotTableReporting<PoolNodes>.self),
        ReportingScheme(SingleOwnerReporting<PoolNodes>.self),
    ]

    /// Every subject.
    public static let all = SchemeSet(rings: rings, reporting: reporting)
}
