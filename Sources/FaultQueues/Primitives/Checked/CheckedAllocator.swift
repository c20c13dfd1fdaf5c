/// Nodes from an array, with what a pool leaves out: freed nodes are filled with a pattern and come
/// back as late as possible, so that a write after a free is found at the next allocation, a read
/// finds nonsense, and a second free is found at once. An allocation can be made to fail.
///
/// For verification: one lock, a hundred times slower than a pool. Counts as one among kinds of
/// node memory, because it is a pool to its users.
public struct CheckedAllocator<Node: BitwiseCopyable>: NodeAllocator, @unchecked Sendable {
    /// Protected by `lock`.
    struct State {
        /// Free nodes, the first freed first.
        var free: [Int]
        var firstFree = 0
        var isOut: [Bool]
    }

    let lock: TTASLock
    let state: UnsafeMutablePointer<State>
    let slots: UnsafeMutableRawPointer
    let capacity: Int
    private var tally = NodeCounts()

    private static var poison: UInt64 { 0xDEAD_DBDB_DEAD_DBDB }
    private static var words: Int { stride / 8 }
    private static var stride: Int { NodeLayout.stride(of: Node.self) }

    public static var memory: NodeMemory { .pool }

    /// Nodes beyond the capacity, so that a freed one rests.
    private static var spare: Int { 512 }

    public init(capacity: Int) {
        self.capacity = capacity
        lock = TTASLock()
        let count = capacity + Self.spare
        slots = allocateShared(byteCount: count * Self.stride)
        state = allocateShared(
            initial: State(
                free: Array(0..<count), isOut: Array(repeating: false, count: count)))
        for index in 0..<count { fill(index) }
    }

    public func makeHandle() -> Self {
        var other = self
        other.tally = NodeCounts()
        return other
    }

    public mutating func allocate() -> UnsafeMutablePointer<Node>? {
        Disturbance.point()
        guard !AllocationFaults.nextFails() else {
            tally.refusals += 1
            return nil
        }
        lock.lock()
        defer { lock.unlock() }
        let state = state
        guard state.pointee.free.count - state.pointee.firstFree > Self.spare else {
            tally.refusals += 1
            return nil
        }
        let index = state.pointee.free[state.pointee.firstFree]
        state.pointee.firstFree += 1
        if state.pointee.firstFree == 4096 {
            state.pointee.free.removeFirst(4096)
            state.pointee.firstFree = 0
        }
        let node = slots + index * Self.stride
        let words = node.assumingMemoryBound(to: UInt64.self)
        if !(0..<Self.words).allSatisfy({ words[$0] == Self.poison }) {
            Complaints.note("\(Node.self) was written after it was freed")
        }
        state.pointee.isOut[index] = true
        tally.allocations += 1
        return node.assumingMemoryBound(to: Node.self)
    }

    public mutating func free(_ node: UnsafeMutablePointer<Node>) {
        Disturbance.point()
        let offset = UnsafeMutableRawPointer(node) - slots
        lock.lock()
        defer { lock.unlock() }
        let index = offset / Self.stride
        guard offset >= 0, offset % Self.stride == 0, index < state.pointee.isOut.count else {
            Complaints.note("\(Node.self) that is none of this memory's was freed")
            return
        }
        guard state.pointee.isOut[index] else {
            Complaints.note("\(Node.self) was freed twice")
            return
        }
        state.pointee.isOut[index] = false
        fill(index)
        state.pointee.free.append(index)
        tally.frees += 1
    }

    private func fill(_ index: Int) {
        let words = (slots + index * Self.stride).assumingMemoryBound(to: UInt64.self)
        for place in 0..<Self.words { words[place] = Self.poison }
    }

    public var counts: NodeCounts { tally }

    public func destroy() {
        lock.destroy()
        state.deinitialize(count: 1)
        freeShared(bytes: UnsafeMutableRawPointer(state))
        freeShared(bytes: slots)
    }
}

/// Allocations of checked node memory that shall fail.
public enum AllocationFaults {
    /// Allocations until one fails; below zero for none.
    private static let left = SharedAtomic<Int>(-1)
    private static let failures = SharedAtomic<Int>(0)

    /// The `number`-th allocation from now on fails, 0 for the next; nil for none. While no scheme
    /// runs.
    public static func fail(at number: Int?) {
        left.store(number ?? -1, ordering: .relaxed)  // threads are started after this
        failures.store(0, ordering: .relaxed)  // as above
    }

    /// How many have failed since.
    public static var count: Int { failures.load(ordering: .relaxed) }  // a number only

    static func nextFails() -> Bool {
        guard left.load(ordering: .relaxed) >= 0 else { return false }  // a counter alone
        let fails = left.wrappingSubtract(1, ordering: .relaxed).oldValue == 0  // as above
        if fails { failures.wrappingAdd(1, ordering: .relaxed) }  // as above
        return fails
    }
}
