import Foundation
import Testing

@testable import Measurement

/// A four-CPU EPYC guest, version 2 control groups.
private let guestFiles = [
    "proc/sys/kernel/osrelease": "6.9.1-test\n",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_DYNAMIC Mon\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "proc/cmdline":
        "BOOT_IMAGE=/boot/vmlinuz root=UUID=12-34 mitigations=auto quiet -- --addr 1.2.3.4\n",
    "boot/config-6.9.1-test": "# CONFIG_HZ_100 is not set\nCONFIG_HZ_250=y\nCONFIG_HZ=250\n"
        + "# CONFIG_PREEMPT_NONE is not set\nCONFIG_PREEMPT_VOLUNTARY=y\n",
    "proc/cpuinfo": """
    processor\t: 0
    vendor_id\t: AuthenticAMD
    cpu family\t: 25
    model\t\t: 1
    model name\t: AMD EPYC 7763 64-Core Processor
    stepping\t: 1
    microcode\t: 0xa0011d1
    siblings\t: 4
    cpu cores\t: 2
    flags\t\t: fpu tsc hypervisor constant_tsc

    processor\t: 1
    """,
    "proc/meminfo": "MemTotal:       16384000 kB\nMemFree: 1 kB\n",
    "proc/loadavg": "0.68 0.20 0.06 2/155 9\n",
    "proc/stat": "cpu  50 0 20 20 0 0 5 5 7 7\ncpu0 1 1 1 1 1 1 1 1\n",
    "proc/self/cgroup": "0::/a/b\n",
    "proc/self/status": "Name:\tx\nCpus_allowed_list:\t0-1\n",
    "proc/self/stat": "77 (a ) b) S 1 77 77 0 -1 0 1 1 1 1 1 1 1 1 15 -5 1 0 9 9 9 9 9 9 9 9 9"
        + " 9 9 9 9 9 9 0 17 0 50 3 0 0\n",
    "proc/self/maps": "7f0-7f1 r-xp 0 08:01 1   /usr/lib/liburcu-memb.so.8.1.0\n",
    "etc/os-release": "NAME=\"Test\"\nPRETTY_NAME=\"Test OS 12\"\n",
    "sys/devices/system/cpu/online": "0-3\n",
    "sys/devices/system/cpu/isolated": "\n",
    "sys/devices/system/cpu/smt/active": "1\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/vulnerabilities/meltdown": "Not affected\n",
    "sys/devices/system/cpu/vulnerabilities/spectre_v2": "Mitigation: Retpolines\n",
    "sys/devices/system/cpu/vulnerabilities/retbleed": "Vulnerable\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/class/dmi/id/sys_vendor": "QEMU\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu cpuset\n",
    "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
    "sys/fs/cgroup/a/cpuset.cpus.effective": "0-2\n",
]

@Suite struct EnvironmentRecordTests {
    @Test func everyFactOfAGuestIsRead() throws {
        let tree = try FakeTree(guestFiles)
        var record = EnvironmentRecord.capture(root: tree.root)
        // Facts of this process, whatever the root.
        for key in ["libc", "jemalloc", "hwloc", "cpu.architecture"] {
            #expect(record.removeValue(forKey: key) != nil)
        }
        let expected = [
            "cgroup.cpu-max": "1.50", "cgroup.cpuset": "0-2", "clocksource": "tsc",
            "cpu.allowed": "0-1", "cpu.count.online": "4",
            "cpu.governor": "performance, powersave", "cpu.isolated": "none",
            "cpu.microcode": "0xa0011d1",
            "cpu.mitigations": "retbleed: Vulnerable | spectre_v2: Mitigation: Retpolines",
            "cpu.model": "AMD EPYC 7763 64-Core Processor",
            "cpu.signature": "family 25, model 1, stepping 1", "cpu.smt": "on",
            "cpu.vendor": "AuthenticAMD", "hypervisor": "kvm",
            "kernel.command-line": "BOOT_IMAGE=… root=… mitigations=auto quiet",
            "kernel.preemption": "voluntary", "kernel.release": "6.9.1-test",
            "kernel.tick-hz": "250", "kernel.version": "#1 SMP PREEMPT_DYNAMIC Mon",
            "liburcu": "8.1.0", "load.1m": "0.68", "load.5m": "0.20", "load.15m": "0.06",
            "memory.total": "16777216000", "memory.transparent-huge-pages": "madvise",
            "nice": "-5", "os.name": "Test OS 12", "randomize-va-space": "2",
            "scheduler.policy": "batch", "steal-share": "0.0500",
        ]
        for (key, value) in expected { #expect(record[key] == value, "\(key)") }
        #expect(Set(record.keys) == Set(expected.keys))
    }

    @Test func anEmptyMachineIsUnknown() throws {
        let tree = try FakeTree()
        let record = EnvironmentRecord.capture(root: tree.root)
        let ofProcess: Set = ["libc", "jemalloc", "hwloc", "cpu.architecture"]
        for key in EnvironmentRecord.keys where key.name != "liburcu" {
            #expect((record[key.name] == "unknown") == !ofProcess.contains(key.name), "\(key.name)")
        }
        #expect(record["liburcu"] == nil)
        #expect(EnvironmentRecord.machineClass(of: record) == record["cpu.architecture"])
    }

    /// Each file in turn is empty, then garbage: no value may be lost but its own.
    @Test(arguments: ["", "\u{0}\u{0}\n:::\n=\n(", ": : :\n- - - -\n[\n"])
    func brokenFilesBreakNothing(content: String) throws {
        for path in guestFiles.keys {
            var files = guestFiles
            files[path] = content
            let tree = try FakeTree(files)
            let record = EnvironmentRecord.capture(root: tree.root)
            #expect(record.count >= EnvironmentRecord.keys.count - 1, "\(path)")
            #expect(record["os.name"] == (path.hasSuffix("os-release") ? "unknown" : "Test OS 12"))
        }
    }

    @Test func thisMachineFillsOnlyKnownKeys() {
        let record = EnvironmentRecord.capture()
        let names = EnvironmentRecord.keys.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names == names.sorted())
        #expect(Set(record.keys).isSubset(of: names))
        #expect(Set(names).subtracting(record.keys).isSubset(of: ["liburcu"]))
        #expect(record.values.allSatisfy { !$0.isEmpty && !$0.contains("\n") })
        #expect(record["libc"]?.hasPrefix("glibc 2.") == true)
        for (key, value) in record.sorted(by: { $0.key < $1.key }) { print("  \(key): \(value)") }
        let machine = EnvironmentRecord.machineClass(of: record)
        print("  class \(machine), fingerprint \(EnvironmentRecord.fingerprint(of: record))")
    }

