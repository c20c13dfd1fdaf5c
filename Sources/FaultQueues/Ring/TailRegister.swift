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

    /// The register as it is now, for a look at the head that must not be older.
    @inline(__always)
    func lookBeforeHead() -> UInt64 {
        // ORDER ring.overflow-cleared, acquire side. Pairs with acknowledgeOverflow().
        // Keeps: the head that emptied the ring before the register without the flag.
        // If relaxed: a producer that sees the flag cleared can still find the old, full head, and
        // raises an overflow on an empty ring.
        word.value.load(ordering: .acquiring)
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
        // ORDER ring.overflow-cleared, release side. Pairs with the load in lookBeforeHead().
        // Keeps: the head that emptied the ring before the register without the flag.
        // If relaxed: as there.
        return word.value.compareExchange(
            expected: now, desired: tail, successOrdering: .releasing,
            failureOrdering: .relaxed  // another consumer acknowledged
        ).exchanged
    }
}
