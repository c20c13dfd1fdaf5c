import Glibc

/// The kernel's part of the environment record.
enum KernelFacts {
    static func values(_ files: SystemFiles) -> [String: String?] {
        let release = files.value("proc/sys/kernel/osrelease")
        let version = files.value("proc/sys/kernel/version")
        let commandLine = files.value("proc/cmdline")
        let configuration = configuration(files, release: release)
        return [
            "kernel.release": release,
            "kernel.version": version,
            "kernel.command-line": commandLine.map { publicCommandLine($0, host: hostName()) },
            "kernel.preemption": preemption(
                debug: files.value("sys/kernel/debug/sched/preempt"), version: version,
                commandLine: commandLine, configuration: configuration),
            "kernel.tick-hz": configuration.flatMap { setting("CONFIG_HZ", in: $0) },
        ]
    }

    /// Boot parameters as they may be published. Arguments for init, after ` -- `, are left out:
    /// they are no kernel parameters. Values that name a disk, an address or a host become `…`, and
    /// so does the host's own name wherever it stands as a word.
    static func publicCommandLine(_ text: String, host: String) -> String {
        let parameters = text.split(whereSeparator: \.isWhitespace).prefix { $0 != "--" }
        return parameters.map { parameter in
            let parts = parameter.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return String(parameter) }
            if isPrivate(parts[0]) || parts[1].contains("UUID=") { return "\(parts[0])=…" }
            return "\(parts[0])=" + replacing(host, in: parts[1])
        }.joined(separator: " ")
    }

    private static let privateParameters: Set<Substring> = [
        "boot_image", "bootif", "cryptdevice", "ds", "hostname", "init", "initrd", "ip", "luks",
        "nameserver",
        "netconsole", "nfsaddrs", "nfsroot", "rdinit", "resume", "root", "url",
    ]
    private static let privatePrefixes = [
        "bootdev", "cloud-", "coreos.", "ifname", "ignition.", "iscsi", "netroot", "ostree",
        "rd.", "systemd.", "vlan",
    ]

    private static func isPrivate(_ name: Substring) -> Bool {
        let lower = name.lowercased()
        return privateParameters.contains(lower[...])
            || privatePrefixes.contains { lower.hasPrefix($0) }
    }

    private static func replacing(_ host: String, in value: Substring) -> String {
        guard !host.isEmpty else { return String(value) }
        var result = ""
        var rest = value
        while let found = rest.range(ofText: host) {
            let before =
                found.lowerBound == value.startIndex
                ? nil : value[value.index(before: found.lowerBound)]
            let after = found.upperBound == value.endIndex ? nil : value[found.upperBound]
            let isWord = [before, after].allSatisfy {
                !($0?.isLetter ?? false || $0?.isNumber ?? false)
            }
            result += rest[..<found.lowerBound] + (isWord ? "…" : host)
            rest = rest[found.upperBound...]
        }
        return result + rest
    }

    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return SystemFiles.text(ofCString: name)
    }

    /// How the kernel preempts itself. What it says about now goes before what it was booted with,
    /// and that before what it was built with.
    static func preemption(
        debug: String?, version: String?, commandLine: String?, configuration: String?
    ) -> String? {
        // The scheduler's own file puts the mode in force in round brackets: `none (full) lazy`.
        if let debug, let open = debug.firstIndex(of: "("),
            let close = debug[open...].firstIndex(of: ")")
        {
            return String(debug[debug.index(after: open)..<close])
        }
        guard let version else { return nil }
        let words = version.split(separator: " ")
        if words.contains("PREEMPT_RT") { return "rt" }
        let built = configuration.flatMap(builtPreemption)
        guard words.contains(where: { $0.hasPrefix("PREEMPT_DYNAMIC") }) else {
            return built ?? (words.contains("PREEMPT") ? "full" : nil)
        }
        let parameter = (commandLine ?? "").split(whereSeparator: \.isWhitespace)
            .prefix { $0 != "--" }.last { $0.hasPrefix("preempt=") }
        return parameter.map { String($0.dropFirst("preempt=".count)) } ?? built ?? "dynamic"
    }

    private static func builtPreemption(_ configuration: String) -> String? {
        let modes = [
            ("CONFIG_PREEMPT_NONE", "none"), ("CONFIG_PREEMPT_VOLUNTARY", "voluntary"),
            ("CONFIG_PREEMPT_LAZY", "lazy"), ("CONFIG_PREEMPT", "full"),
        ]
        return modes.first { setting($0.0, in: configuration) == "y" }?.1
    }

    private static func setting(_ name: String, in configuration: String) -> String? {
        let prefix = name + "="
        return configuration.split(separator: "\n").first { $0.hasPrefix(prefix) }
            .map { SystemFiles.trimmed($0.dropFirst(prefix.count)) }
    }

    /// The running kernel's build options, from wherever they are kept.
    private static func configuration(_ files: SystemFiles, release: String?) -> String? {
        if let release, !release.contains("/") {
            for path in ["boot/config-\(release)", "lib/modules/\(release)/config"] {
                if let text = files.text(path) { return text }
            }
        }
        let compressed = files.path("proc/config.gz")
        guard access(compressed, R_OK) == 0 else { return nil }
        return CommandOutput.of(["gzip", "-dc", compressed])
    }
}
