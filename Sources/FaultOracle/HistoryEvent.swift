import FaultModel

/// One operation of one thread, in 32 bytes: when it began and how long it took, on what, and what
/// became of it.
public struct HistoryEvent: Hashable, Sendable, BitwiseCopyable {
    public enum Kind: UInt8, Sendable, CaseIterable, BitwiseCopyable {
        /// A report of a request that is not its group's last, and of one that is. The outcome is a
        /// `ReportOutcome`.
        case page
        case last
        /// A page of the group that the next `take` of the same thread is about, with its own key.
        /// The outcome is 1 for a request marked as last.
        case member
        /// A group came out; the tag is its last request's, the count its number of pages.
        case take
        /// An answer; the outcome is a `RespondOutcome`, the count the code that was given.
        case respond
        case finish
        case flush
        /// The tag is how many were dropped.
        case discard
        /// The outcome is a `RemoveDeviceOutcome` or an `AddDeviceOutcome`.
        case remove
        case add
        /// A look at the device's side: how many answers had come for the tag since the last look,
        /// and in the count the sum of their codes.
        case look

        /// As files have it.
        public var name: String { "\(self)" }
    }

    /// Ticks of the clock when it began.
    public var begin: UInt64
    /// The request's tag: lane in the upper 16 bits, number below.
    public var tag: UInt64
    /// Ticks that it took: 27 bits, and above them how far these are shifted to the left. Exact
    /// below 2²⁷, rounded up from there on: an end that is said too late claims less, one that is
    /// said too early would put operations in an order that they did not have.
    @usableFromInline var span: UInt32
    /// The PASID, and bit 31 where there is one.
    public var pasidBits: UInt32
    public var device: UInt16
    public var index: UInt16
    public var kind: Kind
    public var outcome: UInt8
    public var thread: UInt8
    public var count: UInt8

    @inlinable
    public init(
        _ kind: Kind, begin: UInt64, end: UInt64, tag: UInt64 = 0, device: UInt16 = 0,
        pasidBits: UInt32 = 0, index: UInt16 = 0, outcome: UInt8 = 0, thread: UInt8 = 0,
        count: Int = 0
    ) {
        self.kind = kind
        self.begin = begin
        self.tag = tag
        span = Self.span(of: end &- begin)
        self.pasidBits = pasidBits
        self.device = device
        self.index = index
        self.outcome = outcome
        self.thread = thread
        self.count = UInt8(clamping: count)
    }

    /// Ticks of the clock when it had returned.
    @inlinable public var end: UInt64 {
        begin &+ UInt64(span & Self.spanMask) << UInt64(span >> 27)
    }
    /// Who numbered the request.
    @inlinable public var lane: Int { Int(truncatingIfNeeded: tag >> 48) }
    /// The request's number in its lane.
    @inlinable public var number: Int { Int(truncatingIfNeeded: tag & (1 << 48 - 1)) }

    @inlinable static var spanMask: UInt32 { 1 << 27 - 1 }

    /// - Parameter ticks: Years of them are not told apart.
    @inlinable
    static func span(of ticks: UInt64) -> UInt32 {
        guard ticks > UInt64(spanMask) else { return UInt32(truncatingIfNeeded: ticks) }
        let ticks = min(ticks, 1 << 56)
        let shift = UInt64(64 - ticks.leadingZeroBitCount - 26)
        let rounded = (ticks + (1 << shift - 1)) >> shift
        return UInt32(truncatingIfNeeded: shift << 27 | rounded)
    }

    /// The PASID's bits of an event.
    @inlinable
    public static func bits(of pasid: PASID?) -> UInt32 { pasid.map { $0.rawValue | 1 << 31 } ?? 0 }

    /// Device, PASID and index in one word.
    @inlinable public var key: UInt64 {
        UInt64(device) << 48 | UInt64(index) << 32 | UInt64(pasidBits)
    }
    /// Device and PASID in one word: what a flush goes by.
    @inlinable public var owner: UInt64 { UInt64(device) << 48 | UInt64(pasidBits) }
}
