/// The control group's part of the environment record.
///
/// A group is bounded by its ancestors too, so limits are looked for from the process's own group
/// up to the root. Inside a container the root is often all that can be seen, and then it is the
/// container's.
enum ContainerFacts {
    static func values(_ files: SystemFiles) -> [String: String?] {
        let membership = memberships(files.text("proc/self/cgroup") ?? "")
        return [
            "cgroup.cpu-max": processorLimit(files, membership),
            "cgroup.cpuset": allowedProcessors(files, membership),
        ]
    }

    /// Controller to path of the process's group; version 2 under the empty name.
    private static func memberships(_ text: String) -> [String: String] {
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for controller in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                result[String(controller)] = String(parts[2])
            }
        }
        return result
    }

    /// `a/b`, `a` and the root, below each place where a hierarchy is usually mounted.
    private static func directories(_ mounts: [String], _ path: String?) -> [String] {
        var names = (path ?? "").split(separator: "/").filter { $0 != ".." }
        var result: [String] = []
        while true {
            for mount in mounts {
                result.append(
                    (["sys/fs/cgroup" + mount] + names.map(String.init)).joined(separator: "/"))
            }
            guard names.popLast() != nil else { return result }
        }
    }

    private static func processorLimit(
        _ files: SystemFiles, _ membership: [String: String]
    ) -> String? {
        var limits: [Double] = []
        var isKnown = false
        for directory in directories(["", "/unified"], membership[""]) {
            guard let words = files.value("\(directory)/cpu.max")?.split(separator: " ") else {
                continue
            }
            isKnown = true
            if words.count == 2, let quota = Double(words[0]), let period = Double(words[1]) {
                limits.append(quota / period)
            }
        }
        for directory in directories(["/cpu", "/cpu,cpuacct"], membership["cpu"]) {
            guard let quota = files.value("\(directory)/cpu.cfs_quota_us").flatMap({ Double($0) }),
                let period = files.value("\(directory)/cpu.cfs_period_us").flatMap({ Double($0) })
            else { continue }
            isKnown = true
            // Minus one is no limit.
            if quota > 0, period > 0 { limits.append(quota / period) }
        }
        if let tightest = limits.min(), tightest.isFinite {
            return EnvironmentRecord.decimal(tightest, digits: 2)
        }
        // The root group has no limit and no such file, and a mounted hierarchy is how that is
        // seen.
        return isKnown || files.value("sys/fs/cgroup/cgroup.controllers") != nil ? "max" : nil
    }

    private static func allowedProcessors(
        _ files: SystemFiles, _ membership: [String: String]
    ) -> String? {
        let candidates =
            directories(["", "/unified"], membership[""]).map { "\($0)/cpuset.cpus.effective" }
            + directories(["/cpuset"], membership["cpuset"]).map { "\($0)/cpuset.cpus" }
        for path in candidates {
            if let list = files.value(path) { return list }
        }
        return nil
    }
}
