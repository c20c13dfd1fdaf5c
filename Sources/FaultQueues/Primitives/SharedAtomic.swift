// The atomics seam. Everything that threads share in this module goes through this folder, so that
// the source that is benchmarked is the source that a checker can explore. Outside `Primitives/` no
// file names `Synchronization`, `pthread_*` or a fence; a test of the tree enforces it.
@_exported import Synchronization

/// An atomic value shared between threads. In a normal build this is the standard library's
/// `Atomic`, at no cost.
public typealias SharedAtomic<Value: AtomicRepresentable> = Atomic<Value>

/// An atomic value alone in 128 bytes, so that two counters written by different threads never
/// share a cache line nor the pair of lines that the adjacent-line prefetcher fetches.
///
/// Lives in memory from `allocateShared`, which is aligned to 128 bytes; Swift itself aligns no
/// type beyond 16.
public struct PaddedAtomic<Value: AtomicRepresentable>: ~Copyable {
    /// The value.
    public let value: SharedAtomic<Value>
    @usableFromInline let padding: InlineArray<14, UInt64>
    @usableFromInline let tail: UInt64

    /// - Precondition: the value's representation takes at most 8 bytes.
    @inlinable
    public init(_ initial: consuming Value) {
        value = SharedAtomic(initial)
        padding = InlineArray(repeating: 0)
        tail = 0
    }
}

/// Distance between two places that different threads write, in bytes.
@inlinable
public var sharedAlignment: Int { 128 }
