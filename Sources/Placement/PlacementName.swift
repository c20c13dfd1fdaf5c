/// How the threads of a trial lie to one another. The raw values are what users type and result
/// files hold.
public enum PlacementName: String, CaseIterable, Codable, Sendable {
    /// Hardware threads of one core.
    case smtSiblings = "smt-siblings"
    /// Distinct cores under one L3 and on one NUMA node.
    case sameL3 = "same-l3"
    /// Distinct cores of one NUMA node; neighbours in thread order never share an L3.
    case crossL3 = "cross-l3"
    /// Distinct cores; neighbours in thread order never share a NUMA node.
    case crossNUMA = "cross-numa"
    /// More threads than allowed CPUs.
    case oversubscribed
}

/// A core with the CPUs of it that may be used, in hwloc's order and never empty.
private struct UsableCore {
    let place: ProcessingUnit
    var cpus: [Int]
}

extension MachineShape {
    /// The CPUs for a placement, one per thread in thread order; nil where this machine, with the
    /// CPUs allowed here, has no such placement.
    ///
    /// A pure function of the shape: the same shape gives the same CPUs. The rules:
    ///
    /// - More threads than allowed CPUs are `oversubscribed` and nothing else: thread `i` goes to
    ///   the allowed CPU number `i mod count`, in ascending order of the CPUs' numbers.
    /// - Every other placement uses each CPU once, and cores of one kind only: the fastest kind
    /// that
    ///   has the placement. Kinds that hwloc cannot rank are tried in hwloc's order. Where only a
    ///   mix of kinds would do, there is no placement.
    /// - `smtSiblings`: the first core with enough allowed hardware threads. At least two threads.
    /// - `sameL3`: one hardware thread on each of the first cores of the first L3 with enough. An
    /// L3
    ///   that spans NUMA nodes counts once per node, so that nothing else is mixed in. A single
    ///   thread has no relation to another and is filed here.
    /// - `crossL3`: one hardware thread per core, on the first NUMA node that has the placement. It
    ///   uses as many L3s as it can, k of them, at least two: thread `i` goes to the L3 number
    ///   `i mod k`, so that their shares differ by one at most. At least two threads.
    /// - `crossNUMA`: likewise, with nodes in the place of L3s.
    ///
    /// - Precondition: at least one thread.
    public func cpus(for name: PlacementName, threads: Int) -> [Int]? {
        precondition(threads > 0, "a placement is for at least one thread")
        if threads > allowedCPUs.count {
            guard name == .oversubscribed else { return nil }
            return (0..<threads).map { allowedCPUs[$0 % allowedCPUs.count] }
        }
        if name == .oversubscribed { return nil }

        let cores = usableCores
        for kind in kindsByPreference {
            let alike = cores.filter { $0.place.coreKind == kind }
            if let cpus = cpus(for: name, threads: threads, on: alike) { return cpus }
        }
        return nil
    }

    /// Every placement that exists for that many threads, in `PlacementName`'s order. Empty where
    /// only a mix of relations or of core kinds would do (five threads on four cores with two
    /// hardware threads each).
    ///
    /// - Precondition: at least one thread.
    public func placements(threads: Int) -> [(name: PlacementName, cpus: [Int])] {
        PlacementName.allCases.compactMap { name in
            cpus(for: name, threads: threads).map { (name, $0) }
        }
    }

    /// How two distinct CPUs lie to each other: the narrowest thing that they share decides. Nil
    /// for a CPU with itself, and where one is not on the machine.
    public func relation(_ first: Int, _ second: Int) -> PlacementName? {
        guard first != second, let left = pus.first(where: { $0.cpu == first }),
            let right = pus.first(where: { $0.cpu == second })
        else { return nil }
        return Self.relation(left, right)
    }

    static func relation(_ left: ProcessingUnit, _ right: ProcessingUnit) -> PlacementName {
        if left.core == right.core { return .smtSiblings }
        if left.numaNode != right.numaNode { return .crossNUMA }
        return left.l3Group == right.l3Group ? .sameL3 : .crossL3
    }

    private func cpus(
        for name: PlacementName, threads: Int, on cores: [UsableCore]
    ) -> [Int]? {
        switch name {
        case .smtSiblings:
            guard threads > 1, let core = cores.first(where: { $0.cpus.count >= threads }) else {
                return nil
            }
            return Array(core.cpus.prefix(threads))
        case .sameL3:
            let groups = Self.grouped(cores) { [$0.place.l3Group, $0.place.numaNode] }
            return groups.first { $0.count >= threads }?.prefix(threads).map { $0.cpus[0] }
        case .crossL3:
            for node in Self.grouped(cores, by: { [$0.place.numaNode] }) {
                let groups = Self.grouped(node) { [$0.place.l3Group] }
                if let cpus = Self.dealt(threads, over: groups) { return cpus }
            }
            return nil
        case .crossNUMA:
            return Self.dealt(threads, over: Self.grouped(cores) { [$0.place.numaNode] })
        case .oversubscribed:
            return nil
        }
    }

    /// Thread `i` on group `i mod k`, for the largest `k` of at least two that the groups' sizes
    /// allow. The groups that get one thread more come first, and are the first that can hold it.
    private static func dealt(_ threads: Int, over groups: [[UsableCore]]) -> [Int]? {
        for k in stride(from: min(threads, groups.count), through: 2, by: -1) {
            let share = threads / k
            let extra = threads % k
            let longer = groups.indices.filter { groups[$0].count > share }.prefix(extra)
            let equal = groups.indices.filter {
                groups[$0].count >= share && !longer.contains($0)
            }.prefix(k - extra)
            guard longer.count == extra, equal.count == k - extra else { continue }
            let order = Array(longer) + Array(equal)
            return (0..<threads).map { groups[order[$0 % k]][$0 / k].cpus[0] }
        }
        return nil
    }

    /// Groups in the order in which they first appear.
    private static func grouped(
        _ cores: [UsableCore], by key: (UsableCore) -> [Int]
    ) -> [[UsableCore]] {
        var position: [[Int]: Int] = [:]
        var groups: [[UsableCore]] = []
        for core in cores {
            if let known = position[key(core)] {
                groups[known].append(core)
            } else {
                position[key(core)] = groups.count
                groups.append([core])
            }
        }
        return groups
    }

    private var usableCores: [UsableCore] {
        var position: [Int: Int] = [:]
        var cores: [UsableCore] = []
        for pu in pus where isAllowed(pu.cpu) {
            if let known = position[pu.core] {
                cores[known].cpus.append(pu.cpu)
            } else {
                position[pu.core] = cores.count
                cores.append(UsableCore(place: pu, cpus: [pu.cpu]))
            }
        }
        return cores
    }

    /// Indices into `coreKinds`, the fastest first.
    private var kindsByPreference: [Int] {
        coreKinds.indices.sorted { left, right in
            let ranks = (coreKinds[left].efficiency ?? -1, coreKinds[right].efficiency ?? -1)
            return ranks.0 == ranks.1 ? left < right : ranks.0 > ranks.1
        }
    }
}
