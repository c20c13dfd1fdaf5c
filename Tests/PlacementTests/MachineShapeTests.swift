import Placement
import Testing

private func unit(_ cpu: Int, core: Int, node: Int = 0, kind: Int = 0) -> ProcessingUnit {
    ProcessingUnit(
        cpu: cpu, core: core, l3Group: 0, numaNode: node, package: 0, coreKind: kind)
}

/// A caller's mistakes end the process instead of giving a placement that means nothing.
@Suite struct MachineShapeTests {
    @Test func aCPUTwice() async {
        await #expect(processExitsWith: .failure) {
            _ = MachineShape(pus: [unit(0, core: 0), unit(0, core: 1)])
        }
    }

    @Test func noCPU() async {
        await #expect(processExitsWith: .failure) { _ = MachineShape(pus: []) }
    }

    @Test func aRestrictionToNothingOrBeyond() async {
        await #expect(processExitsWith: .failure) { _ = hybrid.restricted(to: []) }
        await #expect(processExitsWith: .failure) { _ = hybrid.restricted(to: [0, 8]) }
    }

    @Test func aKindThatIsNotDescribed() async {
        await #expect(processExitsWith: .failure) {
            _ = MachineShape(pus: [unit(0, core: 0, kind: 1)])
        }
    }

    @Test func siblingsOnTwoNodes() async {
        await #expect(processExitsWith: .failure) {
            _ = MachineShape(pus: [unit(0, core: 0), unit(1, core: 0, node: 1)])
        }
    }

    @Test func noThreadsOrPairs() async {
        await #expect(processExitsWith: .failure) {
            _ = hybrid.cpus(for: .sameL3, threads: 0)
        }
        await #expect(processExitsWith: .failure) { _ = hybrid.pairs(limit: 0) }
    }
}
