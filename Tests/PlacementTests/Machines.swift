import CHwloc
import Glibc
import Placement
import Synchronization
import Testing

/// The shape of a machine that hwloc makes up.
func machine(_ synthetic: String) throws -> MachineShape {
    try Topology(source: .synthetic(synthetic)).shape
}

/// Two fast cores with two hardware threads each (CPUs 0-3) and four slow ones (CPUs 4-7).
let hybrid = MachineShape(
    pus: (0..<8).map { cpu in
        ProcessingUnit(
            cpu: cpu, core: cpu < 4 ? cpu / 2 : cpu - 2, l3Group: 0, numaNode: 0, package: 0,
            coreKind: cpu < 4 ? 1 : 0)
    },
    coreKinds: [
        CoreKind(efficiency: 0, name: "IntelAtom"), CoreKind(efficiency: 1, name: "IntelCore"),
    ])

/// The same machine as `lstopo` would export it.
let hybridXML: String = {
    func object(_ type: String, _ id: Int, _ mask: Int, _ more: String, _ inside: String) -> String
    {
        let set = "0x" + String(mask, radix: 16)
        return "<object type=\"\(type)\" gp_index=\"\(id)\" cpuset=\"\(set)\" "
            + "complete_cpuset=\"\(set)\" nodeset=\"0x1\" complete_nodeset=\"0x1\" \(more)>"
            + "\(inside)</object>\n"
    }
    let cores = (0..<6).map { core in
        let cpus = core < 2 ? [2 * core, 2 * core + 1] : [core + 2]
        let units = cpus.map { object("PU", 10 + $0, 1 << $0, "os_index=\"\($0)\"", "") }
        let mask = cpus.reduce(0) { $0 | 1 << $1 }
        return object("Core", 20 + core, mask, "os_index=\"\(core)\"", units.joined())
    }
    let cache = "cache_size=\"33554432\" depth=\"3\" cache_linesize=\"64\" cache_type=\"0\""
    let node = object("NUMANode", 2, 0xff, "os_index=\"0\" local_memory=\"1073741824\"", "")
    let l3 = object("L3Cache", 3, 0xff, cache + " cache_associativity=\"0\"", cores.joined())
    let package = object("Package", 4, 0xff, "os_index=\"0\"", node + l3)
    let sets = "os_index=\"0\" allowed_cpuset=\"0xfb\" allowed_nodeset=\"0x1\""
    return """
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE topology SYSTEM "hwloc2.dtd">
        <topology version="2.0">
        \(object("Machine", 1, 0xff, sets, package))
        <cpukind cpuset="0xf0" forced_efficiency="0">
        <info name="CoreType" value="IntelAtom"/></cpukind>
        <cpukind cpuset="0xf" forced_efficiency="1">
        <info name="CoreType" value="IntelCore"/></cpukind>
        </topology>
        """
}()

/// A file that is there while `body` runs.
@discardableResult
func withFile<Result>(_ content: String, _ body: (String) throws -> Result) throws -> Result {
    var path = Array("/tmp/placement-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    try #require(descriptor >= 0)
    let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(name) }
    let written = content.utf8.withContiguousStorageIfAvailable {
        write(descriptor, $0.baseAddress, $0.count)
    }
    close(descriptor)
    try #require(written == content.utf8.count)
    return try body(name)
}

/// Binds the calling thread through hwloc, a way that the code under test does not use.
func rebindCallingThread(to cpus: [Int]) {
    var topology: hwloc_topology_t?
    precondition(hwloc_topology_init(&topology) == 0 && hwloc_topology_load(topology) == 0)
    let set = hwloc_bitmap_alloc()
    for cpu in cpus { hwloc_bitmap_set(set, UInt32(cpu)) }
    precondition(
        hwloc_set_cpubind(topology, set, Int32(bitPattern: HWLOC_CPUBIND_THREAD.rawValue)) == 0)
    hwloc_bitmap_free(set)
    hwloc_topology_destroy(topology)
}

/// A value that a thread leaves for the one that joins it.
final class Slot<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)
    var value: Value? { storage.withLock { $0 } }
    func set(_ value: Value) { storage.withLock { $0 = value } }
}
