import CPlatform
import Glibc

/// What the kernel did to one thread since it started, or between two snapshots.
public struct ThreadCounters: Equatable, Sendable {
    /// Times that it was switched out while it could have gone on.
    public var involuntarySwitches: UInt64
    /// Times that it waited for something.
    public var voluntarySwitches: UInt64
    /// Page faults answered from memory.
    public var minorFaults: UInt64
    /// Page faults that had to read a device.
    public var majorFaults: UInt64
    /// Nanoseconds that it was ready to run but did not; nil where the kernel does not count them.
    public var runQueueWaitNs: UInt64?

    public init(
        involuntarySwitches: UInt64, voluntarySwitches: UInt64, minorFaults: UInt64,
        majorFaults: UInt64, runQueueWaitNs: UInt64?
    ) {
        self.involuntarySwitches = involuntarySwitches
        self.voluntarySwitches = voluntarySwitches
        self.minorFaults = minorFaults
        self.majorFaults = majorFaults
        self.runQueueWaitNs = runQueueWaitNs
    }

    /// What happened from `earlier` to `later`, two snapshots of one thread. A counter that went
    /// backwards gives zero; a wait that one of them lacks gives nil.
    public static func - (later: ThreadCounters, earlier: ThreadCounters) -> ThreadCounters {
        ThreadCounters(
            involuntarySwitches: increase(later.involuntarySwitches, earlier.involuntarySwitches),
            voluntarySwitches: increase(later.voluntarySwitches, earlier.voluntarySwitches),
            minorFaults: increase(later.minorFaults, earlier.minorFaults),
            majorFaults: increase(later.majorFaults, earlier.majorFaults),
            runQueueWaitNs: later.runQueueWaitNs.flatMap { wait in
                earlier.runQueueWaitNs.map { increase(wait, $0) }
            })
    }
}

/// `later − earlier`, or zero: kernels have let counters of this kind run backwards.
func increase(_ later: UInt64, _ earlier: UInt64) -> UInt64 {
    later > earlier ? later - earlier : 0
}

/// Takes snapshots of the thread that made it, and of no other.
///
/// Keeps /proc/thread-self/schedstat open, so that a snapshot is two system calls and no
/// allocation. Used by the thread that made it; its end closes the file.
public struct ThreadProbe: ~Copyable {
    private let schedstat: Int32
    private let thread: Int32

    /// A probe of the calling thread. Where the kernel has no schedstat the wait is nil.
    public init(root: String = "/") {
        schedstat = SystemFiles(root: root).open("proc/thread-self/schedstat")
        thread = fq_thread_id()
    }

    deinit {
        if schedstat >= 0 { close(schedstat) }
    }

    /// The counters since the thread started.
    public func counters() -> ThreadCounters {
        assert(thread == fq_thread_id(), "a probe reads the thread that made it")
        let usage = fq_thread_usage_now()
        return ThreadCounters(
            involuntarySwitches: usage.involuntary_switches,
            voluntarySwitches: usage.voluntary_switches, minorFaults: usage.minor_faults,
            majorFaults: usage.major_faults, runQueueWaitNs: runQueueWaitNs())
    }

    /// The second of the file's three numbers: time on the CPU, time waiting, slices.
    private func runQueueWaitNs() -> UInt64? {
        guard schedstat >= 0 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
            let length = pread(schedstat, buffer.baseAddress, buffer.count, 0)
            guard length > 0 else { return nil }
            var scanner = DigitScanner(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
            guard let running = scanner.next(), let waiting = scanner.next(),
                let slices = scanner.next()
            else { return nil }
            // A kernel that does not keep these statistics writes zeros, and a thread that reads
            // its own has run at least once.
            return running == 0 && slices == 0 ? nil : waiting
        }
    }
}

/// Reads runs of decimal digits from bytes, skipping spaces, without allocating.
struct DigitScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next number on this line; nil where something else than spaces comes first, or where it
    /// does not fit in 64 bits.
    mutating func next() -> UInt64? {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
        let start = position
        var value: UInt64 = 0
        while position < bytes.count {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            let (product, carried) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = product.addingReportingOverflow(UInt64(digit))
            guard !carried, !overflowed else { return nil }
            value = sum
            position += 1
        }
        return position > start ? value : nil
    }
}
