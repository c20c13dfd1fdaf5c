import FaultModel

/// What became of an attach.
public enum AttachOutcome: UInt8, Sendable, BitwiseCopyable {
    case attached
    /// The place has a handle already.
    case taken
    /// As many handles are out as the structure was made for.
    case noRoom
}

/// What became of a detach.
public enum DetachOutcome: UInt8, Sendable, BitwiseCopyable {
    case detached
    /// The place has no handle.
    case unknown
}

/// What a lookup found.
public enum HandleLookup: BitwiseCopyable {
    /// A handle of the wanted type, the caller's to use until it puts it.
    case found(UnsafeMutablePointer<AttachHandle>)
    /// Nothing is attached there (`-ENOENT`).
    case none
    /// A handle of another type is (`-EBUSY`).
    case otherType
}

/// Where a handle is attached: a group of devices, by its number, and a PASID.
public struct HandlePlace: Hashable, Sendable, BitwiseCopyable {
    /// 0 ..< the configuration's groups.
    public let group: Int
    public let pasid: PASID

    @inlinable
    public init(group: Int, pasid: PASID) {
        self.group = group
        self.pasid = pasid
    }
}

/// Shape of an attach-handle structure.
public struct HandleConfiguration: Sendable, BitwiseCopyable {
    /// Groups of devices, 1…4096.
    public let groups: Int
    /// PASIDs of each: 0 up to this, 1…2²⁰.
    public let pasids: Int
    /// Handles that may be attached or still in use at the same time, 1…2²⁰.
    public let maximumHandles: Int
    /// Users' endpoints over the structure's life, 1…4096.
    public let maximumUsers: Int

    /// - Precondition: the ranges given with each property, and at most 2²⁴ places.
    public init(groups: Int, pasids: Int, maximumHandles: Int, maximumUsers: Int) {
        precondition((1...4096).contains(groups), "a structure has 1…4096 groups")
        precondition((1...1 << 20).contains(pasids), "a group has 1…2²⁰ PASIDs")
        precondition(groups * pasids <= 1 << 24, "a structure has at most 2²⁴ places")
        precondition((1...1 << 20).contains(maximumHandles), "1…2²⁰ handles")
        precondition((1...4096).contains(maximumUsers), "1…4096 users")
        self.groups = groups
        self.pasids = pasids
        self.maximumHandles = maximumHandles
        self.maximumUsers = maximumUsers
    }
}

/// What is in a structure that nobody is using.
public struct HandleCensus: Equatable, Sendable {
    /// Places with a handle.
    public var attached = 0
    /// Handles whose memory is out; above `attached` something leaked.
    public var handlesOut = 0
    /// Handles that were freed though they were free.
    public var doubleFrees = 0

    public init(attached: Int = 0, handlesOut: Int = 0, doubleFrees: Int = 0) {
        self.attached = attached
        self.handlesOut = handlesOut
        self.doubleFrees = doubleFrees
    }
}

/// Finds the handle that a domain was attached with, by group of devices and PASID, while other
/// threads attach and detach.
///
/// Guarantees, for every sound scheme:
///
/// A1. A handle that `get` returns was complete before it could be found: every field is set.
/// A2. `get` finds a handle of the wanted type, or says that there is none, or that the one there
///     has another type; each is true at some moment of the call.
/// A3. The type is read from memory that is the handle's until it has been read.
/// A4. From `get` to the `put` of the same user, the handle's memory is not used for another.
/// A5. When `detach` has returned, no later `get` returns that handle. Where the scheme drains, no
///     user has it any more either, and its memory is free.
/// A6. Two `get`s of one place between an attach and its detach return the same handle.
/// A7. What is attached to a place stays until a `detach` of that place; a second `attach` changes
///     nothing.
///
/// Overlap: every operation with every other, with these duties of the caller. An endpoint is used
/// by one thread at a time, has at most one handle at a time, and is returned with none. Whoever
/// has a handle calls neither `attach` nor `detach`. The structure outlives its endpoints.
public protocol AttachHandling: AnyObject, Sendable {
    associatedtype User: HandleUser

    /// Name on the command line: `mutex-refcount`, `reader-slots`, …
    static var structure: String { get }
    static var lockKind: LockKind? { get }
    static var provenance: Provenance { get }
    /// Whether `detach` returns only when no user has the handle any more.
    static var drains: Bool { get }

    /// Allocates and touches the memory: call it on the thread that shall own it.
    init(_ configuration: HandleConfiguration)

    /// Any thread, one at a time.
    func makeUser() -> User
    /// The endpoint is not used again.
    func retire(_ user: User)

    /// - Parameter domain: Any number that its owner knows the domain by, not 0.
    func attach(_ place: HandlePlace, _ type: HandleType, domain: UInt64) -> AttachOutcome
    /// May wait for users of the handle.
    func detach(_ place: HandlePlace) -> DetachOutcome

    /// Only while no other operation runs.
    func census() -> HandleCensus
}

/// One user's end: a fault handler, or a bind that looks for an existing bond.
public protocol HandleUser: BitwiseCopyable {
    mutating func get(_ place: HandlePlace, _ type: HandleType) -> HandleLookup
    /// Gives back what this endpoint got last.
    mutating func put(_ handle: UnsafeMutablePointer<AttachHandle>)
}
