import CJemalloc
import CPlatform
import Glibc

/// Bytes that one thread allocated and freed, as jemalloc counts them: by size class, so 40 bytes
/// count as 48.
///
/// jemalloc has no count of calls for one thread (`stats.arenas` counts calls, but per arena, for
/// all its threads, and only when thread caches are flushed), so there are bytes and no calls.
///
/// Reading is a load of the thread's own memory. Only the thread that made the value may use it,
/// and only while it lives: the counters are in its thread-local storage.
public struct AllocationCounters {
    private let allocated: UnsafePointer<UInt64>
    private let deallocated: UnsafePointer<UInt64>

    /// The calling thread's counters. Nil where `malloc` is not jemalloc, which is found out by an
    /// allocation: under a sanitizer jemalloc is linked and answers, but counts nothing.
    public static func current() -> AllocationCounters? {
        guard let allocated = counter("thread.allocatedp"),
            let deallocated = counter("thread.deallocatedp")
        else { return nil }
        let counters = AllocationCounters(allocated: allocated, deallocated: deallocated)
        let before = counters.allocatedBytes
        let probe = malloc(64)
        // The optimiser may drop a pair of malloc and free whose memory nobody looks at.
        fq_opaque(UInt64(UInt(bitPattern: probe)))
        free(probe)
        return counters.allocatedBytes - before >= 64 ? counters : nil
    }

    /// Bytes allocated by this thread since it started, freed ones included.
    public var allocatedBytes: UInt64 { fq_load_opaque(allocated) }
    /// Bytes freed by this thread since it started, whoever had allocated them.
    public var deallocatedBytes: UInt64 { fq_load_opaque(deallocated) }

    private static func counter(_ name: String) -> UnsafePointer<UInt64>? {
        var pointer: UnsafePointer<UInt64>?
        var size = MemoryLayout.size(ofValue: pointer)
        return mallctl(name, &pointer, &size, nil, 0) == 0 ? pointer : nil
    }
}

@available(*, unavailable)
extension AllocationCounters: Sendable {}

/// Memory of the whole process. Any thread, at any time; each reading costs microseconds.
public enum ProcessMemory {
    /// The most that was ever resident, in bytes (VmHWM of /proc/self/status); nil where the kernel
    /// does not say.
    public static func peakResidentBytes(root: String = "/") -> UInt64? {
        guard let status = SystemFiles(root: root).text("proc/self/status") else { return nil }
        guard let value = SystemFiles.field("VmHWM", of: status) else { return nil }
        let words = value.split(separator: " ")
        guard words.count == 2, words[1] == "kB", let kilobytes = UInt64(words[0]) else {
            return nil
        }
        return kilobytes * 1024
    }

    /// Bytes that jemalloc has handed out (`stats.allocated`), what thread caches hold included, so
    /// fit for footprints and not for single operations. Nil where `malloc` is not jemalloc.
    public static func allocatedBytes() -> UInt64? {
        guard AllocationCounters.current() != nil else { return nil }
        // Statistics are a copy that is refreshed when the epoch is written.
        var epoch: UInt64 = 1
        guard mallctl("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size) == 0 else { return nil }
        var bytes = 0
        var size = MemoryLayout<Int>.size
        return mallctl("stats.allocated", &bytes, &size, nil, 0) == 0 ? UInt64(bytes) : nil
    }

    /// jemalloc's version without its commit (`5.3.0`); nil where it does not say. Linked jemalloc
    /// answers even where it is not `malloc`.
    public static func jemallocVersion() -> String? {
        var version: UnsafePointer<CChar>?
        var size = MemoryLayout.size(ofValue: version)
        guard mallctl("version", &version, &size, nil, 0) == 0, let version else { return nil }
        return String(cString: version).split(separator: "-").first.map(String.init)
    }
}
