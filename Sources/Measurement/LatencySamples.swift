/// A preallocated buffer into which one measured thread writes raw ticks.
///
/// The value is one pointer and trivially copied; its memory is freed by `deallocate()` and by
/// nothing else. A measured loop pays two loads, a compare and two stores for a sample: a
/// histogram's table would take up to half of a core's second-level cache, so samples become a
/// histogram only after the loop.
///
/// | operation | who may call it at the same time |
/// |---|---|
/// | `record`, `reset`, `touch` | one thread, the owner |
/// | `count`, `dropped`, `samples` | the owner; others after the owner was joined |
/// | `deallocate` | one thread, once, when nobody uses any copy |
///
/// Two buffers never share 128 bytes.
@frozen
public struct LatencySamples: @unchecked Sendable {
    // Words of the header, then samples. The header fills 128 bytes.
    @usableFromInline static var countWord: Int { 0 }
    @usableFromInline static var droppedWord: Int { 1 }
    @usableFromInline static var capacityWord: Int { 2 }
    @usableFromInline static var headerWords: Int { 16 }

    @usableFromInline let base: UnsafeMutablePointer<UInt64>

    /// Room for `capacity` samples of 8 bytes. Their pages are not touched yet, so that their owner
    /// can do it from where it was bound.
    ///
    /// - Precondition: 1…2^40 samples.
    public init(capacity: Int) {
        precondition(
            capacity >= 1 && capacity <= 1 << 40, "a sample buffer holds 1 to 2^40 samples")
        let words = (Self.headerWords + capacity + 15) / 16 * 16
        base = UnsafeMutableRawPointer.allocate(byteCount: words * 8, alignment: 128)
            .bindMemory(to: UInt64.self, capacity: words)
        base.update(repeating: 0, count: Self.headerWords)
        base[Self.capacityWord] = UInt64(capacity)
    }

    /// Frees the memory of this value and of all its copies.
    public func deallocate() { UnsafeMutableRawPointer(base).deallocate() }

    /// Keeps one sample, or counts it as dropped where the buffer is full.
    @inlinable @inline(__always)
    public func record(_ ticks: UInt64) {
        let count = base[Self.countWord]
        if count < base[Self.capacityWord] {
            base[Self.headerWords &+ Int(truncatingIfNeeded: count)] = ticks
            base[Self.countWord] = count &+ 1
        } else if base[Self.droppedWord] != .max {
            base[Self.droppedWord] &+= 1
        }
    }

    /// Keeps the distance between two readings. Zero where the end is before the start, which the
    /// counters of two CPUs can make it by a few ticks.
    @inlinable @inline(__always)
    public func record(from start: UInt64, to end: UInt64) {
        record(end > start ? end &- start : 0)
    }

    /// Forgets every sample; the memory stays touched.
    public func reset() {
        base[Self.countWord] = 0
        base[Self.droppedWord] = 0
    }

    /// Writes to every page behind the samples kept so far, so that no later sample pays for a
    /// fault. Called by the owner after it was bound.
    public func touch() {
        for index in count..<capacity { base[Self.headerWords + index] = 0 }
    }

    /// Samples that fit.
    public var capacity: Int { Int(base[Self.capacityWord]) }
    /// Samples kept.
    @inlinable
    public var count: Int { Int(truncatingIfNeeded: base[Self.countWord]) }
    /// Samples that came when the buffer was full; stays at `UInt64.max` once there.
    public var dropped: UInt64 { base[Self.droppedWord] }

    /// The samples kept, in the order of their recording. Valid until `deallocate()`.
    public var samples: UnsafeBufferPointer<UInt64> {
        UnsafeBufferPointer(start: base + Self.headerWords, count: count)
    }
}
