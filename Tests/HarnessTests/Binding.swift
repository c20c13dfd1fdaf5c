import CHwloc

/// Binds the calling thread behind the back of whoever pinned it.
func bindCallingThread(to cpu: Int) {
    var topology: hwloc_topology_t?
    precondition(hwloc_topology_init(&topology) == 0 && hwloc_topology_load(topology) == 0)
    let set = hwloc_bitmap_alloc()
    hwloc_bitmap_set(set, UInt32(cpu))
    precondition(
        hwloc_set_cpubind(topology, set, Int32(bitPattern: HWLOC_CPUBIND_THREAD.rawValue)) == 0)
    hwloc_bitmap_free(set)
    hwloc_topology_destroy(topology)
}
