import Placement
import Testing

/// What the rules say about two threads of one placement, written down apart from the code that
/// applies them. `k` counts the L3s or nodes that a crossing placement deals over.
private func fit(
    _ name: PlacementName, _ left: (thread: Int, unit: ProcessingUnit),
    _ right: (thread: Int, unit: ProcessingUnit), _ k: Int
) -> Bool {
    let (a, b) = (left.unit, right.unit)
    guard a.cpu != b.cpu, a.coreKind == b.coreKind else { return false }
    if name == .smtSiblings { return a.core == b.core }
    let isSamePart = left.thread % k == right.thread % k
    guard a.core != b.core else { return false }
    switch name {
    case .sameL3: return a.l3Group == b.l3Group && a.numaNode == b.numaNode
    case .crossL3: return a.numaNode == b.numaNode && (a.l3Group == b.l3Group) == isSamePart
    case .crossNUMA: return (a.numaNode == b.numaNode) == isSamePart
    case .smtSiblings, .oversubscribed: return false
    }
}

private func holds(_ name: PlacementName, _ units: [ProcessingUnit], _ k: Int) -> Bool {
    units.indices.allSatisfy { j in
        (0..<j).allSatisfy { fit(name, ($0, units[$0]), (j, units[j]), k) }
    }
}

/// Tries every way of placing `threads` threads.
private func exists(
    _ name: PlacementName, _ threads: Int, _ allowed: [ProcessingUnit], _ k: Int,
    _ chosen: [ProcessingUnit] = []
) -> Bool {
    if chosen.count == threads { return true }
    return allowed.contains { unit in
        chosen.indices.allSatisfy {
            fit(name, ($0, chosen[$0]), (chosen.count, unit), k)
        } && exists(name, threads, allowed, k, chosen + [unit])
    }
}

private func parts(_ name: PlacementName, _ threads: Int) -> [Int] {
    name == .crossL3 || name == .crossNUMA ? Array((2...max(2, threads)).reversed()) : [1]
}

@Suite struct PlacementNameTests {
    static let small: [(String, MachineShape)] = {
        var shapes = [
            "pack:1 numa:1 l3:2 core:2 pu:2", "pack:2 numa:1 l3:2 core:1 pu:2",
            "numa:2 l3:1 core:3 pu:1", "numa:1 l3:3 core:2 pu:1", "numa:3 l3:2 core:1 pu:1",
            "core:1 pu:3", "core:1 pu:1",
        ].map { text in (text, try! machine(text)) }
        shapes.append(("hybrid", hybrid))
        // Two nodes under one L3, and numbers that do not follow the tree.
        let split = (0..<6).map {
            ProcessingUnit(
                cpu: 5 - $0, core: $0, l3Group: 0, numaNode: $0 % 2 * 4, package: 0)
        }
        shapes.append(("split", MachineShape(pus: split)))
        return shapes
    }()

