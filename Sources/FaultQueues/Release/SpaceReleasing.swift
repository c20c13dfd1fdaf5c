import FaultModel

/// What became of one access by a device.
public enum AccessOutcome: UInt8, Sendable, BitwiseCopyable {
    /// The page tables were walked and led somewhere.
    case translated
    /// The page was not there: a page request is queued.
    case faulted
    /// The same, but the queue is full; the device tries again.
    case full
    /// No entry for the PASID: an error that nobody can recover from, logged by the hardware.
    case absent
    /// The entry is quiet: aborted, and nothing said.
    case aborted
    /// The device has been told to stop working for this address space.
    case stopped
    /// The page tables that were walked had been freed. Never, in a sound scheme.
    case freedTable
}

/// What became of a group of page requests taken by a worker.
public enum LateFaultOutcome: UInt8, Sendable, BitwiseCopyable {
    /// Answered with success: the page is there now.
    case success
    /// The address space is dead: answered `.invalid`.
    case invalid
    /// The PASID belongs to another address space by now. Never, in a sound scheme.
    case stale
    /// The page tables had been freed under the handler. Never, in a sound scheme.
    case freedTable
}

/// What the last put of an address space came to.
public enum ExitOutcome: UInt8, Sendable, BitwiseCopyable {
    /// The caller's was the last reference: it has been through release.
    case released
    /// A handler still has a reference; its put will be the last.
    case handedOver
    /// Release waits for a handler that waits for a lock which the caller holds.
    case deadlocked
}

/// An address space bound under a PASID: valid from `bind` to `unbind`.
public struct SpaceKey: Hashable, Sendable, BitwiseCopyable {
    /// The PASID less one, which is also where the structure keeps the space.
    @usableFromInline let index: Int
    /// Which bind of the structure's life this is, from 1.
    @usableFromInline let life: UInt64

    @inlinable
    init(index: Int, life: UInt64) {
        self.index = index
        self.life = life
    }

    public var pasid: PASID { PASID(index + 1)! }

    /// In one word, so that threads can tell each other; 0 is no key.
    @inlinable public var word: UInt64 { life << 16 | UInt64(index) }

    @inlinable
    public init(word: UInt64) {
        index = Int(word & 0xFFFF)
        life = word >> 16
    }
}

/// Shape of a release structure, and what its parts cost.
public struct ReleaseConfiguration: Sendable, BitwiseCopyable {
    /// Address spaces bound at the same time, 1…4096.
    public let spaces: Int
    /// Endpoints of each side over the structure's life, 1…256.
    public let endpoints: Int
    /// Page requests that the queue holds, a power of two, 2…2²⁰.
    public let queueCapacity: Int
    /// Passes of an empty loop that one synchronous invalidation takes.
    public let invalidationPasses: Int
    /// Passes that a handler works on a page request.
    public let servicePasses: Int

    /// - Precondition: the ranges given with each property.
    public init(
        spaces: Int, endpoints: Int, queueCapacity: Int, invalidationPasses: Int,
        servicePasses: Int
    ) {
        precondition((1...4096).contains(spaces), "a structure binds 1…4096 address spaces")
        precondition((1...256).contains(endpoints), "a structure has 1…256 endpoints a side")
        precondition(
            (2...1 << 20).contains(queueCapacity) && queueCapacity & (queueCapacity - 1) == 0,
            "a queue holds a power of two of requests, 2…2²⁰")
        precondition(invalidationPasses >= 0 && servicePasses >= 0, "no work is negative")
        self.spaces = spaces
        self.endpoints = endpoints
        self.queueCapacity = queueCapacity
        self.invalidationPasses = invalidationPasses
        self.servicePasses = servicePasses
    }
}

/// What is in a structure that nobody is using.
public struct ReleaseCensus: Equatable, Sendable {
    /// Address spaces still bound.
    public var bound = 0
    /// PASIDs with an entry.
    public var entries = 0
    /// Page requests not taken.
    public var queued = 0

    public init(bound: Int = 0, entries: Int = 0, queued: Int = 0) {
        self.bound = bound
        self.entries = entries
        self.queued = queued
    }
}

/// What happens to a device's access when an address space dies.
///
/// An address space is `Live` from bind; its last user's put makes it `Releasing` and, when release
/// returns, `Dead`: its page tables are freed, the PASID's entry is what the scheme has left there.
/// `unbind`, by the driver when the file is closed, makes it `Detached`, and the PASID is free.
///
///     bind → Live ─last put→ Releasing ─→ Dead ─unbind: stop, drain, clear→ PASID free
///
/// Guarantees, for every sound scheme:
///
/// D1. When release has returned, no device reads the page tables and none will.
/// D2. An access between release and unbind comes out as `late` says, or as `.full`.
/// D3. Every page request is answered, with success only while the address space lives.
/// D4. When `unbind` has returned, no page request of that address space is queued or handled, and
///     the devices have stopped: the PASID may be given to another at once.
/// D5. Other address spaces notice nothing, except that they may wait.
/// D6. Where `waitsForHandlers` is false, release waits for no handler and takes no lock that one
///     may hold, so the last put may be made by anybody, with any lock held.
///
/// Overlap: every operation with every other, with these duties of the caller. Of one address space
/// `exit` is called once, then `unbind` once. Each endpoint is used by one thread at a time. Where
/// release waits for handlers, workers go on working.
public protocol SpaceReleasing: AnyObject, Sendable {
    associatedtype Device: ReleaseDevice
    associatedtype Worker: ReleaseWorker

    /// Name on the command line: `drain-in-release`, `dummy-table`, …
    static var structure: String { get }
    static var lockKind: LockKind? { get }
    static var provenance: Provenance { get }
    /// What an access of a dead address space comes to.
    static var late: AccessOutcome { get }
    static var waitsForHandlers: Bool { get }

    /// Allocates and touches the memory: call it on the thread that shall own it.
    init(_ configuration: ReleaseConfiguration)

    /// Endpoints come from any thread, one at a time.
    func makeDevice() -> Device
    func makeWorker() -> Worker

    /// A new address space under the PASID freed last; nil where all are in use.
    func bind() -> SpaceKey?
    /// The caller gives up its reference, and goes through release where it was the last.
    func exit(_ space: SpaceKey) -> ExitOutcome
    /// The driver lets go. Blocks until D4 holds; needs workers that go on working.
    func unbind(_ space: SpaceKey)

    /// The same for a caller that gives PASIDs out itself, and then calls these two and not those
    /// above. Nil where an address space is still bound under the PASID.
    func bind(under pasid: PASID) -> SpaceKey?
    /// `unbind` but for the PASID, which stays the caller's to give out.
    func letGo(_ space: SpaceKey)

    /// A lock that handlers take for a moment, for a caller of `exit` that holds it.
    func lockHandlers()
    func unlockHandlers()

    /// Page requests that wait for a worker, as they were a moment ago.
    var backlog: Int { get }

    /// Only while no other operation runs.
    func census() -> ReleaseCensus
}

/// A device's end.
public protocol ReleaseDevice: BitwiseCopyable {
    /// Never waits for a handler.
    ///
    /// - Parameter isPresent: Whether the page is, in a living address space.
    mutating func access(_ space: SpaceKey, isPresent: Bool) -> AccessOutcome
}

/// A fault handler's end.
public protocol ReleaseWorker: BitwiseCopyable {
    /// Takes one page request, handles it and answers it; nil where none is queued.
    mutating func handle() -> LateFaultOutcome?
}
