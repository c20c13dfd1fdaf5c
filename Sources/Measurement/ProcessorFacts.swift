import CPlatform

/// The processor's part of the environment record.
enum ProcessorFacts {
    private static let directory = "sys/devices/system/cpu"

    static func values(_ files: SystemFiles) -> [String: String?] {
        let information = files.text("proc/cpuinfo") ?? ""
        func field(_ name: String) -> String? { SystemFiles.field(name, of: information) }
        return [
            "cpu.architecture": architecture,
            "cpu.model": field("model name") ?? armName(field),
            "cpu.vendor": field("vendor_id") ?? field("CPU implementer"),
            "cpu.signature": signature(field),
            "cpu.microcode": field("microcode"),
            "cpu.count.online": onlineCount(files, information).map { String($0) },
            "cpu.smt": simultaneousThreads(files, field),
            "cpu.governor": governor(files),
            "cpu.mitigations": mitigations(files),
            "cpu.isolated": files.text("\(directory)/isolated").map {
                SystemFiles.trimmed($0).isEmpty ? "none" : SystemFiles.trimmed($0)
            },
            "cpu.allowed": files.text("proc/self/status").flatMap {
                SystemFiles.field("Cpus_allowed_list", of: $0)
            },
            "hypervisor": hypervisor(files, flags: field("flags")),
        ]
    }

    /// `x86-64` or `arm64`, as the program was built.
    static var architecture: String {
        #if arch(x86_64)
            return "x86-64"
        #else
            return "arm64"
        #endif
    }

    private static func armName(_ field: (String) -> String?) -> String? {
        guard let implementer = field("CPU implementer"), let part = field("CPU part") else {
            return nil
        }
        return "arm64 \(implementer) \(part)"
    }

    private static func signature(_ field: (String) -> String?) -> String? {
        let names: [(String, String)] =
            field("cpu family") != nil
            ? [("family", "cpu family"), ("model", "model"), ("stepping", "stepping")]
            : [
                ("implementer", "CPU implementer"), ("part", "CPU part"),
                ("variant", "CPU variant"), ("revision", "CPU revision"),
            ]
        let parts = names.compactMap { name, key in field(key).map { "\(name) \($0)" } }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private static func onlineCount(_ files: SystemFiles, _ information: String) -> Int? {
        if let list = files.value("\(directory)/online"), let count = cpuCount(list) {
            return count
        }
        let lines = information.split(separator: "\n").count { $0.hasPrefix("processor") }
        return lines > 0 ? lines : nil
    }

    /// CPUs in a list such as `0-3,8`; nil where it is not one.
    static func cpuCount(_ list: String) -> Int? {
        var count = 0
        for range in list.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0],
                let last = ends[ends.count - 1],
                first >= 0, last >= first, last < 1 << 20
            else { return nil }
            count += last - first + 1
        }
        return count
    }

    private static func simultaneousThreads(
        _ files: SystemFiles, _ field: (String) -> String?
    ) -> String? {
        switch files.value("\(directory)/smt/active") {
        case "1": return "on"
        case "0": return "off"
        default:
            guard let threads = field("siblings").flatMap({ Int($0) }),
                let cores = field("cpu cores").flatMap({ Int($0) })
            else { return nil }
            return threads > cores ? "on" : "off"
        }
    }

    /// The governors of all CPUs, each named once.
    private static func governor(_ files: SystemFiles) -> String? {
        let cpus = files.names(in: directory).filter {
            $0.hasPrefix("cpu") && Int($0.dropFirst(3)) != nil
        }
        guard !cpus.isEmpty else { return nil }
        let governors = Set(
            cpus.compactMap { files.value("\(directory)/\($0)/cpufreq/scaling_governor") })
        return governors.isEmpty ? "none" : governors.sorted().joined(separator: ", ")
    }

    private static func mitigations(_ files: SystemFiles) -> String? {
        let names = files.names(in: "\(directory)/vulnerabilities")
        guard !names.isEmpty else { return nil }
        let affected = names.compactMap { name -> String? in
            guard let state = files.value("\(directory)/vulnerabilities/\(name)") else {
                return nil
            }
            return state == "Not affected" ? nil : "\(name): \(state)"
        }
        return affected.isEmpty ? "none needed" : affected.joined(separator: " | ")
    }

    /// By the kernel's own word where there is one, then by the processor's, then by the
    /// firmware's.
    private static func hypervisor(_ files: SystemFiles, flags: String?) -> String? {
        if let type = files.value("sys/hypervisor/type") { return type }
        if let flags {
            guard flags.split(separator: " ").contains("hypervisor") else { return "none" }
            // The instruction answers for this machine and for no copy of its files.
            if files.root == "/", let name = hypervisorName() { return name }
        }
        // The firmware's vendor is also that of real machines, so only known names count.
        let vendors = [
            "Amazon EC2": "kvm", "QEMU": "kvm", "Google": "kvm", "Red Hat": "kvm",
            "Microsoft Corporation": "hyper-v", "VMware, Inc.": "vmware", "Xen": "xen",
            "innotek GmbH": "virtualbox",
        ]
        let vendor = files.value("sys/class/dmi/id/sys_vendor").flatMap { vendors[$0] }
        return vendor ?? (flags == nil ? nil : "present")
    }

    private static func hypervisorName() -> String? {
        var bytes = [CChar](repeating: 0, count: 13)
        fq_hypervisor_signature(&bytes)
        let names = [
            "KVMKVMKVM": "kvm", "Linux KVM Hv": "kvm", "Microsoft Hv": "hyper-v",
            "VMwareVMware": "vmware", "XenVMMXenVMM": "xen", "TCGTCGTCGTCG": "qemu-tcg",
            "bhyve bhyve ": "bhyve", "ACRNACRNACRN": "acrn", "VBoxVBoxVBox": "virtualbox",
        ]
        return names[SystemFiles.text(ofCString: bytes)]
    }
}
