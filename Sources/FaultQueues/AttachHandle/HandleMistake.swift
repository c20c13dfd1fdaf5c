/// What a broken twin of an attach-handle scheme does wrong.
public enum HandleMistake: Sendable {
    /// Takes no reference: fetches the handle, drops the lock, then reads its type.
    case checksAfterUnlock
    /// Publishes the handle and fills it in afterwards.
    case publishesFirst
    /// Fills in the device after publication.
    case setsDeviceLate
    /// Ends the handle at detach, though users have it.
    case endsAtDetach
    /// A put that does not give the reference back.
    case losesReference
}

/// Fixed when a scheme is compiled: sound, or with one mistake. In a sound scheme the comparisons
/// fold and nothing is left of it.
public protocol HandleVariant: Sendable {
    /// Name of the twin; nil for the sound scheme.
    static var twin: String? { get }
    static var mistake: HandleMistake? { get }
}

extension HandleVariant {
    @inlinable @inline(__always)
    static func has(_ mistake: HandleMistake) -> Bool { Self.mistake == mistake }

    /// In the window that a mistake opens, lets others run, so that one CPU is enough to meet it.
    @inlinable @inline(__always)
    static func window(_ mistake: HandleMistake) {
        if has(mistake) { SpinWait.yieldProcessor() }
    }
}

/// The scheme as it should be.
public enum SoundHandles: HandleVariant {
    @inlinable public static var twin: String? { nil }
    @inlinable public static var mistake: HandleMistake? { nil }
}

/// The proposal that the debate of April 2024 stops at: look up, unlock, then compare the type.
public enum ChecksAfterUnlock: HandleVariant {
    @inlinable public static var twin: String? { "check-after-unlock" }
    @inlinable public static var mistake: HandleMistake? { .checksAfterUnlock }
}

/// Attach first and fill in after.
public enum PublishesFirst: HandleVariant {
    @inlinable public static var twin: String? { "half-built" }
    @inlinable public static var mistake: HandleMistake? { .publishesFirst }
}

/// The device is set after the lock was dropped.
public enum SetsDeviceLate: HandleVariant {
    @inlinable public static var twin: String? { "late-device" }
    @inlinable public static var mistake: HandleMistake? { .setsDeviceLate }
}

/// Detach frees what users still have.
public enum EndsAtDetach: HandleVariant {
    @inlinable public static var twin: String? { "no-drain" }
    @inlinable public static var mistake: HandleMistake? { .endsAtDetach }
}

/// A reference is lost when the type is another.
public enum LosesReference: HandleVariant {
    @inlinable public static var twin: String? { "lost-reference" }
    @inlinable public static var mistake: HandleMistake? { .losesReference }
}
