import Glibc

/// Time that the hypervisor gave to somebody else while a CPU wanted to run, by CPU.
public struct MachineCounters: Equatable, Sendable {
    /// Nanoseconds by the CPU's number, since boot or between two snapshots. The kernel counts in
    /// units of 10 ms on most machines, so a short theft may be missing. A CPU that is offline, or
    /// of which the kernel says nothing, is absent.
    public var stealNs: [Int: UInt64]

    public init(stealNs: [Int: UInt64]) { self.stealNs = stealNs }

    /// The sum over its CPUs, in nanoseconds.
    public var totalStealNs: UInt64 { stealNs.values.reduce(0, +) }

    /// What was stolen from `earlier` to `later`, for the CPUs that both have. A counter that went
    /// backwards gives zero.
    public static func - (later: MachineCounters, earlier: MachineCounters) -> MachineCounters {
        MachineCounters(
            stealNs: later.stealNs.reduce(into: [:]) { result, entry in
                guard let before = earlier.stealNs[entry.key] else { return }
                result[entry.key] = increase(entry.value, before)
            })
    }
}

/// Takes snapshots of /proc/stat for given CPUs.
///
/// Keeps the file open and its buffer allocated. The kernel writes the whole file at each reading
/// (tens of microseconds), so it is read between bursts and not inside them. One thread at a time.
public struct MachineProbe: ~Copyable {
    private let file: Int32
    private let cpus: [Int]
    private let buffer: UnsafeMutableRawBufferPointer
    private let unitNs: UInt64

    /// A probe of `cpus`, numbers as in /proc/stat. Where the file is missing every snapshot is
    /// empty.
    public init(cpus: [Int], root: String = "/") {
        self.cpus = cpus
        file = SystemFiles(root: root).open("proc/stat")
        // The lines of the CPUs come first, each at most ten numbers of 20 digits.
        let lines = max(sysconf(Int32(_SC_NPROCESSORS_CONF)), (cpus.max() ?? 0) + 1) + 1
        buffer = .allocate(byteCount: lines * 256, alignment: 16)
        unitNs = 1_000_000_000 / UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
    }

    deinit {
        if file >= 0 { close(file) }
        buffer.deallocate()
    }

    /// The counters since boot.
    public func counters() -> MachineCounters {
        guard file >= 0 else { return MachineCounters(stealNs: [:]) }
        let length = pread(file, buffer.baseAddress, buffer.count, 0)
        guard length > 0 else { return MachineCounters(stealNs: [:]) }
        let text = UnsafeRawBufferPointer(rebasing: buffer[..<length])
        var steal: [Int: UInt64] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            // Anything else than a CPU's line ends them; the first is the sum of all.
            guard line.starts(with: "cpu".utf8) else { break }
            var scanner = DigitScanner(UnsafeRawBufferPointer(rebasing: line.dropFirst(3)))
            guard line.dropFirst(3).first != UInt8(ascii: " "), let number = scanner.next(),
                let cpu = Int(exactly: number), cpus.contains(cpu)
            else { continue }
            // user, nice, system, idle, iowait, irq, softirq; the eighth is steal, absent before
            // 2.6.11.
            var units: UInt64?
            for _ in 0..<8 { units = scanner.next() }
            if let units { steal[cpu] = units &* unitNs }
        }
        return MachineCounters(stealNs: steal)
    }
}
