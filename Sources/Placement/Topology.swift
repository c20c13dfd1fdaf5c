import CHwloc
import CPlatform
import Glibc

/// A machine as hwloc sees it, read once.
///
/// hwloc's own object lives only as long as the reading, so this is a plain value that any thread
/// may use.
public struct Topology: Sendable {
    /// Where to read from.
    public enum Source: Hashable, Sendable, CustomStringConvertible {
        /// The machine that this process runs on. hwloc's environment variables can put another in
        /// its place; `isThisSystem` is false then.
        case thisMachine
        /// hwloc's synthetic description: `pack:2 numa:1 l3:1 core:4 pu:2`.
        case synthetic(String)
        /// The path of a file that `lstopo` exported.
        case xml(String)

        public var description: String {
            switch self {
            case .thisMachine: "this machine's topology"
            case .synthetic(let text): "synthetic topology \(text.debugDescription)"
            case .xml(let path): "topology file \(path)"
            }
        }
    }

    /// What was read.
    public let source: Source
    /// What it says.
    public let shape: MachineShape
    /// Whether threads can be bound by it. hwloc pretends to bind on every other topology.
    public let isThisSystem: Bool

    /// Reads a topology; a few milliseconds.
    ///
    /// On this machine, the allowed CPUs are those that hwloc allows (the cgroup's) and that the
    /// calling thread's affinity mask has at this moment, so call it before anything binds that
    /// thread. Other topologies bring their own allowed CPUs. A file that is not XML makes libxml
    /// print a line of its own to standard error.
    ///
    /// - Throws: `PlacementError.topology` with the failed call and its `errno`; `noAllowedCPU`.
    public init(source: Source) throws(PlacementError) {
        var handle: hwloc_topology_t?
        guard hwloc_topology_init(&handle) == 0, let topology = handle else {
            throw .topology(call: "hwloc_topology_init", errno: errno, source: "\(source)")
        }
        defer { hwloc_topology_destroy(topology) }
        try Self.load(topology, from: source)
        self.source = source
        isThisSystem = source == .thisMachine && hwloc_topology_is_thissystem(topology) == 1
        shape = try Self.shape(of: topology, isThisSystem: isThisSystem)
    }

    /// A topology whose parts are claimed and not read, so that tests can claim a false one.
    package init(source: Source, shape: MachineShape, isThisSystem: Bool) {
        self.source = source
        self.shape = shape
        self.isThisSystem = isThisSystem
    }

    /// The same machine with other allowed CPUs.
    ///
    /// - Precondition: `allowed` is a non-empty subset of the machine's CPUs.
    public func restricted(to allowed: [Int]) -> Topology {
        Topology(
            source: source, shape: shape.restricted(to: allowed), isThisSystem: isThisSystem)
    }

    private static func load(
        _ topology: hwloc_topology_t, from source: Source
    ) throws(PlacementError) {
        func check(_ result: Int32, _ call: String) throws(PlacementError) {
            guard result == 0 else {
                throw .topology(call: call, errno: errno, source: "\(source)")
            }
        }
        // Without this flag, hwloc hides what the cgroup does not allow, and a CPU that exists
        // could not be told from one that does not.
        try check(
            hwloc_topology_set_flags(
                topology, UInt(HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED.rawValue)),
            "hwloc_topology_set_flags")
        switch source {
        case .thisMachine: break
        case .synthetic(let text):
            try check(
                hwloc_topology_set_synthetic(topology, text), "hwloc_topology_set_synthetic")
        case .xml(let path):
            try check(hwloc_topology_set_xml(topology, path), "hwloc_topology_set_xml")
        }
        try check(hwloc_topology_load(topology), "hwloc_topology_load")
    }

    private static func shape(
        of topology: hwloc_topology_t, isThisSystem: Bool
    ) throws(PlacementError) -> MachineShape {
        var reader = ShapeReader(topology: topology)
        reader.read()
        var allowed = cpus(in: hwloc_topology_get_allowed_cpuset(topology))
            .filter(Set(reader.pus.map(\.cpu)).contains)
        if isThisSystem {
            let mask = try PinnedThread.callingThreadMask()
            let both = allowed.filter(Set(mask).contains)
            guard !both.isEmpty else { throw .noAllowedCPU(topology: allowed, mask: mask) }
            allowed = both
        }
        guard !allowed.isEmpty else { throw .noAllowedCPU(topology: [], mask: []) }
        return MachineShape(
            pus: reader.pus, allowed: allowed, coreKinds: reader.coreKinds,
            l3IsReported: reader.l3IsReported)
    }
}

