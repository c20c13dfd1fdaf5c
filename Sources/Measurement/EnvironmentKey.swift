/// One fact of an environment record.
public struct EnvironmentKey: Sendable, Equatable {
    /// The dotted key in a result file.
    public let name: String
    /// What its value says, and in which unit.
    public let meaning: String
    /// Whether two runs must agree on it before their times are compared.
    public let isFingerprinted: Bool

    init(_ name: String, _ meaning: String, fingerprinted: Bool = false) {
        self.name = name
        self.meaning = meaning
        isFingerprinted = fingerprinted
    }
}

extension EnvironmentRecord {
    /// What a value reads where the machine does not tell.
    public static let unknown = "unknown"

    /// Every key that `capture` can write; all but `liburcu` are always there.
    public static let keys: [EnvironmentKey] = [
        EnvironmentKey(
            "cgroup.cpu-max", "CPUs that the control group may use, decimal; max: all",
            fingerprinted: true),
        EnvironmentKey(
            "cgroup.cpuset", "CPUs that the control group allows, as a list", fingerprinted: true),
        EnvironmentKey("clocksource", "what the kernel keeps time with", fingerprinted: true),
        EnvironmentKey("cpu.allowed", "CPUs that this process may use, as a list"),
        EnvironmentKey(
            "cpu.architecture", "x86-64 or arm64, as the program was built", fingerprinted: true),
        EnvironmentKey("cpu.count.online", "number of CPUs that are online", fingerprinted: true),
        EnvironmentKey(
            "cpu.governor", "frequency governors in use; none: no frequency control here",
            fingerprinted: true),
        EnvironmentKey(
            "cpu.isolated", "CPUs that the scheduler leaves alone, as a list, or none",
            fingerprinted: true),
        EnvironmentKey("cpu.microcode", "microcode revision", fingerprinted: true),
        EnvironmentKey(
            "cpu.mitigations",
            "what the kernel does about each vulnerability of this CPU, or none needed",
            fingerprinted: true),
        EnvironmentKey("cpu.model", "the CPU's own name", fingerprinted: true),
        EnvironmentKey(
            "cpu.signature", "family, model and stepping, or implementer and part",
            fingerprinted: true),
        EnvironmentKey("cpu.smt", "on or off: whether two CPUs share a core", fingerprinted: true),
        EnvironmentKey("cpu.vendor", "who made the CPU"),
        EnvironmentKey("hwloc", "version of hwloc's interface"),
        EnvironmentKey("hypervisor", "kind of hypervisor, or none", fingerprinted: true),
        EnvironmentKey("jemalloc", "version of jemalloc", fingerprinted: true),
        EnvironmentKey(
            "kernel.command-line", "boot parameters; values that name the machine are …"),
        EnvironmentKey(
            "kernel.preemption", "none, voluntary, lazy, full or rt; dynamic: chosen at boot",
            fingerprinted: true),
        EnvironmentKey("kernel.release", "as uname -r", fingerprinted: true),
        EnvironmentKey("kernel.tick-hz", "scheduler ticks per second", fingerprinted: true),
        EnvironmentKey("kernel.version", "build number and options, as uname -v"),
        EnvironmentKey("libc", "the C library and its version", fingerprinted: true),
        EnvironmentKey("liburcu", "version of the loaded library's file; absent where not loaded"),
        EnvironmentKey("load.15m", "load average at the start, 15 minutes"),
        EnvironmentKey("load.1m", "load average at the start, 1 minute"),
        EnvironmentKey("load.5m", "load average at the start, 5 minutes"),
        EnvironmentKey("memory.total", "bytes of memory"),
        EnvironmentKey(
            "memory.transparent-huge-pages", "always, madvise or never", fingerprinted: true),
        EnvironmentKey("nice", "nice value of the process, -20…19", fingerprinted: true),
        EnvironmentKey("os.name", "the distribution's own name"),
        EnvironmentKey("randomize-va-space", "layout randomisation: 0 off, 1 partial, 2 full"),
        EnvironmentKey(
            "scheduler.policy", "other, fifo, rr, batch, idle, deadline or ext", fingerprinted: true
        ),
        EnvironmentKey(
            "steal-share", "share of all CPU time since boot that the hypervisor took, 0…1"),
    ]
}
