import Foundation
import Placement
import Testing

@Suite struct TopologyReportTests {
    @Test func twoCores() throws {
        let shape = try machine("pack:1 numa:1 l3:1 core:2 pu:1")
        #expect(
            shape.describe(width: 80) == [
                "1 package, 1 NUMA node, 1 L3, 2 cores, 2 PUs",
                "allowed CPUs: 0-1 (2 of 2)",
                "",
                "* marks allowed CPUs",
                "package 0",
                "  NUMA node 0",
                "    L3 0",
                "      core 0: CPU 0*",
                "      core 1: CPU 1*",
                "",
                "threads  placement       CPUs in thread order",
                "      2  same-l3         0-1",
                "      3  oversubscribed  0-1,0",
            ])
    }

    @Test func hybridWithARestriction() {
        #expect(
            hybrid.restricted(to: [0, 4]).describe(width: 80) == [
                "1 package, 1 NUMA node, 1 L3, 6 cores, 8 PUs, 2 core kinds",
                "allowed CPUs: 0,4 (2 of 8)",
                "core kind 0 IntelAtom: rank 0, CPUs 4-7",
                "core kind 1 IntelCore: rank 1, CPUs 0-3",
                "",
                "* marks allowed CPUs",
                "package 0",
                "  NUMA node 0",
                "    L3 0",
                "      core 0 (1 IntelCore): CPUs 0*,1",
                "      core 1 (1 IntelCore): CPUs 2,3",
                "      core 2 (0 IntelAtom): CPU 4*",
                "      core 3 (0 IntelAtom): CPU 5",
                "      core 4 (0 IntelAtom): CPU 6",
                "      core 5 (0 IntelAtom): CPU 7",
                "",
                "threads  placement       CPUs in thread order",
                "      2  none            only mixed relations or core kinds would do",
                "      3  oversubscribed  0,4,0",
            ])
    }

    @Test func largeMachinesAreFolded() throws {
        let lines = try machine("pack:2 numa:1 l3:1 core:16 pu:2")
            .restricted(to: Array(0..<40)).describe(width: 80)
        #expect(
            lines[3..<9] == [
                "package 0", "  NUMA node 0", "    L3 0",
                "      cores 0-15: CPUs 0-31, allowed: all", "package 1", "  NUMA node 1",
            ])
        #expect(lines[10] == "      cores 16-31: CPUs 32-63, allowed: 32-39")
    }

    @Test(arguments: [0, 80, 81, 100, 200])
    func noLineIsWiderThanAsked(width: Int) throws {
        let big = try machine("pack:2 numa:4 l3:2 core:8 pu:2")
        let odd = big.allowedCPUs.filter { $0 * $0 % 7 < 3 }
        let longName = MachineShape(
            pus: [ProcessingUnit(cpu: 0, core: 0, l3Group: 0, numaNode: 0, package: 0)],
            coreKinds: [CoreKind(name: String(repeating: "x", count: 300)), CoreKind()])
        for shape in [big, big.restricted(to: odd), hybrid, longName, try machine("pack:1 pu:3")] {
            let lines = shape.describe(width: width)
            #expect(lines.allSatisfy { $0.count <= max(80, width) })
            #expect(lines.allSatisfy { !$0.hasSuffix(" ") })
            // Folding and wrapping lose no CPU.
            let words = lines.joined(separator: " ").split { !$0.isNumber && $0 != "-" }
            let named = words.flatMap { word -> [Int] in
                let ends = word.split(separator: "-").compactMap { Int($0) }
                return ends.count == 2 && ends[0] <= ends[1] ? Array(ends[0]...ends[1]) : ends
            }
            #expect(Set(shape.pus.map(\.cpu)).isSubset(of: named))
        }
    }

    @Test func theRecordSurvivesJSONAndListsWhatExists() throws {
        let shape = try machine("pack:2 numa:1 l3:2 core:2 pu:2").restricted(to: [0, 1, 2, 4, 8])
        let report = shape.report()
        let data = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(TopologyReport.self, from: data) == report)
        #expect(report.summary == shape.summary)
        #expect(report.allowedCPUs == [0, 1, 2, 4, 8])
        for threads in 2...6 {
            let rows = report.placements.filter { $0.threads == threads }
            #expect(rows.map(\.placement) == shape.placements(threads: threads).map(\.name))
            #expect(rows.map(\.cpus) == shape.placements(threads: threads).map(\.cpus))
        }
        #expect(shape.report(threadCounts: [3]).placements.allSatisfy { $0.threads == 3 })
    }

    @Test(arguments: [
        (1, [2]), (2, [2, 3]), (8, [2, 3, 4, 5, 6, 7, 8, 9]),
        (24, [2, 3, 4, 5, 6, 7, 8, 16, 24, 25]), (32, [2, 3, 4, 5, 6, 7, 8, 16, 32, 33]),
    ])
    func threadCounts(cpus: Int, counts: [Int]) throws {
        #expect(try machine("core:\(cpus) pu:1").tableThreadCounts == counts)
    }
}
