import FaultQueues
import Harness

extension SchemeCatalogue {
    /// Some schemes of both subjects with room for a planted slowdown, under their own names: what
    /// the gate's self-test takes for a slower head.
    public static let planted = SchemeSet(
        rings: [
            RingScheme(DelayedRing<SPSCRing>.self),
            RingScheme(DelayedRing<MPSCRing>.self),
            RingScheme(DelayedRing<LockedRing<HeldLock<FutexLock>>>.self),
            RingScheme(DelayedRing<LockedRing<HeldLock<TicketLock>>>.self),
        ],
        reporting: [
            ReportingScheme(
                RCURefcountReporting<HeldLock<FutexLock>, PoolNodes>.self,
                checked: RCURefcountReporting<CheckedLock, CheckedNodes>.self),
            ReportingScheme(
                ShardedReporting<HeldLock<FutexLock>, PoolNodes>.self,
                checked: ShardedReporting<CheckedLock, CheckedNodes>.self),
        ])
}
