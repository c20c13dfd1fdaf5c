import CHwloc
import Glibc

/// The machine and its settings, as text by dotted key. `keys` says what each key means.
///
/// Nothing here names the host, a user or a user's paths. Any thread, at any time; some
/// milliseconds.
public enum EnvironmentRecord {
    /// Reads the machine. What it does not tell is `unknown`; nothing is an error.
    ///
    /// - Parameter root: `/`, or a directory with a `proc`, `sys` and `etc` of its own. Versions of
    ///   loaded libraries are always those of this process.
    public static func capture(root: String = "/") -> [String: String] {
        let files = SystemFiles(root: root)
        var values: [String: String?] = [
            "libc": libcVersion(),
            "jemalloc": ProcessMemory.jemallocVersion(),
            "hwloc": hwlocVersion(),
            "clocksource": files.value(
                "sys/devices/system/clocksource/clocksource0/current_clocksource"),
            "randomize-va-space": files.value("proc/sys/kernel/randomize_va_space"),
            "memory.total": totalMemoryBytes(files),
            "memory.transparent-huge-pages": files.value(
                "sys/kernel/mm/transparent_hugepage/enabled"
            )
            .flatMap(chosen),
            "os.name": osName(files),
            "steal-share": stealShare(files),
        ]
        for part in [
            KernelFacts.values(files), ProcessorFacts.values(files),
            ContainerFacts.values(files), loadAndScheduling(files),
        ] {
            values.merge(part) { _, new in new }
        }
        var record: [String: String] = [:]
        for key in keys { record[key.name] = (values[key.name] ?? nil) ?? unknown }
        record["liburcu"] = loadedLibraryVersion("liburcu", files)
        return record
    }

    /// Equal for two environments whose times may be compared: FNV-1a over the keys marked
    /// `isFingerprinted`, 16 hexadecimal digits. A key that is missing counts as `unknown`.
    public static func fingerprint(of environment: [String: String]) -> String {
        var hash = FNV1a()
        for key in keys.filter(\.isFingerprinted).sorted(by: { $0.name < $1.name }) {
            hash.add("\(key.name)=\(environment[key.name] ?? unknown)\n")
        }
        return hash.hexadecimal
    }

    /// The word in brackets, by which the kernel marks a choice: `always [madvise] never`.
    static func chosen(_ text: String) -> String? {
        guard let open = text.firstIndex(of: "["),
            let close = text[open...].firstIndex(of: "]")
        else { return nil }
        return String(text[text.index(after: open)..<close])
    }

    /// `glibc 2.36`; nil with another C library.
    private static func libcVersion() -> String? {
        var bytes = [CChar](repeating: 0, count: 64)
        guard confstr(Int32(_CS_GNU_LIBC_VERSION), &bytes, bytes.count) > 0 else { return nil }
        return SystemFiles.text(ofCString: bytes)
    }

    private static func hwlocVersion() -> String {
        let version = hwloc_get_api_version()
        return "API \(version >> 16).\(version >> 8 & 0xFF).\(version & 0xFF)"
    }

    private static func totalMemoryBytes(_ files: SystemFiles) -> String? {
        guard let text = files.text("proc/meminfo"),
            let total = SystemFiles.field("MemTotal", of: text)
        else { return nil }
        let words = total.split(separator: " ")
        guard words.count == 2, words[1] == "kB", let kilobytes = UInt64(words[0]) else {
            return nil
        }
        return String(kilobytes * 1024)
    }

    private static func osName(_ files: SystemFiles) -> String? {
        guard let text = files.text("etc/os-release") ?? files.text("usr/lib/os-release") else {
            return nil
        }
        let prefix = "PRETTY_NAME="
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }) else {
            return nil
        }
        let name = SystemFiles.trimmed(line.dropFirst(prefix.count)).filter { $0 != "\"" }
        return name.isEmpty ? nil : name
    }

    private static func stealShare(_ files: SystemFiles) -> String? {
        guard let line = files.text("proc/stat")?.split(separator: "\n").first,
            line.hasPrefix("cpu ")
        else { return nil }
        let units = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
        // Guest time, the ninth and tenth number, is part of user time and not added again.
        let total = units.reduce(0, +)
        guard units.count == 8, total > 0 else { return nil }
        return decimal(units[7] / total, digits: 4)
    }

    /// Load averages, and how this process is scheduled.
    private static func loadAndScheduling(_ files: SystemFiles) -> [String: String?] {
        var values: [String: String?] = [:]
        let averages = (files.value("proc/loadavg") ?? "").split(separator: " ").map(String.init)
        if averages.count >= 3 {
            values["load.1m"] = averages[0]
            values["load.5m"] = averages[1]
            values["load.15m"] = averages[2]
        }
        // The command's name, in brackets, may itself hold spaces and brackets.
        guard let stat = files.value("proc/self/stat"), let end = stat.lastIndex(of: ")") else {
            return values
        }
        // Counted from the third field, the state: nice is field 19, the policy is field 41.
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        if fields.count > 16 { values["nice"] = String(fields[16]) }
        let policies = [
            "0": "other", "1": "fifo", "2": "rr", "3": "batch", "5": "idle", "6": "deadline",
            "7": "ext",
        ]
        if fields.count > 38 { values["scheduler.policy"] = policies[String(fields[38])] }
        return values
    }

    /// The numbers after `.so.` of the file that a loaded library was mapped from.
    private static func loadedLibraryVersion(_ name: String, _ files: SystemFiles) -> String? {
        for line in (files.text("proc/self/maps") ?? "").split(separator: "\n") {
            guard let file = line.split(separator: "/").last, file.hasPrefix(name) else { continue }
            guard let suffix = file.range(ofText: ".so.") else { continue }
            return String(file[suffix.upperBound...])
        }
        return nil
    }

    /// A number with so many digits after the point, whatever the locale.
    static func decimal(_ value: Double, digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count)
            + fraction
    }
}

/// FNV-1a with 64 bits: short, stable between versions, and not for secrets.
struct FNV1a {
    private var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ text: String) {
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    var hexadecimal: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension StringProtocol {
    /// Where `text` occurs first.
    func range(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) {
                return start..<index(start, offsetBy: text.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
