import FaultModel

/// When software writes the head that lets the device reuse slots.
public enum HeadUpdate: String, Sendable, CaseIterable, Codable, BitwiseCopyable {
    /// Once after the whole batch, as the VT-d driver does.
    case perBatch = "per-batch"
    /// After each entry, before it is handled, as the AMD driver does.
    case perEntry = "per-entry"
}

/// Shape and behaviour of a ring.
public struct RingConfiguration: Sendable, Equatable, Codable, BitwiseCopyable {
    /// Entries that the hardware offers: VT-d 128…16384, AMD 512.
    public static let hardwareCapacities = 128...16384

    /// A power of two, 2…65536. N−1 are usable, or all N under `OverflowPolicy.toggle`.
    public let capacity: Int
    /// How many times `makeProducer()` may be called, 1…256.
    public let producers: Int
    public let overflow: OverflowPolicy
    public let headUpdate: HeadUpdate

    /// - Precondition: the ranges given with each property.
    public init(
        capacity: Int, producers: Int = 1, overflow: OverflowPolicy = .wait,
        headUpdate: HeadUpdate = .perBatch
    ) {
        precondition(
            capacity >= 2 && capacity <= 65536 && capacity & (capacity - 1) == 0,
            "a ring's capacity is a power of two in 2…65536")
        precondition(producers >= 1 && producers <= 256, "a ring has 1…256 producers")
        self.capacity = capacity
        self.producers = producers
        self.overflow = overflow
        self.headUpdate = headUpdate
    }

    /// Requests that fit: with byte-offset registers (VT-d) head = tail means empty, so N−1; with
    /// SMMUv3's wrap bits, N.
    public var usable: Int { overflow == .toggle ? capacity : capacity - 1 }
}

/// The page-request ring: devices append 32-byte requests at the tail, a fault thread drains them
/// from the head.
///
/// Guarantees, for every conforming scheme:
///
/// R1. A request whose `enqueue` returned `.enqueued` is delivered exactly once.
/// R2. The requests of one producer are delivered in the order in which it enqueued them.
/// R3. At most `configuration.usable` requests are in the ring (in each producer's own ring, for a
///     scheme with one per producer).
/// R4. `.full` and `.overflowed` change nothing but the overflow state; the request is not
///     delivered.
/// R5. Under `.sticky` and `.toggle`, from the first `.overflowed` until `acknowledgeOverflow()`
///     returns true, every `enqueue` on that ring returns `.overflowed`.
/// R6. Under `.sticky`, `acknowledgeOverflow()` returns true only when the ring was empty, with no
///     request half-way in.
/// R7. `.wait` never sets overflow.
///
/// Overlap: each endpoint is used by one thread at a time; different endpoints at the same time,
/// within `limits`. The ring must outlive its endpoints.
public protocol PageRequestRing: AnyObject, Sendable {
    associatedtype Producer: RingProducer
    associatedtype Consumer: RingConsumer

    /// Name on the command line: `spsc`, `locked`, …
    static var structure: String { get }
    /// The lock kind of a lock-based structure.
    static var lockKind: LockKind? { get }
    static var provenance: Provenance { get }
    static var limits: RingLimits { get }

    /// Allocates and touches the memory: call it on the thread that shall own it.
    init(_ configuration: RingConfiguration)

    /// At most `configuration.producers` calls. Callable from any thread, one at a time.
    func makeProducer() -> Producer
    /// At most `limits.consumers` calls. Callable from any thread, one at a time.
    func makeConsumer() -> Consumer
}

/// How many endpoints a structure supports.
public struct RingLimits: Sendable, Equatable {
    public let producers: Int
    public let consumers: Int

    public init(producers: Int, consumers: Int) {
        self.producers = producers
        self.consumers = consumers
    }
}

/// A device's end. A value with its own cached counters; trivially copyable, but only one copy may
/// be used.
public protocol RingProducer: BitwiseCopyable {
    /// Offers one request; never blocks.
    mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome
}

/// The fault thread's end.
public protocol RingConsumer: BitwiseCopyable {
    /// Moves up to `limit` requests into `buffer`, oldest first, and returns how many: 0 where none
    /// is ready. `limit` is at least 1.
    mutating func dequeue(into buffer: UnsafeMutablePointer<PageRequest>, limit: Int) -> Int

    /// Acknowledges an overflow: true where there was one and it is over now. Under `.sticky` this
    /// needs an empty ring; a caller drains and asks again.
    mutating func acknowledgeOverflow() -> Bool
}
