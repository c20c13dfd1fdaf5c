@testable import FaultQueues

/// Every scheme of the ring subject.
let allRings: [any PageRequestRing.Type] = [
    SPSCRing.self, SPSCControlRing.self, MPSCRing.self, MPMCRing.self,
    LockedRing<PthreadLock>.self, LockedRing<PthreadAdaptiveLock>.self,
    LockedRing<SwiftMutexLock>.self, LockedRing<FutexLock>.self, LockedRing<TTASLock>.self,
    LockedRing<TicketLock>.self, LockedRing<MCSLock>.self,
]

/// One of each structure.
let oneRingOfEachStructure: [any PageRequestRing.Type] = [
    SPSCRing.self, SPSCControlRing.self, MPSCRing.self, MPMCRing.self, LockedRing<TTASLock>.self,
]

/// The rings on which several consumers may drain.
let ringsOfManyConsumers = allRings.filter { $0.limits.consumers > 1 }
