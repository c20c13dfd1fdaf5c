import FaultQueues
import Harness

// The subjects about lifetimes: the locks here are held for a few instructions, so two kinds of
// lock show what a kind can change, the nearest to the kernel's and one that never parks.
extension SchemeCatalogue {
    /// The PASID subject.
    public static let pasid: [PASIDScheme] = owners(FutexLock.self) + owners(TTASLock.self)

    /// Inlined, so that every scheme is specialised for its lock.
    @inline(__always)
    private static func owners<Lock: LockPrimitive>(_: Lock.Type) -> [PASIDScheme] {
        [
            PASIDScheme(PASIDOwnership<Lock, PerBind, SoundPASID>.self),
            PASIDScheme(PASIDOwnership<Lock, LazyRefcount, SoundPASID>.self),
            PASIDScheme(PASIDOwnership<Lock, PerMM, SoundPASID>.self),
            PASIDScheme(PASIDOwnership<Lock, GlobalIDA, SoundPASID>.self),
        ]
    }

    /// The attach-handle subject.
    public static let attachHandle: [HandleScheme] =
        handles(FutexLock.self) + handles(TTASLock.self) + [
            HandleScheme(ReaderSlotHandles<SoundHandles>.self)
        ]

    /// Inlined, so that every scheme is specialised for its lock.
    @inline(__always)
    private static func handles<Lock: LockPrimitive>(_: Lock.Type) -> [HandleScheme] {
        [
            HandleScheme(MutexRefcountHandles<Lock, SoundHandles>.self),
            HandleScheme(TypedUnderLockHandles<Lock, SoundHandles>.self),
            HandleScheme(RCURefcountHandles<Lock, SoundHandles>.self),
            HandleScheme(RCUSectionHandles<Lock, SoundHandles>.self),
        ]
    }

    /// The release subject.
    public static let release: [ReleaseScheme] =
        releases(FutexLock.self) + releases(TTASLock.self)

    /// Inlined, so that every scheme is specialised for its lock.
    @inline(__always)
    private static func releases<Lock: LockPrimitive>(_: Lock.Type) -> [ReleaseScheme] {
        [
            ReleaseScheme(SpaceRelease<Lock, DrainInRelease, SoundRelease>.self),
            ReleaseScheme(SpaceRelease<Lock, DummyTable, SoundRelease>.self),
            ReleaseScheme(SpaceRelease<Lock, ClearAndFlush, SoundRelease>.self),
            ReleaseScheme(SpaceRelease<Lock, QuietEntry, SoundRelease>.self),
        ]
    }

    /// Broken twins of the subjects about lifetimes: each must fail some check.
    public static let lifetimeTwins = SchemeSet(
        rings: [], reporting: [],
        pasid: [
            PASIDScheme(PASIDOwnership<FutexLock, PerMM, FreesOnFailedBind>.self),
            PASIDScheme(PASIDOwnership<FutexLock, LazyRefcount, FreesWhileUsed>.self),
            PASIDScheme(PASIDOwnership<FutexLock, PerMM, EndsWithUsers>.self),
            PASIDScheme(PASIDOwnership<FutexLock, LazyRefcount, DropsTooMuch>.self),
            PASIDScheme(PASIDOwnership<FutexLock, GlobalIDA, ForkInherits>.self),
            PASIDScheme(PASIDOwnership<FutexLock, LazyRefcount, ExecLeaks>.self),
        ],
        attachHandle: [
            HandleScheme(MutexRefcountHandles<FutexLock, ChecksAfterUnlock>.self),
            HandleScheme(MutexRefcountHandles<FutexLock, LosesReference>.self),
            HandleScheme(RCURefcountHandles<FutexLock, PublishesFirst>.self),
            HandleScheme(TypedUnderLockHandles<FutexLock, SetsDeviceLate>.self),
            HandleScheme(ReaderSlotHandles<EndsAtDetach>.self),
        ],
        release: [
            ReleaseScheme(SpaceRelease<FutexLock, DrainInRelease, HoldsHandlersLock>.self),
            ReleaseScheme(SpaceRelease<FutexLock, DummyTable, SkipsInvalidation>.self),
            ReleaseScheme(SpaceRelease<FutexLock, DummyTable, UnbindsWithoutDrain>.self),
            ReleaseScheme(SpaceRelease<FutexLock, QuietEntry, LeavesEntry>.self),
        ])
}