    /// Every allowed set, every thread count, every name: what is given fits the rules, and nothing
    /// is given only where nothing could be.
    @Test(arguments: small.indices)
    func everyRestrictionOfASmallMachine(index: Int) {
        let (name, whole) = Self.small[index]
        let units = whole.pus.sorted { $0.cpu < $1.cpu }
        for mask in 1..<(1 << units.count) {
            let allowed = units.filter { mask >> $0.cpu & 1 == 1 }
            let shape = whole.restricted(to: allowed.map(\.cpu))
            for threads in 1...(allowed.count + 2) {
                for placement in PlacementName.allCases {
                    let problem = problem(shape, allowed, placement, threads)
                    #expect(
                        problem == nil,
                        "\(name), allowed \(shape.allowedCPUs), \(placement), \(threads) threads")
                }
            }
        }
    }

    private func problem(
        _ shape: MachineShape, _ allowed: [ProcessingUnit], _ name: PlacementName, _ threads: Int
    ) -> String? {
        let cpus = shape.cpus(for: name, threads: threads)
        if threads > allowed.count {
            guard name == .oversubscribed else { return cpus.map { "too many threads on \($0)" } }
            let dealt = (0..<threads).map { allowed[$0 % allowed.count].cpu }
            return cpus == dealt ? nil : "dealt as \(String(describing: cpus))"
        }
        let isPossible =
            name != .oversubscribed && (threads > 1 || name == .sameL3)
            && parts(name, threads).contains { exists(name, threads, allowed, $0) }
        guard let cpus else { return isPossible ? "not found" : nil }
        guard isPossible else { return "impossible, yet \(cpus)" }
        guard cpus.count == threads else { return "\(cpus.count) CPUs" }
        let chosen = cpus.compactMap { cpu in allowed.first { $0.cpu == cpu } }
        guard chosen.count == threads else { return "\(cpus) are not all allowed" }
        return parts(name, threads).contains { holds(name, chosen, $0) }
            ? nil : "\(cpus) do not fit"
    }

    @Test(
        arguments: [
            (PlacementName.smtSiblings, 2, [0, 1]), (.smtSiblings, 3, nil),
            (.sameL3, 1, [0]), (.sameL3, 2, [0, 2]), (.sameL3, 4, [0, 2, 4, 6]), (.sameL3, 5, nil),
            (.crossL3, 2, nil), (.crossNUMA, 2, [0, 8]), (.crossNUMA, 4, [0, 8, 2, 10]),
            (.crossNUMA, 5, [0, 8, 2, 10, 4]), (.crossNUMA, 9, nil), (.oversubscribed, 16, nil),
            (.oversubscribed, 17, Array(0..<16) + [0]),
        ] as [(PlacementName, Int, [Int]?)])
    func twoSocketsWithSMT(name: PlacementName, threads: Int, cpus: [Int]?) throws {
        let shape = try machine("pack:2 numa:1 l3:1 core:4 pu:2")
        #expect(shape.cpus(for: name, threads: threads) == cpus)
    }

    @Test func crossingUsesAsManyL3sAsItCan() throws {
        let shape = try machine("numa:1 l3:4 core:2 pu:2")
        #expect(shape.cpus(for: .crossL3, threads: 2) == [0, 4])
        #expect(shape.cpus(for: .crossL3, threads: 3) == [0, 4, 8])
        #expect(shape.cpus(for: .crossL3, threads: 6) == [0, 4, 8, 12, 2, 6])
        #expect(shape.cpus(for: .crossL3, threads: 8) == [0, 4, 8, 12, 2, 6, 10, 14])
        #expect(shape.cpus(for: .crossL3, threads: 9) == nil)
        // One L3 that has a single core left gets the smaller share, whichever it is.
        let uneven = shape.restricted(to: [0, 4, 6, 8, 10])
        #expect(uneven.cpus(for: .crossL3, threads: 5) == [4, 8, 0, 6, 10])
        // Three threads in each of two L3s: the third L3 has too few cores to take part.
        let narrow = try machine("numa:1 l3:3 core:3 pu:1").restricted(to: [0, 1, 2, 3, 6, 7, 8])
        #expect(narrow.cpus(for: .crossL3, threads: 6) == [0, 6, 1, 7, 2, 8])
    }

    @Test func restrictedMasks() throws {
        let shape = try machine("numa:1 l3:2 core:2 pu:2")
        let oneSiblingEach = shape.restricted(to: [1, 3])
        #expect(oneSiblingEach.placements(threads: 2).map(\.name) == [.sameL3])
        #expect(oneSiblingEach.cpus(for: .sameL3, threads: 2) == [1, 3])
        let oneL3 = shape.restricted(to: [4, 5, 6, 7])
        #expect(oneL3.placements(threads: 2).map(\.name) == [.smtSiblings, .sameL3])
        #expect(oneL3.placements(threads: 2).map(\.cpus) == [[4, 5], [4, 6]])
        #expect(oneL3.placements(threads: 3).isEmpty)
    }

    @Test func oneCPUHasOnlyOversubscription() throws {
        for shape in [
            try machine("core:1 pu:1"),
            try machine("pack:2 numa:1 l3:2 core:2 pu:2").restricted(to: [5]),
        ] {
            let cpu = shape.allowedCPUs[0]
            for threads in 2...4 {
                #expect(shape.placements(threads: threads).map(\.name) == [.oversubscribed])
                #expect(
                    shape.placements(threads: threads).map(\.cpus)
                        == [Array(repeating: cpu, count: threads)])
            }
            #expect(shape.placements(threads: 1).map(\.name) == [.sameL3])
        }
    }

    @Test func kindsAreNeverMixed() {
        #expect(hybrid.cpus(for: .sameL3, threads: 2) == [0, 2])
        #expect(hybrid.cpus(for: .sameL3, threads: 3) == [4, 5, 6])
        #expect(hybrid.cpus(for: .sameL3, threads: 5) == nil)
        #expect(hybrid.cpus(for: .smtSiblings, threads: 2) == [0, 1])
        #expect(hybrid.restricted(to: [3, 4, 5]).cpus(for: .sameL3, threads: 2) == [4, 5])
        #expect(hybrid.restricted(to: [3, 4]).placements(threads: 2).isEmpty)
    }

    @Test func relationIsTheNarrowestThingShared() throws {
        let shape = try machine("pack:2 numa:1 l3:2 core:2 pu:2")
        #expect(shape.relation(0, 1) == .smtSiblings)
        #expect(shape.relation(0, 2) == .sameL3)
        #expect(shape.relation(0, 4) == .crossL3)
        #expect(shape.relation(0, 8) == .crossNUMA)
        #expect(shape.relation(3, 3) == nil)
        #expect(shape.relation(0, 16) == nil)
    }

    @Test func rawValues() {
        #expect(
            PlacementName.allCases.map(\.rawValue) == [
                "smt-siblings", "same-l3", "cross-l3", "cross-numa", "oversubscribed",
            ])
    }
}