/// Ascending.
private func cpus(in set: hwloc_const_bitmap_t?) -> [Int] {
    var result: [Int] = []
    var next = hwloc_bitmap_first(set)
    while next >= 0 {
        result.append(Int(next))
        next = hwloc_bitmap_next(set, next)
    }
    return result
}

/// Walks a loaded topology once.
private struct ShapeReader {
    let topology: hwloc_topology_t
    var pus: [ProcessingUnit] = []
    var coreKinds: [CoreKind] = []
    var l3IsReported = true

    /// What stands in for an object that hwloc does not report.
    private enum Key: Hashable {
        case object(UnsafeMutableRawPointer)
        case part(package: Int, node: Int)
    }
    private var groups: [Key: Int] = [:]
    private var cores: [Key: Int] = [:]
    private var packages: [Key: Int] = [:]

    init(topology: hwloc_topology_t) { self.topology = topology }

    mutating func read() {
        let kindOfCPU = readKinds()
        var unit = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, nil)
        while let pu = unit {
            add(pu, kindOfCPU)
            unit = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)
        }
        // A kind was added for CPUs that hwloc files under none; a machine without kinds has it.
        if pus.contains(where: { $0.coreKind == coreKinds.count }) || coreKinds.isEmpty {
            coreKinds.append(CoreKind())
        }
    }

    private mutating func add(_ pu: hwloc_obj_t, _ kindOfCPU: [Int: Int]) {
        var core = pu
        var package: hwloc_obj_t?
        var l3: hwloc_obj_t?
        var sharedCache: hwloc_obj_t?
        var above = pu.pointee.parent
        while let object = above {
            switch object.pointee.type {
            case HWLOC_OBJ_CORE: core = object
            case HWLOC_OBJ_PACKAGE: package = object
            case HWLOC_OBJ_L3CACHE: l3 = object
            case HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L5CACHE:
                if hwloc_get_nbobjs_inside_cpuset_by_type(
                    topology, object.pointee.cpuset, HWLOC_OBJ_CORE) > 1
                {
                    sharedCache = object
                }
            default: break
            }
            above = object.pointee.parent
        }

        let cpu = Int(pu.pointee.os_index)
        let coreIndex = Self.index(of: Self.key(core), in: &cores)
        if let sibling = pus.last, sibling.core == coreIndex {
            // Everything above a core is the core's: a file cannot make siblings differ in it.
            pus.append(
                ProcessingUnit(
                    cpu: cpu, core: coreIndex, l3Group: sibling.l3Group,
                    numaNode: sibling.numaNode, package: sibling.package,
                    coreKind: sibling.coreKind))
            return
        }
        let node = Int(max(0, hwloc_bitmap_first(pu.pointee.nodeset)))
        let packageIndex = Self.index(
            of: package.map(Self.key) ?? .part(package: 0, node: 0), in: &packages)
        l3IsReported = l3IsReported && l3 != nil
        let group =
            (l3 ?? sharedCache).map(Self.key) ?? .part(package: packageIndex, node: node)
        pus.append(
            ProcessingUnit(
                cpu: cpu, core: coreIndex,
                l3Group: Self.index(of: group, in: &groups), numaNode: node,
                package: packageIndex, coreKind: kindOfCPU[cpu] ?? coreKinds.count))
    }

    /// Fills `coreKinds`; returns which of them each CPU belongs to.
    private mutating func readKinds() -> [Int: Int] {
        var kindOfCPU: [Int: Int] = [:]
        let count = max(0, hwloc_cpukinds_get_nr(topology, 0))
        guard let set = hwloc_bitmap_alloc() else { return kindOfCPU }
        defer { hwloc_bitmap_free(set) }
        for index in 0..<count {
            var efficiency: Int32 = -1
            var infoCount: UInt32 = 0
            var infos: UnsafeMutablePointer<hwloc_info_s>?
            guard
                hwloc_cpukinds_get_info(
                    topology, UInt32(index), set, &efficiency, &infoCount, &infos, 0) == 0
            else { continue }
            let name = UnsafeBufferPointer(start: infos, count: Int(infoCount))
                .first { String(cString: $0.name) == "CoreType" }
                .map { String(cString: $0.value) }
            for cpu in cpus(in: set) { kindOfCPU[cpu] = coreKinds.count }
            coreKinds.append(
                CoreKind(efficiency: efficiency < 0 ? nil : Int(efficiency), name: name))
        }
        return kindOfCPU
    }

    private static func key(_ object: hwloc_obj_t) -> Key {
        .object(UnsafeMutableRawPointer(object))
    }

    private static func index(of key: Key, in known: inout [Key: Int]) -> Int {
        if let index = known[key] { return index }
        known[key] = known.count
        return known.count - 1
    }
}
