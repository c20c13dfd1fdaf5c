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
    public static let reporting: [ReportingScheme] = []

    /// Every subject.
    public static let all = SchemeSet(rings: rings, reporting: reporting)
}
