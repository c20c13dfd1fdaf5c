import CPlatform
import FaultModel
import FaultQueues
import Synchronization

/// A slowdown that the gate's self-test plants, to see whether the gate finds it.
///
/// Schemes with it are types of their own: the loops of every other run hold no trace of it. One
/// process plants one slowdown, before its first trial.
public struct PlantedSlowdown: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Each enqueue takes longer.
        case operation
        /// A lock is held longer, each time.
        case lockHold = "lock-hold"
        /// One enqueue in `tailInterval` takes longer.
        case tail
    }

    /// A stall in 2 of 100 operations moves p99, and leaves the median alone.
    public static let tailInterval: UInt64 = 50

    public let kind: Kind
    /// Of one delay, 0…10⁶.
    public let delayNs: Double

    public init(kind: Kind, delayNs: Double) {
        self.kind = kind
        self.delayNs = delayNs
    }

    /// From `KIND:NANOSECONDS`.
    ///
    /// - Throws: `SuiteError` with what was expected.
    public init(parsing text: String) throws(SuiteError) {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])),
            let delayNs = Double(parts[1]), (0...1e6).contains(delayNs)
        else {
            let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw SuiteError("expected KIND:NANOSECONDS with a kind of \(kinds), found \"\(text)\"")
        }
        self.init(kind: kind, delayNs: delayNs)
    }

    /// Plants it for every endpoint and lock that this process makes from now on.
    public func plant(passesPerNs: Double) {
        let passes = UInt64(delayNs * passesPerNs)
        Self.operationPasses.store(kind == .lockHold ? 0 : passes, ordering: .relaxed)
        Self.operationInterval.store(
            kind == .tail ? Self.tailInterval : 1, ordering: .relaxed)
        Self.holdPasses.store(kind == .lockHold ? passes : 0, ordering: .relaxed)
    }

    static let operationPasses = Atomic<UInt64>(0)
    static let operationInterval = Atomic<UInt64>(1)
    static let holdPasses = Atomic<UInt64>(0)
}

/// A delay of some passes of an empty loop, every so many calls.
public struct PlantedDelay: BitwiseCopyable, Sendable {
    @usableFromInline let passes: UInt64
    @usableFromInline let interval: UInt64
    @usableFromInline var left: UInt64

    /// As planted in this process.
    @usableFromInline static var operation: PlantedDelay {
        PlantedDelay(
            passes: PlantedSlowdown.operationPasses.load(ordering: .relaxed),
            interval: PlantedSlowdown.operationInterval.load(ordering: .relaxed))
    }

    @usableFromInline static var hold: PlantedDelay {
        PlantedDelay(
            passes: PlantedSlowdown.holdPasses.load(ordering: .relaxed), interval: 1)
    }

    init(passes: UInt64, interval: UInt64) {
        self.passes = passes
        self.interval = interval
        left = interval
    }

    @inlinable
    mutating func pass() {
        left &-= 1
        if left > 0 { return }
        left = interval
        spin()
    }

    @inlinable
    func spin() {
        var rest = passes
        while rest > 0 {
            fq_opaque(rest)
            rest &-= 1
        }
    }
}

/// The ring `Base`, whose producers take longer.
public final class DelayedRing<Base: PageRequestRing>: PageRequestRing, @unchecked Sendable {
    public static var structure: String { Base.structure }
    public static var lockKind: LockKind? { Base.lockKind }
    public static var provenance: Provenance { Base.provenance }
    public static var limits: RingLimits { Base.limits }

    @usableFromInline let base: Base

    public init(_ configuration: RingConfiguration) { base = Base(configuration) }

    public func makeProducer() -> Producer {
        Producer(base: base.makeProducer(), delay: .operation)
    }

    public func makeConsumer() -> Base.Consumer { base.makeConsumer() }

    public struct Producer: RingProducer {
        @usableFromInline var base: Base.Producer
        @usableFromInline var delay: PlantedDelay

        @inline(never)
        public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            // Before, not after: after it the other side works already, and nobody would wait.
            delay.pass()
            return base.enqueue(request)
        }
    }
}

/// The lock `Base`, held longer.
public struct HeldLock<Base: LockPrimitive>: LockPrimitive {
    @usableFromInline let base: Base
    @usableFromInline let delay: PlantedDelay

    public static var kind: LockKind { Base.kind }

    public init() {
        base = Base()
        delay = .hold
    }

    public func destroy() { base.destroy() }

    @inlinable
    public func lock() { base.lock() }

    @inlinable
    public func unlock() {
        delay.spin()
        base.unlock()
    }

    @inlinable
    public func tryLock() -> Bool { base.tryLock() }
}
