import FaultOracle
import FaultQueues

/// Who says that a PASID is its own: what no two address spaces may say at the same time (L1).
///
/// An address space claims a PASID when it has been given it, and takes the claim back before the
/// operation that may free it. Any number of threads.
final class PASIDClaims: @unchecked Sendable {
    /// By PASID: the address space plus one, and how many claims it has; 0 for nobody.
    private let words: UnsafeMutablePointer<SharedAtomic<UInt64>>
    private let count: Int

    init(bits: Int) {
        count = 1 << bits
        words = allocateShared(count: count) { _ in SharedAtomic<UInt64>(0) }
    }

    deinit { freeShared(words, count: count) }

    /// Nil where it is the address space's, or nobody's.
    func claim(_ pasid: Int, for space: Int) -> Violation? {
        let owner = UInt64(space + 1) << 32
        var seen = words[pasid].load(ordering: .relaxed)
        while true {
            if seen != 0 && seen >> 32 != UInt64(space + 1) {
                return Violation(
                    .invariant(37),
                    "PASID \(pasid) was given to address space \(space) while \((seen >> 32) - 1) "
                        + "has it")
            }
            // Releases and acquires nothing: the structure under test has to order by itself.
            let (exchanged, now) = words[pasid].compareExchange(
                expected: seen, desired: seen == 0 ? owner | 1 : seen + 1,
                successOrdering: .relaxed, failureOrdering: .relaxed)
            if exchanged { return nil }
            seen = now
        }
    }

    func release(_ pasid: Int) {
        var seen = words[pasid].load(ordering: .relaxed)
        while seen & 0xFFFF_FFFF != 0 {
            let (exchanged, now) = words[pasid].compareExchange(
                expected: seen, desired: seen & 0xFFFF_FFFF == 1 ? 0 : seen - 1,
                successOrdering: .relaxed, failureOrdering: .relaxed)
            if exchanged { return }
            seen = now
        }
    }
}
