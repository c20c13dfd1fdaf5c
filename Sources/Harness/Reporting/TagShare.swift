/// Which requests a share of them falls on: decided by a hash of their tags, so that who handles a
/// request and who checks its answer agree without a word between them.
public struct TagShare: BitwiseCopyable, Sendable {
    /// Of the 2⁶³ values that a hash may have.
    @usableFromInline let threshold: UInt64
    @usableFromInline let salt: UInt64

    /// - Parameters:
    ///   - share: 0…1.
    ///   - salt: Shares of different salts fall independently of each other.
    init(_ share: Double, salt: UInt64) {
        precondition((0...1).contains(share), "a share is 0…1")
        threshold = UInt64(share * 0x1p63)
        self.salt = salt
    }

    @inlinable @inline(__always)
    func contains(_ tag: UInt64) -> Bool {
        // SplitMix64's finish: neighbouring tags get hashes that have nothing in common.
        var mixed = tag &+ salt &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return (mixed ^ mixed >> 31) >> 1 < threshold
    }
}
