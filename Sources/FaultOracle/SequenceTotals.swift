/// Three sums over a set of sequences, independent of their order: two multisets that agree in all
/// three are equal but for a chance of about 2^-64.
///
/// Sums wrap.
public struct SequenceTotals: Hashable, Sendable, BitwiseCopyable {
    /// How many.
    public var count: UInt64 = 0
    /// Of the sequences.
    public var sum: UInt64 = 0
    /// Of the sequences, each hashed first. A plain sum alone misses 1 and 4 in place of 2 and 3.
    public var mixedSum: UInt64 = 0

    /// Of nothing.
    @inlinable
    public init() {}

    /// Of 0 ..< `accepted`: what a producer sent. Takes about a nanosecond per request.
    public init(accepted: UInt64) {
        for sequence in 0..<accepted { add(sequence) }
    }

    /// One sequence more.
    @inlinable
    public mutating func add(_ sequence: UInt64) {
        count &+= 1
        sum &+= sequence
        mixedSum &+= Self.mix(sequence)
    }

    /// All sequences of another set more.
    public mutating func add(_ other: SequenceTotals) {
        count &+= other.count
        sum &+= other.sum
        mixedSum &+= other.mixedSum
    }

    /// One multiplication of two dissimilar factors, folded: far from linear, and a few cycles that
    /// nothing waits for.
    @inlinable
    static func mix(_ sequence: UInt64) -> UInt64 {
        let product = (sequence ^ 0x9E37_79B9_7F4A_7C15)
            .multipliedFullWidth(by: sequence ^ 0xD1B5_4A32_D192_ED03)
        return product.high ^ product.low
    }
}
