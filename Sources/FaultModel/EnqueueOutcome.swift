/// What became of one request that a device offered to the ring.
public enum EnqueueOutcome: UInt8, Sendable, BitwiseCopyable {
    /// It is in the ring, and a consumer will see it.
    case enqueued
    /// No room, nothing changed; the caller may try again. Only under `OverflowPolicy.wait`.
    case full
    /// Dropped: the ring was full, or an earlier overflow has not been acknowledged yet.
    case overflowed
}

/// What a full ring does with one more request.
public enum OverflowPolicy: String, Sendable, CaseIterable, Codable, BitwiseCopyable {
    /// Refuses it and keeps no memory of that: the device retries. For closed-loop workloads.
    case wait
    /// VT-d: sets a sticky flag (PRS.PRO) and drops everything until software clears the flag,
    /// which it may do only when head equals tail.
    case sticky
    /// SMMUv3: inverts the overflow bit of PROD and drops everything until software has copied
    /// the bit to CONS, which it may do at any time. All N slots are usable.
    case toggle
}
