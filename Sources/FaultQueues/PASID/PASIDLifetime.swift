import FaultModel

/// What became of a bind.
public enum BindOutcome: Sendable, BitwiseCopyable, Equatable {
    /// The device may use the address space under this PASID.
    case bound(PASID)
    /// No PASID is free (`-ENOSPC`).
    case noPASID
    /// The address space's PASID is beyond what the device can carry (`-EOVERFLOW`).
    case overflow
    /// The device could not be set up. It has no entry; other devices go on.
    case failed
}

/// What an operation did to the address space's PASID.
public enum PASIDFate: UInt8, Sendable, BitwiseCopyable {
    /// Nothing; or there was none.
    case kept
    /// It was freed, and may be anybody's now.
    case freed
    /// The operation was refused: nothing is bound there.
    case unknown
}

/// What became of the fix-up at a task's first use.
public enum FixUpOutcome: UInt8, Sendable, BitwiseCopyable {
    /// The task's register holds the PASID now.
    case fixed
    /// It did already.
    case ready
    /// The address space has no PASID: the task gets its signal.
    case noPASID
}

/// What became of a work descriptor that a task sent to a device.
public enum UseOutcome: UInt8, Sendable, BitwiseCopyable {
    case executed
    /// The task's register is clear: the fault that the fix-up is for.
    case generalProtection
    /// The register holds a PASID without an entry: a device fault, which is what a zombie gets.
    case deviceFault
    /// The entry belongs to another address space. Never, in a sound scheme.
    case otherOwner
}

/// Shape of a PASID structure.
public struct PASIDConfiguration: Sendable, BitwiseCopyable {
    /// Width of a PASID, 2…20; 0 is reserved.
    public let bits: Int
    /// Devices, 1…16.
    public let devices: Int
    /// Width that the last device can carry, 2…`bits`; the others carry all.
    public let lastDeviceBits: Int
    /// Address spaces and tasks that the callers number, 1…2²¹ and 1…2²².
    public let spaces: Int
    public let tasks: Int

    /// - Precondition: the ranges given with each property.
    public init(bits: Int, devices: Int, lastDeviceBits: Int, spaces: Int, tasks: Int) {
        precondition((2...PASID.bitWidth).contains(bits), "a PASID has 2…20 bits")
        precondition((1...16).contains(devices), "1…16 devices")
        precondition((2...bits).contains(lastDeviceBits), "a device carries 2 bits or more")
        precondition((1...1 << 21).contains(spaces), "1…2²¹ address spaces")
        precondition((1...1 << 22).contains(tasks), "1…2²² tasks")
        self.bits = bits
        self.devices = devices
        self.lastDeviceBits = lastDeviceBits
        self.spaces = spaces
        self.tasks = tasks
    }

    /// The largest PASID that a device can carry.
    @inlinable
    func limit(_ device: Int) -> Int {
        (1 << (device == devices &- 1 ? lastDeviceBits : bits)) &- 1
    }
}

/// What is in a structure that nobody is using.
public struct PASIDCensus: Equatable, Sendable {
    /// PASIDs that somebody owns.
    public var owned = 0
    /// Entries in devices' tables.
    public var entries = 0
    /// PASIDs that were freed though they were free.
    public var doubleFrees = 0

    public init(owned: Int = 0, entries: Int = 0, doubleFrees: Int = 0) {
        self.owned = owned
        self.entries = entries
        self.doubleFrees = doubleFrees
    }
}

/// Who owns a PASID, and when it may be reused.
///
/// An address space has tasks (each one of its users) and is kept, beyond the last of them, by the
/// devices that are bound to it. A task sends work to a device with the PASID in a register of its
/// own, clear at first, which the fix-up at first use fills.
///
/// Guarantees, for every sound scheme:
///
/// L1. While an address space owns a PASID, every bind gives that one, and no other address space
///     owns it. A second bind of the same device is a second user of the same entry.
/// L2. A bind that fails leaves no entry, and the PASID to whoever uses it.
/// L3. A PASID is freed once, when `rule` says, and then no entry and no task's register holds it.
/// L4. A task's work reaches its own address space or nobody.
/// L5. A new address space, by fork or exec, begins without a PASID, its task with a clear
///     register; a clone shares its parent's.
/// L6. When every address space has ended, every PASID is free.
///
/// Overlap: every operation with every other, with these duties of the caller. One thread acts for
/// a task at a time. `begin` is for an address space that has ended, or is new. Nobody binds an
/// address space whose tasks have all left.
public protocol PASIDLifetime: AnyObject, Sendable {
    /// Name on the command line: `per-bind`, `lazy-refcount`, …
    static var structure: String { get }
    static var lockKind: LockKind? { get }
    static var provenance: Provenance { get }
    static var rule: PASIDRule { get }

    /// Allocates and touches the memory: call it on the thread that shall own it.
    init(_ configuration: PASIDConfiguration)

    /// A new address space with one task, whose register is clear: what fork makes of its copy.
    ///
    /// - Parameter parent: The task that forks; nil for a process from nowhere.
    func begin(_ space: Int, task: Int, parent: Int?)
    /// A further task of the parent's address space.
    func clone(_ task: Int, parent: Int)
    /// The task leaves its address space for a new one.
    func exec(_ task: Int, into space: Int) -> PASIDFate
    /// The task ends; the last one's end is the end of the address space's users.
    func exit(_ task: Int) -> PASIDFate

    /// - Parameter fails: Whether setting the device up goes wrong.
    func bind(_ space: Int, device: Int, fails: Bool) -> BindOutcome
    func unbind(_ space: Int, device: Int) -> PASIDFate

    func firstUse(_ task: Int) -> FixUpOutcome
    func use(_ task: Int, device: Int) -> UseOutcome

    /// References that keep the address space's PASID, as far as the scheme counts them.
    func references(_ space: Int) -> Int
    /// Only while no other operation runs.
    func census() -> PASIDCensus
}

/// What frees a PASID.
public enum PASIDRule: Sendable {
    /// The last unbind.
    case lastUnbind
    /// The last unbind or the exit of the last task that used it, whichever is later.
    case lastReference
    /// The end of the address space itself, after its last task and its last unbind.
    case spaceEnd
}
