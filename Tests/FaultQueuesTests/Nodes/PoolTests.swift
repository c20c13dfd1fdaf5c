import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

@Suite(.serialized)
struct PoolTests {
    @Test(arguments: [1, 2, 3, 17])
    func aPoolHandsOutEachNodeOnceAndThenNone(capacity: Int) {
        var pool = PoolAllocator<TestNode>(capacity: capacity)
        for round in 1...3 {
            var nodes: [UnsafeMutablePointer<TestNode>] = []
            for _ in 0..<capacity {
                if let node = pool.allocate() { nodes.append(node) }
            }
            #expect(Set(nodes).count == capacity)
            let surplus = pool.allocate()
            #expect(surplus == nil)
            #expect(pool.counts.refusals == round)
            #expect(pool.counts.allocations == round * capacity)
            for node in nodes { pool.free(node) }
            #expect(pool.counts.frees == round * capacity)
        }
        pool.destroy()
    }

    @Test
    func theLastNodeFreedIsTheFirstReused() throws {
        var pool = PoolAllocator<TestNode>(capacity: 4)
        let nodes = [pool.allocate(), pool.allocate()]
        pool.free(try #require(nodes[0]))
        pool.free(try #require(nodes[1]))
        let reused = [pool.allocate(), pool.allocate()]
        #expect(reused == [nodes[1], nodes[0]])
        pool.destroy()
    }

    @Test
    func handlesShareTheNodesAndCountApart() throws {
        var one = PoolAllocator<TestNode>(capacity: 2)
        var two = one.makeHandle()
        let nodes = [one.allocate(), two.allocate(), one.allocate()]
        #expect(nodes[0] != nil && nodes[1] != nil && nodes[0] != nodes[1] && nodes[2] == nil)
        two.free(try #require(nodes[0]))
        let reused = one.allocate()
        #expect(reused == nodes[0])
        #expect(one.counts.allocations == 2 && one.counts.frees == 0 && one.counts.refusals == 1)
        #expect(two.counts.allocations == 1 && two.counts.frees == 1 && two.counts.refusals == 0)
        one.destroy()
    }

    /// Caching handles exchange batches with the free list: no node is ever out twice, and all are
    /// back once the handles have given back what they keep.
    @Test(arguments: [128, 1000, 10_000])
    func cachingHandlesShareTheNodes(capacity: Int) throws {
        var pool = PoolAllocator<TestNode>(capacity: capacity)
        var random = SeededGenerator(seed: testSeed)
        var handles = (0..<3).map { _ in pool.makeCachingHandle() }
        var out: [UnsafeMutablePointer<TestNode>] = []
        for _ in 0..<20_000 {
            let handle = Int.random(in: 0..<3, using: &random)
            if out.count < capacity, Bool.random(using: &random) {
                let node = handles[handle].allocate()
                out.append(try #require(node))
            } else if let node = out.popLast() {
                handles[handle].free(node)
            }
        }
        while out.count < capacity {
            let node = handles[0].allocate()
            out.append(try #require(node))
        }
        #expect(Set(out).count == capacity, "FQ_TEST_SEED=\(testSeed)")
        while let node = out.popLast() { handles[out.count % 3].free(node) }
        let counts = handles.map { $0.retired() }.reduce(NodeCounts(), +)
        #expect(counts.allocations == counts.frees)
        var all: Set<UnsafeMutablePointer<TestNode>> = []
        while let node = pool.allocate() { all.insert(node) }
        #expect(all.count == pool.capacity)
        pool.destroy()
    }

    @Test(.enabled(if: exitTestsWork), arguments: [0, -1, Int(UInt32.max)])
    func aCapacityOutOfRangeStopsTheProgram(capacity: Int) async {
        await #expect(processExitsWith: .failure) { [capacity] in
            _ = PoolAllocator<TestNode>(capacity: capacity)
        }
    }

    /// A thread reads the top and its link and stalls; meanwhile two nodes are taken and the first
    /// one is put back. The top shows the same index, but its successor is out: the stalled
    /// thread's exchange has to fail.
    @Test
    func aRecycledTopFailsTheStaleExchange() {
        let stack = IndexStack(count: 3)
        let observed = stack.observeTop()
        #expect(stack.pop() == 0)
        #expect(stack.pop() == 1)
        stack.push(0)
        #expect(IndexStack.index(of: stack.observeTop()) == IndexStack.index(of: observed))
        #expect(stack.observeTop() != observed)

        #expect(!stack.replaceTop(observed).exchanged)
        #expect(stack.replaceTop(stack.observeTop()).exchanged)  // Index 0, by its present top.
        #expect(stack.pop() == 2)  // Not 1, which is out.
        #expect(stack.pop() == nil)
        stack.destroy()
    }

    /// What the tag is for: the same steps on a stack without one hand out index 1 twice.
    @Test
    func withoutTheTagTheSameStepsHandOutANodeTwice() {
        var stack = TaglessStack(count: 3)
        let observed = stack.top
        let belowObserved = stack.links[observed]
        let taken = [stack.pop(), stack.pop()]
        #expect(taken == [0, 1])
        stack.push(0)
        let replaced = stack.replaceTop(observed, by: belowObserved)
        let next = stack.pop()
        #expect(replaced && next == 1)
    }

    @Test
    func theTagGrowsWithEveryPopAndWraps() {
        let stack = IndexStack(count: 2)
        let start = stack.observeTop()
        _ = stack.pop()
        stack.push(0)
        #expect(IndexStack.tag(of: stack.observeTop()) == IndexStack.tag(of: start) &+ 1)

        let last = IndexStack.word(tag: .max, index: 0)
        stack.storage.pointee.top.value.store(last, ordering: .relaxed)
        #expect(stack.pop() == 0)
        #expect(IndexStack.tag(of: stack.observeTop()) == 0)
        #expect(IndexStack.index(of: stack.observeTop()) == 1)
        stack.destroy()
    }

    /// Every index is owned by at most one thread at any time, and all are back at the end.
    @Test
    func threadsNeverOwnTheSameIndex() {
        let count = 6
        let stack = IndexStack(count: count)
        let owners = Owners(count: count)
        let seed = testSeed
        DedicatedThread.run(min(crowd, 4)) { thread in
            var random = SeededGenerator(seed: seed, stream: UInt64(thread))
            var mine: [UInt32] = []
            for _ in 0..<10_000 {
                if random.next() % 2 == 0, let index = stack.pop() {
                    owners.take(Int(index))
                    mine.append(index)
                } else if let index = mine.popLast() {
                    owners.giveBack(Int(index))
                    stack.push(index)
                }
            }
            for index in mine {
                owners.giveBack(Int(index))
                stack.push(index)
            }
        }
        #expect(owners.conflicts == 0, "FQ_TEST_SEED=\(seed)")
        var left: Set<UInt32> = []
        while let index = stack.pop() { left.insert(index) }
        #expect(left == Set(0..<UInt32(count)), "FQ_TEST_SEED=\(seed)")
        stack.destroy()
        owners.destroy()
    }

    /// One thread uses a node and frees it, another is given it and uses it. The flag between them
    /// orders no memory, so ThreadSanitizer is satisfied only if the free list does.
    @Test
    func theLastUseOfANodeHappensBeforeItsNext() {
        let pool = PoolAllocator<TestNode>(capacity: 2)
        let isFreed = Owners(count: 1)
        let seen = PlainIntegers(repeating: -1)
        DedicatedThread.run(2) { thread in
            var handle = pool.makeHandle()
            if thread == 0 {
                let node = handle.allocate()!
                node.pointee.first = 41
                handle.free(node)
                isFreed.take(0)
            } else {
                var spin = SpinWait()
                while !isFreed.isTaken(0) { spin.wait() }
                let node = handle.allocate()!
                node.pointee.first += 1
                seen[0] = Int(node.pointee.first)
                handle.free(node)
            }
        }
        #expect(seen[0] == 42)
        seen.free()
        isFreed.destroy()
        pool.destroy()
    }

    /// The record of owners can fail.
    @Test
    func theRecordOfOwnersCatchesASecondOwner() {
        let owners = Owners(count: 2)
        owners.take(0)
        owners.take(1)
        #expect(owners.conflicts == 0)
        owners.take(1)
        #expect(owners.conflicts == 1)
        owners.giveBack(0)
        owners.giveBack(0)
        #expect(owners.conflicts == 2)
        owners.destroy()
    }
}

/// Who owns which index.
struct Owners: @unchecked Sendable {
    private let taken: UnsafeMutablePointer<PaddedAtomic<Bool>>
    private let failures: UnsafeMutablePointer<PaddedAtomic<Int>>
    private let count: Int

    init(count: Int) {
        self.count = count
        taken = allocateShared(count: count) { _ in PaddedAtomic(false) }
        failures = allocateShared(initial: PaddedAtomic(0))
    }

    func take(_ index: Int) { set(index, to: true) }

    func giveBack(_ index: Int) { set(index, to: false) }

    private func set(_ index: Int, to new: Bool) {
        if taken[index].value.exchange(new, ordering: .relaxed) == new {
            failures.pointee.value.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Orders no memory, nor do the others.
    func isTaken(_ index: Int) -> Bool { taken[index].value.load(ordering: .relaxed) }

    var conflicts: Int { failures.pointee.value.load(ordering: .relaxed) }

    func destroy() {
        freeShared(taken, count: count)
        freeShared(failures, count: 1)
    }
}

/// A broken twin of `IndexStack`, for one thread: its top is an index and nothing else.
struct TaglessStack {
    var top = 0
    var links: [Int]

    init(count: Int) { links = (1...count).map { $0 } }

    mutating func pop() -> Int? {
        guard top < links.count else { return nil }
        let index = top
        return replaceTop(index, by: links[index]) ? index : nil
    }

    mutating func push(_ index: Int) {
        links[index] = top
        top = index
    }

    /// The exchange.
    mutating func replaceTop(_ observed: Int, by below: Int) -> Bool {
        guard top == observed else { return false }
        top = below
        return true
    }
}
