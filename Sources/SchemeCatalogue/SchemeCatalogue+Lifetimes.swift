import FaultQueues
import Harness

// The subjects about lifetimes: the locks here are held for a few instructions, so two kinds of
// lock show what a kind can change, the nearest to the kernel's and one that never parks.
extension SchemeCatalogue {
    /// The PASID subject.
    public static let pasid: [PASIDScheme] = owners(FutexLock.self) + owners(TTASLock.self)

    // All of these are inlined, so that every scheme is specialised for its lock.

    @inline(__always)
    private static func owners<Lock: LockPrimitive>(_ lock: Lock.Type) -> [PASIDScheme] {
        [
            owner(lock, PerBind.self, SoundPASID.self),
            owner(lock, LazyRefcount.self, SoundPASID.self),
            owner(lock, PerMM.self, SoundPASID.self),
            owner(lock, GlobalIDA.self, SoundPASID.self),
        ]
    }

    @inline(__always)
    private static func owner<Lock: LockPrimitive, Policy: PASIDPolicy, Variant: PASIDVariant>(
        _: Lock.Type, _: Policy.Type, _: Variant.Type
    ) -> PASIDScheme {
        PASIDScheme(
            PASIDOwnership<Lock, Policy, Variant>.self,
            checked: PASIDOwnership<CheckedLock, Policy, Variant>.self)
    }

    /// The attach-handle subject.
    public static let attachHandle: [HandleScheme] =
        handles(FutexLock.self) + handles(TTASLock.self) + [
            HandleScheme(
                ReaderSlotHandles<SoundHandles>.self,
                checked: ReaderSlotHandles<SoundHandles>.self)
        ]

    @inline(__always)
    private static func handles<Lock: LockPrimitive>(_: Lock.Type) -> [HandleScheme] {
        [
            HandleScheme(
                MutexRefcountHandles<Lock, SoundHandles>.self,
                checked: MutexRefcountHandles<CheckedLock, SoundHandles>.self),
            HandleScheme(
                TypedUnderLockHandles<Lock, SoundHandles>.self,
                checked: TypedUnderLockHandles<CheckedLock, SoundHandles>.self),
            HandleScheme(
                RCURefcountHandles<Lock, SoundHandles>.self,
                checked: RCURefcountHandles<CheckedLock, SoundHandles>.self),
            HandleScheme(
                RCUSectionHandles<Lock, SoundHandles>.self,
                checked: RCUSectionHandles<CheckedLock, SoundHandles>.self),
        ]
    }

    /// The release subject.
    public static let release: [ReleaseScheme] =
        releases(FutexLock.self) + releases(TTASLock.self)

    @inline(__always)
    private static func releases<Lock: LockPrimitive>(_ lock: Lock.Type) -> [ReleaseScheme] {
        [
            releaser(lock, DrainInRelease.self, SoundRelease.self),
            releaser(lock, DummyTable.self, SoundRelease.self),
            releaser(lock, ClearAndFlush.self, SoundRelease.self),
            releaser(lock, QuietEntry.self, SoundRelease.self),
        ]
    }

    @inline(__always)
    private static func releaser<
        Lock: LockPrimitive, Policy: ReleasePolicy, Variant: ReleaseVariant
    >(_: Lock.Type, _: Policy.Type, _: Variant.Type) -> ReleaseScheme {
        ReleaseScheme(
            SpaceRelease<Lock, Policy, Variant>.self,
            checked: SpaceRelease<CheckedLock, Policy, Variant>.self)
    }

    /// Broken twins of the subjects about lifetimes: each must fail some check.
    public static let lifetimeTwins = SchemeSet(
        rings: [], reporting: [],
        pasid: [
            owner(FutexLock.self, PerMM.self, FreesOnFailedBind.self),
            owner(FutexLock.self, LazyRefcount.self, FreesWhileUsed.self),
            owner(FutexLock.self, PerMM.self, EndsWithUsers.self),
            owner(FutexLock.self, LazyRefcount.self, DropsTooMuch.self),
            owner(FutexLock.self, GlobalIDA.self, ForkInherits.self),
            owner(FutexLock.self, LazyRefcount.self, ExecLeaks.self),
        ],
        attachHandle: [
            HandleScheme(
                MutexRefcountHandles<FutexLock, ChecksAfterUnlock>.self,
                checked: MutexRefcountHandles<CheckedLock, ChecksAfterUnlock>.self),
            HandleScheme(
                MutexRefcountHandles<FutexLock, LosesReference>.self,
                checked: MutexRefcountHandles<CheckedLock, LosesReference>.self),
            HandleScheme(
                RCURefcountHandles<FutexLock, PublishesFirst>.self,
                checked: RCURefcountHandles<CheckedLock, PublishesFirst>.self),
            HandleScheme(
                TypedUnderLockHandles<FutexLock, SetsDeviceLate>.self,
                checked: TypedUnderLockHandles<CheckedLock, SetsDeviceLate>.self),
            HandleScheme(
                ReaderSlotHandles<EndsAtDetach>.self,
                checked: ReaderSlotHandles<EndsAtDetach>.self),
        ],
        release: [
            releaser(FutexLock.self, DrainInRelease.self, HoldsHandlersLock.self),
            releaser(FutexLock.self, DummyTable.self, SkipsInvalidation.self),
            releaser(FutexLock.self, DummyTable.self, UnbindsWithoutDrain.self),
            releaser(FutexLock.self, QuietEntry.self, LeavesEntry.self),
        ])
}
