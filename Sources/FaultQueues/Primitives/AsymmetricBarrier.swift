import CPlatform

/// A store-load barrier whose price is paid by the rare side alone: Dekker's pattern, in which each
/// of two threads writes one word and then reads the other's.
///
/// The frequent side calls `light()` between its store and its load, which costs no instruction;
/// the rare side calls `heavy()` between its own two, which makes every other thread of the process
/// pass a full fence (`membarrier`). So at least one of them sees the other's store. Where the
/// kernel or a filter refuses `membarrier`, both sides are full fences; a value remembers which.
///
/// Overlap: both sides on any number of threads. Progress: `light` is wait-free; `heavy` waits for
/// the kernel, not for a thread.
public struct AsymmetricBarrier: BitwiseCopyable, Sendable {
    @usableFromInline let isAsymmetric: Bool

    /// - Parameter isAllowed: False to have full fences on both sides.
    public init(isAllowed: Bool = true) {
        isAsymmetric = isAllowed && fq_membarrier_prepare()
    }

    /// The frequent side.
    @inlinable @inline(__always)
    public func light() {
        if isAsymmetric {
            fq_compiler_fence()
        } else {
            // ORDER barrier.asymmetric, the frequent side where both are full fences. Pairs with
            // heavy(). Keeps: this thread's store before its load, for the thread that does the
            // same two the other way round.
            // If relaxed: neither may see the other's store.
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        }
    }

    /// The rare side.
    public func heavy() {
        // ORDER barrier.asymmetric, the rare side. Pairs with light().
        // Keeps: this thread's store before its load.
        // If relaxed: as in light().
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if isAsymmetric && !fq_membarrier() {
            preconditionFailure("membarrier was granted to this process and is now refused")
        }
    }
}