    @Test func thisMachinesNamesAreNotRecorded() {
        let record = EnvironmentRecord.capture()
        // A host may be called what a CPU or a hypervisor is; only boot parameters are free text.
        let words = (record["kernel.command-line"] ?? "").split {
            !$0.isLetter && !$0.isNumber && $0 != "-" && $0 != "."
        }
        #expect(!words.contains(Substring(ProcessInfo.processInfo.hostName)))
        #expect(!record.values.joined(separator: " ").contains(NSHomeDirectory() + "/"))
    }

    @Test func controlGroupsOfVersionOneAreRead() throws {
        let tree = try FakeTree([
            "proc/self/cgroup": "3:cpuset:/x\n2:cpu,cpuacct:/x\n0::/\n",
            "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpuset/cpuset.cpus": "0-7\n",
        ])
        var record = EnvironmentRecord.capture(root: tree.root)
        #expect(record["cgroup.cpu-max"] == "0.50")
        #expect(record["cgroup.cpuset"] == "0-7")
        try tree.write("-1\n", to: "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us")
        record = EnvironmentRecord.capture(root: tree.root)
        #expect(record["cgroup.cpu-max"] == "max")
    }

    @Test func aPathThatClimbsOutIsNotFollowed() throws {
        let tree = try FakeTree([
            "proc/self/cgroup": "0::/../../secret\n", "secret/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu\n",
        ])
        #expect(EnvironmentRecord.capture(root: tree.root)["cgroup.cpu-max"] == "max")
    }

    @Test func anARMCPUIsNamedByItsNumbers() throws {
        let tree = try FakeTree([
            "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x3\n"
                + "CPU part\t: 0xd0c\nCPU revision\t: 1\n\nprocessor\t: 1\n"
        ])
        let record = EnvironmentRecord.capture(root: tree.root)
        #expect(record["cpu.model"] == "arm64 0x41 0xd0c")
        #expect(
            record["cpu.signature"] == "implementer 0x41, part 0xd0c, variant 0x3, revision 1")
        #expect(record["cpu.count.online"] == "2")
        #expect(EnvironmentRecord.machineClass(of: record) == "arm64-0x41-0xd0c-2c")
    }

    @Test(arguments: [
        ("0", 1), ("0-3", 4), ("0-3,8", 5), ("0,2,4-5", 4), ("", nil), ("a", nil), ("3-1", nil),
        ("0-", nil), ("0-99999999999", nil), ("1-2-3", nil), ("0,,1", nil),
    ])
    func cpuListsAreCounted(list: String, count: Int?) {
        #expect(ProcessorFacts.cpuCount(list) == count)
    }
}

@Suite struct KernelFactsTests {
    @Test(arguments: [
        ("quiet", "quiet"), ("a=1 b", "a=1 b"),
        ("ip=10.0.0.1::::web7:eth0 isolcpus=2,3", "ip=… isolcpus=2,3"),
        (
            "rd.luks.uuid=ab systemd.hostname=web7 nohz_full=1",
            "rd.luks.uuid=… systemd.hostname=… nohz_full=1"
        ),
        ("x=PARTUUID=77-88 preempt=full", "x=… preempt=full"),
        ("x=web7 y=aweb7 z=web7.example,web71", "x=… y=aweb7 z=….example,web71"),
        ("a -- b=c d", "a"), ("", ""), ("==", "=="),
    ])
    func commandLinesNameNobody(text: String, expected: String) {
        #expect(KernelFacts.publicCommandLine(text, host: "web7") == expected)
        #expect(!KernelFacts.publicCommandLine(text, host: "").contains("UUID"))
    }

