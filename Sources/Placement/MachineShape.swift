/// One hardware thread and where it sits.
public struct ProcessingUnit: Hashable, Codable, Sendable {
    /// The number that the operating system gives it; what `taskset` and `/proc` say.
    public let cpu: Int
    /// Dense from 0 over the whole machine, in hwloc's order.
    public let core: Int
    /// Dense from 0 over the whole machine; the processing units under one L3. See
    /// `MachineShape.l3IsReported` for machines that show none.
    public let l3Group: Int
    /// The operating system's number of the nearest node; the lowest where several are as near.
    public let numaNode: Int
    /// Dense from 0, in hwloc's order.
    public let package: Int
    /// Index into `MachineShape.coreKinds`.
    public let coreKind: Int

    public init(cpu: Int, core: Int, l3Group: Int, numaNode: Int, package: Int, coreKind: Int = 0) {
        self.cpu = cpu
        self.core = core
        self.l3Group = l3Group
        self.numaNode = numaNode
        self.package = package
        self.coreKind = coreKind
    }
}

/// A set of cores that are alike; a hybrid machine has two or more.
public struct CoreKind: Hashable, Codable, Sendable {
    /// hwloc's rank: the highest is the fastest; nil where hwloc cannot rank.
    public let efficiency: Int?
    /// `IntelCore`, `IntelAtom`, …; nil where the system has no name for it.
    public let name: String?

    public init(efficiency: Int? = nil, name: String? = nil) {
        self.efficiency = efficiency
        self.name = name
    }
}

/// A machine as a value: its processing units, and which of them this process may use.
///
/// Everything that chooses CPUs works on this value, so it can be asked about machines that are not
/// here. Immutable; any thread may use it at any time.
public struct MachineShape: Equatable, Sendable {
    /// In hwloc's order, in which siblings are neighbours; no CPU twice; never empty.
    public let pus: [ProcessingUnit]
    /// CPUs that this process may use: ascending, a subset of the machine's, never empty.
    public let allowedCPUs: [Int]
    /// Never empty.
    public let coreKinds: [CoreKind]
    /// Whether every processing unit has an L3 of its own to be grouped by. Where one has none, its
    /// group is the outermost cache that it shares with another core, and where there is no such
    /// cache either, its package's part of its NUMA node.
    public let l3IsReported: Bool

    private let allowedSet: Set<Int>

    /// A shape from its parts.
    ///
    /// - Precondition: `pus` is not empty and names no CPU twice; a core's units share their core
    ///   kind, L3, node and package; every core kind is in `coreKinds`; `allowed` is a non-empty
    ///   subset of the machine's CPUs, all of them where it is nil.
    public init(
        pus: [ProcessingUnit], allowed: [Int]? = nil, coreKinds: [CoreKind] = [CoreKind()],
        l3IsReported: Bool = true
    ) {
        let machine = Set(pus.map(\.cpu))
        let allowedSet = allowed.map { Set($0) } ?? machine
        precondition(machine.count == pus.count, "a shape names no CPU twice")
        precondition(
            pus.allSatisfy { coreKinds.indices.contains($0.coreKind) },
            "every core kind that a processing unit names is described")
        precondition(
            Dictionary(grouping: pus, by: \.core).values.allSatisfy { siblings in
                Set(siblings.map { [$0.coreKind, $0.l3Group, $0.numaNode, $0.package] }).count == 1
            }, "siblings share everything above their core")
        precondition(
            !allowedSet.isEmpty && allowedSet.isSubset(of: machine),
            "the allowed CPUs are a non-empty subset of the machine's")
        self.pus = pus
        self.allowedSet = allowedSet
        self.allowedCPUs = allowedSet.sorted()
        self.coreKinds = coreKinds
        self.l3IsReported = l3IsReported
    }

    /// The same machine with other allowed CPUs.
    ///
    /// - Precondition: `allowed` is a non-empty subset of the machine's CPUs.
    public func restricted(to allowed: [Int]) -> MachineShape {
        MachineShape(
            pus: pus, allowed: allowed, coreKinds: coreKinds, l3IsReported: l3IsReported)
    }

    /// Whether this process may run on the CPU.
    public func isAllowed(_ cpu: Int) -> Bool { allowedSet.contains(cpu) }

    /// The whole machine in one line: `1 package, 1 NUMA node, 1 L3, 2 cores, 2 PUs`. Nodes without
    /// CPUs are not counted; core kinds are, where there is more than one.
    public var summary: String {
        func counted(_ key: KeyPath<ProcessingUnit, Int>, _ one: String) -> String {
            let count = Set(pus.map { $0[keyPath: key] }).count
            return "\(count) \(one)\(count == 1 ? "" : "s")"
        }
        var parts = [
            counted(\.package, "package"), counted(\.numaNode, "NUMA node"),
            counted(\.l3Group, l3IsReported ? "L3" : "cache group"), counted(\.core, "core"),
            counted(\.cpu, "PU"),
        ]
        if coreKinds.count > 1 { parts.append(counted(\.coreKind, "core kind")) }
        return parts.joined(separator: ", ")
    }
}
