/// The machine and what can be placed on it, for `fqbench topology --json`.
public struct TopologyReport: Codable, Equatable, Sendable {
    /// One placement that exists.
    public struct Row: Codable, Equatable, Sendable {
        public let threads: Int
        public let placement: PlacementName
        /// One per thread, in thread order.
        public let cpus: [Int]
    }

    /// One line.
    public let summary: String
    /// In hwloc's order.
    public let pus: [ProcessingUnit]
    /// Ascending.
    public let allowedCPUs: [Int]
    /// What `ProcessingUnit.coreKind` indexes.
    public let coreKinds: [CoreKind]
    /// See `MachineShape.l3IsReported`.
    public let l3IsReported: Bool
    /// Ascending by threads, then in `PlacementName`'s order.
    public let placements: [Row]
}

extension MachineShape {
    /// The shape with its placements.
    ///
    /// - Parameter threadCounts: Each at least 1; nil for `tableThreadCounts`.
    public func report(threadCounts: [Int]? = nil) -> TopologyReport {
        TopologyReport(
            summary: summary, pus: pus, allowedCPUs: allowedCPUs, coreKinds: coreKinds,
            l3IsReported: l3IsReported,
            placements: (threadCounts ?? tableThreadCounts).flatMap { threads in
                placements(threads: threads).map {
                    TopologyReport.Row(threads: threads, placement: $0.name, cpus: $0.cpus)
                }
            })
    }

    /// The thread counts that a table shows: 2 to 8, then powers of two, up to the allowed CPUs,
    /// and one more than those, which is oversubscribed.
    public var tableThreadCounts: [Int] {
        let most = allowedCPUs.count
        var counts = Array((2...8).prefix { $0 <= most })
        var next = 16
        while next <= most {
            counts.append(next)
            next *= 2
        }
        if most > 1, counts.last != most { counts.append(most) }
        return counts + [max(2, most + 1)]
    }

    /// The machine for a terminal: the summary, a tree of packages, NUMA nodes, L3s and cores, and
    /// the table of placements. No trailing blanks, no colour.
    ///
    /// Up to 16 cores are listed one by one with their CPUs, those allowed marked `*`; larger
    /// machines show ranges for each L3 and core kind.
    ///
    /// - Parameter width: Columns that no line exceeds; less than 80 is taken as 80.
    public func describe(width: Int) -> [String] {
        let lines = heading + [""] + tree + [""] + table(width: max(80, width))
        return lines.flatMap { Self.wrapped($0, width: max(80, width)) }
    }

    private var heading: [String] {
        var lines = [
            summary,
            "allowed CPUs: \(CPUList.text(allowedCPUs)) "
                + "(\(allowedCPUs.count) of \(pus.count))",
        ]
        if !l3IsReported {
            lines.append(
                "no L3 is reported for some cores: a cache group is the largest cache that")
            lines.append("cores share, or else the cores of one package and NUMA node")
        }
        if coreKinds.count > 1 {
            lines += coreKinds.indices.map { kind in
                let rank = coreKinds[kind].efficiency.map { "rank \($0)" } ?? "not ranked"
                let cpus = pus.filter { $0.coreKind == kind }.map(\.cpu).sorted()
                return "core kind \(label(ofKind: kind)): \(rank), CPUs \(CPUList.text(cpus))"
            }
        }
        return lines
    }

    private var tree: [String] {
        let isFolded = Set(pus.map(\.core)).count > 16
        var lines = isFolded ? [] : ["* marks allowed CPUs"]
        for package in Self.parts(of: pus, by: \.package) {
            lines.append("package \(package[0].package)")
            for node in Self.parts(of: package, by: \.numaNode) {
                lines.append("  NUMA node \(node[0].numaNode)")
                for group in Self.parts(of: node, by: \.l3Group) {
                    let name = l3IsReported ? "L3" : "cache group"
                    lines.append("    \(name) \(group[0].l3Group)")
                    lines += isFolded ? folded(group) : listed(group)
                }
            }
        }
        return lines
    }

    private func listed(_ group: [ProcessingUnit]) -> [String] {
        Self.parts(of: group, by: \.core).map { core in
            let cpus = core.map { "\($0.cpu)\(isAllowed($0.cpu) ? "*" : "")" }
            let kind = coreKinds.count > 1 ? " (\(label(ofKind: core[0].coreKind)))" : ""
            return "      core \(core[0].core)\(kind): CPU\(core.count == 1 ? "" : "s") "
                + cpus.joined(separator: ",")
        }
    }

    private func folded(_ group: [ProcessingUnit]) -> [String] {
        Self.parts(of: group, by: \.coreKind).map { alike in
            let cores = CPUList.text(Set(alike.map(\.core)).sorted())
            let cpus = alike.map(\.cpu).sorted()
            let allowed = cpus.filter(isAllowed)
            let kind = coreKinds.count > 1 ? " (\(label(ofKind: alike[0].coreKind)))" : ""
            let which = allowed == cpus ? "all" : CPUList.text(allowed)
            return "      cores \(cores)\(kind): CPUs \(CPUList.text(cpus)), allowed: \(which)"
        }
    }

    private func label(ofKind kind: Int) -> String {
        coreKinds[kind].name.map { "\(kind) \($0)" } ?? "\(kind)"
    }

    private func table(width: Int) -> [String] {
        func row(_ threads: String, _ name: String, _ cpus: String) -> String {
            let left = String(repeating: " ", count: 7 - min(7, threads.count)) + threads
            let middle = name + String(repeating: " ", count: 14 - min(14, name.count))
            return "\(left)  \(middle)  \(cpus)"
        }
        var lines = [row("threads", "placement", "CPUs in thread order")]
        for threads in tableThreadCounts {
            let placements = placements(threads: threads)
            if placements.isEmpty {
                lines.append(
                    row("\(threads)", "none", "only mixed relations or core kinds would do"))
            }
            lines += placements.map {
                row("\(threads)", $0.name.rawValue, CPUList.text($0.cpus))
            }
        }
        let indent = String(repeating: " ", count: 25)
        return lines.flatMap { Self.wrapped($0, width: width, indent: indent) }
    }

    /// Parts with one value of the key each, in order of first appearance.
    private static func parts(
        of units: [ProcessingUnit], by key: KeyPath<ProcessingUnit, Int>
    ) -> [[ProcessingUnit]] {
        var order: [Int] = []
        var parts: [Int: [ProcessingUnit]] = [:]
        for unit in units {
            if parts[unit[keyPath: key]] == nil { order.append(unit[keyPath: key]) }
            parts[unit[keyPath: key], default: []].append(unit)
        }
        return order.compactMap { parts[$0] }
    }

    /// Breaks a line after commas and blanks; a piece that is longer than a line is cut. Later
    /// lines start with `indent`, or else two columns to the right of the first.
    private static func wrapped(_ line: String, width: Int, indent: String? = nil) -> [String] {
        guard line.count > width else { return [line] }
        let indent = indent ?? String(line.prefix { $0 == " " }) + "  "
        var lines: [String] = []
        var rest = Substring(line)
        while rest.count > width {
            let room = rest.prefix(width)
            let cut =
                room.dropFirst(indent.count).lastIndex { $0 == "," || $0 == " " }
                .map { room.index(after: $0) } ?? room.endIndex
            var head = room[..<cut]
            while head.last == " " { head.removeLast() }
            lines.append(String(head))
            rest = indent + rest[cut...]
        }
        return lines + [String(rest)]
    }
}