    @Test func theMostRecentWordOnPreemptionCounts() {
        func mode(
            debug: String? = nil, _ version: String?, _ commandLine: String? = nil,
            _ configuration: String? = nil
        ) -> String? {
            KernelFacts.preemption(
                debug: debug, version: version, commandLine: commandLine,
                configuration: configuration)
        }
        let dynamic = "#1 SMP PREEMPT_DYNAMIC Mon"
        let built = "CONFIG_PREEMPT_NONE=y\n"
        #expect(mode(debug: "none voluntary (full) lazy", dynamic, "preempt=none", built) == "full")
        #expect(mode(dynamic, "quiet preempt=lazy", built) == "lazy")
        #expect(mode(dynamic, "quiet -- preempt=lazy", built) == "none")
        #expect(mode(dynamic, nil, nil) == "dynamic")
        #expect(mode("#1 SMP PREEMPT_RT", "preempt=none", built) == "rt")
        #expect(mode("#1 SMP PREEMPT Mon", nil, nil) == "full")
        #expect(mode("#1 SMP Mon", nil, "CONFIG_PREEMPT_VOLUNTARY=y") == "voluntary")
        #expect(mode("#1 SMP Mon") == nil)
        #expect(mode(nil, "preempt=full", built) == nil)
    }

    @Test(.enabled(if: CommandOutput.of(["gzip", "--version"]) != nil))
    func aCompressedConfigurationIsRead() throws {
        let tree = try FakeTree([
            "proc/sys/kernel/osrelease": "1.2.3\n", "proc/config": "CONFIG_HZ=1000\n",
        ])
        _ = try #require(CommandOutput.of(["gzip", tree.path("proc/config")]))
        #expect(EnvironmentRecord.capture(root: tree.root)["kernel.tick-hz"] == "1000")
    }
}

@Suite struct FingerprintTests {
    @Test func hashIsFNV1a() {
        // From the reference test vectors of FNV-1a with 64 bits.
        for (text, expected) in [
            ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8"),
        ] {
            var hash = FNV1a()
            hash.add(text)
            #expect(hash.hexadecimal == expected)
        }
    }

    @Test func onlyMarkedKeysDecide() {
        let record = Dictionary(
            uniqueKeysWithValues: EnvironmentRecord.keys.map { ($0.name, "value") })
        let fingerprint = EnvironmentRecord.fingerprint(of: record)
        #expect(fingerprint.count == 16)
        for key in EnvironmentRecord.keys {
            var other = record
            other[key.name] = "another"
            #expect(
                (EnvironmentRecord.fingerprint(of: other) == fingerprint) != key.isFingerprinted,
                "\(key.name)")
        }
        for name in ["cpu.model", "cpu.count.online", "kernel.release", "hypervisor", "libc"] {
            #expect(EnvironmentRecord.keys.first { $0.name == name }?.isFingerprinted == true)
        }
        for name in ["load.1m", "steal-share", "memory.total"] {
            #expect(EnvironmentRecord.keys.first { $0.name == name }?.isFingerprinted == false)
        }
    }

    @Test func aMissingKeyIsAnUnknownOne() {
        var record = ["cpu.model": "x", "libc": "unknown"]
        let fingerprint = EnvironmentRecord.fingerprint(of: record)
        record["libc"] = nil
        #expect(EnvironmentRecord.fingerprint(of: record) == fingerprint)
    }
}

@Suite struct MachineClassTests {
    @Test(arguments: [
        ("AMD EPYC 7763 64-Core Processor", "2", "epyc-7763-2c"),
        ("AMD EPYC", "2", "epyc-2c"),
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "4", "xeon-platinum-8370c-4c"),
        ("Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz", "16", "xeon-e5-2673-v4-16c"),
        ("13th Gen Intel(R) Core(TM) i7-13700H", "20", "13th-gen-core-i7-20c"),
        ("unknown", "2", "x86-64-2c"), ("", "2", "x86-64-2c"), ("@ 3 GHz", "2", "x86-64-2c"),
        ("Ünïcode ☃ CPU", "2", "n-code-2c"), ("---", "unknown", "x86-64"),
        ("Averyveryverylongsinglewordmodelname", "128", "x86-64-128c"),
    ])
    func namesAreShortAndKebab(model: String, count: String, expected: String) {
        let name = EnvironmentRecord.machineClass(of: [
            "cpu.model": model, "cpu.count.online": count, "cpu.architecture": "x86-64",
        ])
        #expect(name == expected)
        #expect(name.count <= EnvironmentRecord.machineClassLimit)
        #expect(name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") })
    }

    @Test func anEmptyRecordStillHasAName() {
        #expect(EnvironmentRecord.machineClass(of: [:]) == "unknown")
    }
}
