import Glibc
import Placement
import Testing

@Suite struct TopologyTests {
    @Test(arguments: [
        (
            "pack:2 numa:1 l3:1 core:4 pu:2", "2 packages, 2 NUMA nodes, 2 L3s, 8 cores, 16 PUs",
            true
        ),
        (
            "pack:1 numa:1 l3:4 core:2 pu:1", "1 package, 1 NUMA node, 4 L3s, 8 cores, 8 PUs", true
        ),
        (
            "pack:1 numa:2 l3:1 core:2 pu:2", "1 package, 2 NUMA nodes, 2 L3s, 4 cores, 8 PUs", true
        ),
        ("core:1 pu:1", "1 package, 1 NUMA node, 1 cache group, 1 core, 1 PU", false),
        (
            "pack:2 l2:2 core:2 pu:1",
            "2 packages, 1 NUMA node, 4 cache groups, 8 cores, 8 PUs", false
        ),
        (
            "pack:2 l2:2 core:1 pu:2",
            "2 packages, 1 NUMA node, 2 cache groups, 4 cores, 8 PUs", false
        ),
        ("pack:1 pu:3", "1 package, 1 NUMA node, 1 cache group, 3 cores, 3 PUs", false),
    ])
    func synthetic(text: String, summary: String, l3IsReported: Bool) throws {
        let topology = try Topology(source: .synthetic(text))
        #expect(topology.shape.summary == summary)
        #expect(topology.shape.l3IsReported == l3IsReported)
        #expect(!topology.isThisSystem)
        #expect(topology.shape.allowedCPUs == topology.shape.pus.map(\.cpu).sorted())
    }

    @Test func indicesAreDenseAndNested() throws {
        let shape = try machine("pack:2 numa:1 l3:2 core:2 pu:2")
        for (position, unit) in shape.pus.enumerated() {
            #expect(
                unit
                    == ProcessingUnit(
                        cpu: position, core: position / 2, l3Group: position / 4,
                        numaNode: position / 8, package: position / 8))
        }
    }

    @Test func hybridFileKeepsKindsAndAllowedSet() throws {
        let topology = try withFile(hybridXML) { path in try Topology(source: .xml(path)) }
        #expect(topology.shape == hybrid.restricted(to: [0, 1, 3, 4, 5, 6, 7]))
        #expect(
            topology.shape.summary
                == "1 package, 1 NUMA node, 1 L3, 6 cores, 8 PUs, 2 core kinds")
        #expect(!topology.isThisSystem)
    }

    /// CPU 0 is in no kind although its sibling is: the core is then taken whole for one of unknown
    /// kind.
    @Test func aCoreHasOneKindWhateverTheFileSays() throws {
        let torn = hybridXML.split(separator: "cpuset=\"0xf\" forced")
        try #require(torn.count == 2)
        let shape = try withFile(torn.joined(separator: "cpuset=\"0xe\" forced")) { path in
            try Topology(source: .xml(path)).shape
        }
        #expect(shape.pus.map(\.coreKind) == [2, 2, 1, 1, 0, 0, 0, 0])
        #expect(shape.coreKinds.map(\.name) == ["IntelAtom", "IntelCore", nil])
    }

    @Test func whatHwlocRefusesKeepsItsName() throws {
        #expect {
            try Topology(source: .synthetic("pack:2 nonsense:3"))
        } throws: { error in
            "\(error)" == "synthetic topology \"pack:2 nonsense:3\": hwloc_topology_set_synthetic "
                + "failed with EINVAL"
        }
        #expect(
            throws: PlacementError.topology(
                call: "hwloc_topology_set_xml", errno: ENOENT,
                source: "topology file /nonexistent/machine.xml")
        ) {
            try Topology(source: .xml("/nonexistent/machine.xml"))
        }
    }

    @Test(arguments: ["", "no topology", "<topology version=\"2.0\"></topology>"])
    func badFilesAreRefused(content: String) throws {
        try withFile(content) { path in
            #expect {
                try Topology(source: .xml(path))
            } throws: { error in
                guard case .topology(_, let errno, let source)? = error as? PlacementError else {
                    return false
                }
                return errno != 0 && source == "topology file \(path)"
            }
        }
    }

    @Test func thisMachineIsConsistent() throws {
        let topology = try Topology(source: .thisMachine)
        #expect(topology.isThisSystem)
        let place = try PinnedThread.callingThreadPlace()
        #expect(Set(topology.shape.allowedCPUs).isSubset(of: place.boundTo))
        #expect(topology.shape.isAllowed(place.runningOn))
    }

    @Test func restrictionKeepsTheMachine() throws {
        let topology = try Topology(source: .synthetic("core:4 pu:1")).restricted(to: [3, 1])
        #expect(topology.shape.allowedCPUs == [1, 3])
        #expect(topology.shape.pus.count == 4)
        #expect(topology.shape.isAllowed(3) && !topology.shape.isAllowed(0))
    }
}
