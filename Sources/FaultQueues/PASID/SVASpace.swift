/// An address space: `mm_struct`, as far as PASIDs care.
@usableFromInline
struct SVASpace: ~Copyable {
    /// Tasks (`mm_users`). Written by clone and exit.
    @usableFromInline let users = SharedAtomic<Int>(0)
    /// What keeps it beyond its tasks (`mm_count`): all users together one, each bound device one.
    @usableFromInline let count = SharedAtomic<Int>(0)
    /// Which address space this is, never repeated; 0 before the first.
    @usableFromInline let life = SharedAtomic<UInt64>(0)
    /// Its PASID, 0 for none. Written with the bind lock held, or by the last reference.
    @usableFromInline let pasid = SharedAtomic<UInt32>(0)
    @usableFromInline let padding = InlineArray<12, UInt64>(repeating: 0)
    /// References to the PASID, in schemes that count them: alone in its lines.
    @usableFromInline let references = PaddedAtomic<Int>(0)

    @usableFromInline
    init() {}
}

/// An address space's binds: plain memory, with the bind lock held. Apart from what is atomic, so
/// that a change of one is no access to the other.
@usableFromInline
struct SpaceBinds: BitwiseCopyable {
    @usableFromInline var all = 0
    @usableFromInline var ofDevice = InlineArray<16, UInt16>(repeating: 0)
    @usableFromInline let padding = InlineArray<3, UInt64>(repeating: 0)

    @usableFromInline
    init() {}
}

/// A task's neighbours in its address space's list, plus one; 0 for none.
@usableFromInline
struct TaskLinks: BitwiseCopyable {
    @usableFromInline var next: Int32 = 0
    @usableFromInline var previous: Int32 = 0

    @usableFromInline
    init() {}
}

/// A task's PASID register, 0 for clear; alone in its line. Written by whoever acts for the task,
/// and by schemes that push a PASID to running tasks.
@usableFromInline
struct SVATask: ~Copyable {
    @usableFromInline let register = SharedAtomic<UInt32>(0)
    @usableFromInline let padding = InlineArray<7, UInt64>(repeating: 0)

    @usableFromInline
    init() {}
}

/// What every scheme shares: address spaces, tasks, devices' tables and the allocator.
public struct PASIDCore<Lock: LockPrimitive>: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let configuration: PASIDConfiguration
    @usableFromInline let spaces: UnsafeMutablePointer<SVASpace>
    @usableFromInline let tasks: UnsafeMutablePointer<SVATask>
    /// By address space: binds, and the first task plus one where there is a list of them.
    @usableFromInline let binds: SharedCells<SpaceBinds>
    @usableFromInline let firstTasks: SharedCells<Int32>
    /// By task: its address space, written by whoever acts for it, and its place in the list.
    @usableFromInline let homes: SharedCells<Int32>
    @usableFromInline let links: SharedCells<TaskLinks>
    /// A word for each device and PASID: the life of the address space that it leads to, 0 for no
    /// entry. Written with the bind lock held.
    @usableFromInline let entries: UnsafeMutablePointer<SharedAtomic<UInt64>>
    @usableFromInline let allocator: PASIDAllocator<Lock>
    /// Held across every bind and unbind (`iommu_sva_lock`, before it `pasid_mutex`).
    @usableFromInline let bindLock = Lock()
    /// Held by changes of a list of tasks (`tasklist_lock`).
    @usableFromInline let tasksLock = Lock()

    @usableFromInline
    init(_ configuration: PASIDConfiguration) {
        self.configuration = configuration
        spaces = allocateShared(count: configuration.spaces) { _ in SVASpace() }
        tasks = allocateShared(count: configuration.tasks) { _ in SVATask() }
        binds = allocateShared(count: configuration.spaces) { _ in SpaceBinds() }
        firstTasks = allocateShared(zeroed: Int32.self, count: configuration.spaces)
        homes = allocateShared(zeroed: Int32.self, count: configuration.tasks)
        links = allocateShared(zeroed: TaskLinks.self, count: configuration.tasks)
        entries = allocateShared(count: configuration.devices << configuration.bits) { _ in
            SharedAtomic<UInt64>(0)
        }
        allocator = PASIDAllocator(bits: configuration.bits)
    }

    @usableFromInline
    func destroy() {
        freeShared(spaces, count: configuration.spaces)
        freeShared(tasks, count: configuration.tasks)
        freeShared(binds, count: configuration.spaces)
        freeShared(firstTasks, count: configuration.spaces)
        freeShared(homes, count: configuration.tasks)
        freeShared(links, count: configuration.tasks)
        freeShared(entries, count: configuration.devices << configuration.bits)
        allocator.destroy()
        bindLock.destroy()
        tasksLock.destroy()
    }

    @inlinable @inline(__always)
    func entry(_ device: Int, _ pasid: UInt32) -> UnsafeMutablePointer<SharedAtomic<UInt64>> {
        entries + (device << configuration.bits | Int(pasid))
    }

    /// The address space's PASID, 0 for none.
    @inlinable @inline(__always)
    func pasid(_ space: Int) -> UInt32 {
        // Relaxed: whoever uses it has a reason of its own to know that it stays.
        spaces[space].pasid.load(ordering: .relaxed)
    }

    @inlinable @inline(__always)
    func setPASID(_ space: Int, _ pasid: UInt32) {
        // Relaxed: as above; the number alone is read by others.
        spaces[space].pasid.store(pasid, ordering: .relaxed)
    }

    @inlinable @inline(__always)
    func register(_ task: Int) -> UInt32 {
        tasks[task].register.load(ordering: .relaxed)  // a number alone
    }

    @inlinable @inline(__always)
    func setRegister(_ task: Int, _ pasid: UInt32) {
        tasks[task].register.store(pasid, ordering: .relaxed)  // a number alone
    }

    /// Frees the address space's PASID, if it has one.
    @inlinable
    func freePASID(of space: Int) -> PASIDFate {
        let pasid = pasid(space)
        if pasid == 0 { return .kept }
        setPASID(space, 0)
        allocator.free(pasid)
        return .freed
    }
}
