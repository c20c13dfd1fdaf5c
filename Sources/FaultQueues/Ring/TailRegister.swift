/// The tail that several producers share, with the overflow flag in the same word, so that a claim
/// and a check of the flag are one compare-exchange.
///
///     bit 63    an overflow is pending
///     bits 62:0 requests claimed since the start
///
/// While the flag is set no producer claims, so the count stands still.
@usableFromInline
struct TailRegister: ~Copyable {
    private let word = PaddedAtomic<UInt64>(0)

    init() {}

    static var overflowFlag: UInt64 { 1 << 63 }

    /// The register as it is now.
    @inline(__always)
    func look() -> UInt64 {
        word.value.load(ordering: .relaxed)  // the claim's exchange confirms it
    }

    /// Claims the position `tail`; nil on success, else the register as it is now.
    @inline(__always)
    func claim(_ tail: UInt64) -> UInt64? {
        let (exchanged, now) = word.value.compareExchange(
            expected: tail, desired: tail &+ 1,
            successOrdering: .relaxed,  // the slot's own tag hands over; this only picks a slot
            failureOrdering: .relaxed)  // the caller looks again
        return exchanged ? nil : now
    }

    /// Sets the flag where the register is still `tail`; nil on success, else the register.
    @inline(never)
    func raiseOverflow(at tail: UInt64) -> UInt64? {
        let (exchanged, now) = word.value.compareExchange(
            expected: tail, desired: tail | Self.overflowFlag,
            successOrdering: .relaxed,  // publishes nothing; slots carry their own tags
            failureOrdering: .relaxed)  // the caller looks again
        return exchanged ? nil : now
    }

    /// Clears a pending overflow; where `needsEmpty`, only if every claim is below `head`. Called
    /// by consumers. True where this call cleared it.
    @inline(never)
    func acknowledgeOverflow(head: UInt64, needsEmpty: Bool) -> Bool {
        let now = word.value.load(ordering: .relaxed)  // the exchange confirms it
        guard now & Self.overflowFlag != 0 else { return false }
        let tail = now & ~Self.overflowFlag
        if needsEmpty && tail != head { return false }
        // NO ORDER: a producer that sees the flag cleared learns of free slots from the head alone,
        // which it acquires; with an older head it takes the ring for full and looks again.
        return word.value.compareExchange(
            expected: now, desired: tail, successOrdering: .relaxed, failureOrdering: .relaxed
        ).exchanged
    }
}
