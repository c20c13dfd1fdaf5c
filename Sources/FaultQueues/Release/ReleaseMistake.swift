/// What a broken twin of a release scheme does wrong.
public enum ReleaseMistake: Sendable {
    /// The last put is made with a lock held that handlers need.
    case holdsHandlersLock
    /// The entry is changed, and accesses under way are not waited for.
    case skipsInvalidation
    /// Unbind frees the PASID with its page requests still queued.
    case unbindsWithoutDrain
    /// Unbind forgets the entry.
    case leavesEntry
}

/// Fixed when a scheme is compiled: sound, or with one mistake.
public protocol ReleaseVariant: Sendable {
    /// Name of the twin; nil for the sound scheme.
    static var twin: String? { get }
    static var mistake: ReleaseMistake? { get }
}

extension ReleaseVariant {
    @inlinable @inline(__always)
    static func has(_ mistake: ReleaseMistake) -> Bool { Self.mistake == mistake }

    /// In the window that a mistake opens, lets others run, so that one CPU is enough to meet it.
    @inlinable @inline(__always)
    static func window(_ mistake: ReleaseMistake) {
        if has(mistake) { SpinWait.yieldProcessor() }
    }
}

/// The scheme as it should be.
public enum SoundRelease: ReleaseVariant {
    @inlinable public static var twin: String? { nil }
    @inlinable public static var mistake: ReleaseMistake? { nil }
}

/// Deadlocks where release drains.
public enum HoldsHandlersLock: ReleaseVariant {
    @inlinable public static var twin: String? { "release-holding-lock" }
    @inlinable public static var mistake: ReleaseMistake? { .holdsHandlersLock }
}

/// A device walks page tables that are free.
public enum SkipsInvalidation: ReleaseVariant {
    @inlinable public static var twin: String? { "no-invalidation" }
    @inlinable public static var mistake: ReleaseMistake? { .skipsInvalidation }
}

/// Faults of the old owner of a PASID reach the new one.
public enum UnbindsWithoutDrain: ReleaseVariant {
    @inlinable public static var twin: String? { "unbind-without-drain" }
    @inlinable public static var mistake: ReleaseMistake? { .unbindsWithoutDrain }
}

/// The entry outlives its PASID.
public enum LeavesEntry: ReleaseVariant {
    @inlinable public static var twin: String? { "entry-left" }
    @inlinable public static var mistake: ReleaseMistake? { .leavesEntry }
}
