/// What a broken twin of a PASID scheme does wrong.
public enum PASIDMistake: Sendable {
    /// A bind that fails frees the PASID, whoever uses it.
    case freesOnFailedBind
    /// The last unbind frees the PASID, though tasks' registers hold it.
    case freesWhileUsed
    /// The PASID ends with the last task, though devices have entries for it.
    case endsWithUsers
    /// A task's exit drops a reference that the task never took.
    case dropsTooMuch
    /// Fork copies the parent's register.
    case forkInherits
    /// Exec leaves the old address space without dropping the task's reference.
    case execLeaks
}

/// Fixed when a scheme is compiled: sound, or with one mistake.
public protocol PASIDVariant: Sendable {
    /// Name of the twin; nil for the sound scheme.
    static var twin: String? { get }
    static var mistake: PASIDMistake? { get }
}

extension PASIDVariant {
    @inlinable @inline(__always)
    static func has(_ mistake: PASIDMistake) -> Bool { Self.mistake == mistake }
}

/// The scheme as it should be.
public enum SoundPASID: PASIDVariant {
    @inlinable public static var twin: String? { nil }
    @inlinable public static var mistake: PASIDMistake? { nil }
}

/// What the reviewers of v4 asked for and its author refused.
public enum FreesOnFailedBind: PASIDVariant {
    @inlinable public static var twin: String? { "free-on-failed-bind" }
    @inlinable public static var mistake: PASIDMistake? { .freesOnFailedBind }
}

/// Freed at unbind with registers still filled.
public enum FreesWhileUsed: PASIDVariant {
    @inlinable public static var twin: String? { "free-while-used" }
    @inlinable public static var mistake: PASIDMistake? { .freesWhileUsed }
}

/// The first form of 5.18: freed when `mm_users` is zero. Drivers unbind when files are closed,
/// which comes after.
public enum EndsWithUsers: PASIDVariant {
    @inlinable public static var twin: String? { "per-mm-users" }
    @inlinable public static var mistake: PASIDMistake? { .endsWithUsers }
}

/// A reference too few, and then a PASID freed twice.
public enum DropsTooMuch: PASIDVariant {
    @inlinable public static var twin: String? { "double-free" }
    @inlinable public static var mistake: PASIDMistake? { .dropsTooMuch }
}

/// A child that begins with its parent's PASID.
public enum ForkInherits: PASIDVariant {
    @inlinable public static var twin: String? { "fork-inherits" }
    @inlinable public static var mistake: PASIDMistake? { .forkInherits }
}

/// A PASID that is never freed.
public enum ExecLeaks: PASIDVariant {
    @inlinable public static var twin: String? { "exec-leaks" }
    @inlinable public static var mistake: PASIDMistake? { .execLeaks }
}
