import FaultModel

/// What a benchmark writes into `privateData0` of a request, so that its delivery can be checked:
///
///     63:48 producer        47:0 sequence, from 0
///
/// A producer advances its sequence only when a request was accepted, so that what it sent is
/// always 0 ..< accepted. The request's address is derived from the tag: a consumer that sees the
/// tag of one request beside the address of another has read a slot while it was written.
public struct SequenceTag: Hashable, Sendable, BitwiseCopyable {
    /// Producers are 0 ..< 65536.
    public static let producerLimit = 1 << 16
    /// Sequences are 0 ..< 2^48.
    public static let sequenceLimit: UInt64 = 1 << 48

    /// The word itself.
    public var rawValue: UInt64

    /// Any word: a tag that was read may be damaged.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// - Precondition: `producer` is in 0 ..< 65536 and `sequence` in 0 ..< 2^48.
    @inlinable
    public init(producer: Int, sequence: UInt64 = 0) {
        precondition(
            producer >= 0 && producer < Self.producerLimit, "a producer has 16 bits")
        precondition(sequence < Self.sequenceLimit, "a sequence has 48 bits")
        rawValue = UInt64(producer) << 48 | sequence
    }

    /// 0 ..< 65536.
    @inlinable
    public var producer: Int { Int(truncatingIfNeeded: rawValue >> 48) }

    /// 0 ..< 2^48.
    @inlinable
    public var sequence: UInt64 { rawValue & (Self.sequenceLimit - 1) }

    /// The tag of the same producer's next request. A loop calls it after each accepted one; no run
    /// is long enough for 2^48.
    @inlinable
    public mutating func advance() { rawValue &+= 1 }

    /// The page that the tagged request asks for: one multiplication, so that tags which differ
    /// anywhere have pages which differ in many bits.
    @inlinable
    public var address: UInt64 {
        (rawValue &* 0x9E37_79B9_7F4A_7C15) & ~(PageRequest.pageSize - 1)
    }
}
