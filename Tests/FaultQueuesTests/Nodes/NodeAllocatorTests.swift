import CPlatform
import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A node of 72 bytes: two lines, the second one partly used. Its user keeps both ends equal. They
/// are plain fields, so that ThreadSanitizer sees every access in a debug build too.
struct TestNode: BitwiseCopyable {
    var first: UInt64 = 0
    var filler: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    var last: UInt64 = 0
}

/// A node of one line exactly.
struct LineNode: BitwiseCopyable {
    var words = InlineArray<8, UInt64>(repeating: 0)
}

@Suite(.serialized)
struct NodeAllocatorTests {
    static let allocators: [any NodeAllocator<TestNode>.Type] = [
        PoolAllocator<TestNode>.self, JemallocAllocator<TestNode>.self,
        GlibcAllocator<TestNode>.self,
    ]

    @Test
    func everyMemoryHasAType() {
        func memory<Allocator: NodeAllocator>(_: Allocator.Type) -> NodeMemory { Allocator.memory }
        #expect(Self.allocators.map { memory($0) } == NodeMemory.allCases)
        #expect(NodeMemory.allCases.map(\.rawValue) == ["pool", "jemalloc", "glibc"])
        for memory in NodeMemory.allCases { #expect(!memory.summary.isEmpty) }
    }

    @Test
    func nodesTakeWholeLines() {
        #expect(NodeLayout.stride(of: UInt8.self) == 64)
        #expect(NodeLayout.stride(of: LineNode.self) == 64)
        #expect(NodeLayout.stride(of: TestNode.self) == 128)
        #expect(NodeLayout.alignment == 1 << NodeLayout.alignmentShift)
    }

    @Test(arguments: allocators)
    func nodesAreAlignedApartAndKeepTheirContent(_ type: any NodeAllocator<TestNode>.Type) {
        func check<Allocator: NodeAllocator>(_: Allocator.Type) where Allocator.Node == TestNode {
            var allocator = Allocator(capacity: 100)
            var nodes: [UnsafeMutablePointer<TestNode>] = []
            for value in 0..<100 {
                guard let node = allocator.allocate() else {
                    Issue.record("\(Allocator.memory) had no node \(value)")
                    return
                }
                node.pointee = TestNode(first: UInt64(value), last: UInt64(value))
                nodes.append(node)
            }
            let addresses = nodes.map { UInt(bitPattern: $0) }.sorted()
            #expect(addresses.allSatisfy { $0 % 64 == 0 })
            #expect(zip(addresses, addresses.dropFirst()).allSatisfy { $1 - $0 >= 128 })
            for (value, node) in nodes.enumerated() {
                #expect(node.pointee.first == value && node.pointee.last == value)
                allocator.free(node)
            }
            var counts = NodeCounts()
            counts.allocations = 100
            counts.frees = 100
            #expect(allocator.counts == counts)
            #expect(allocator.makeHandle().counts == NodeCounts())
            allocator.destroy()
        }
        check(type)
    }

    /// Threads take and return nodes at random, some of them another thread's; no node is ever in
    /// two hands, nothing is lost, and the counters of all handles balance.
    @Test(arguments: allocators)
    func noNodeIsInTwoHands(_ type: any NodeAllocator<TestNode>.Type) {
        func run<Allocator: NodeAllocator>(_: Allocator.Type) -> HandOutcome
        where Allocator.Node == TestNode {
            HandExercise(threads: min(crowd, 4), steps: 3000, seed: testSeed)
                .run(Allocator(capacity: 24))
        }
        let outcome = run(type)
        #expect(outcome.conflicts == 0, "FQ_TEST_SEED=\(testSeed)")
        #expect(outcome.counts.allocations > 500)
        #expect(outcome.counts.allocations == outcome.counts.frees, "FQ_TEST_SEED=\(testSeed)")
    }
}

/// What threads that passed nodes around saw.
struct HandOutcome {
    /// Nodes that did not hold what their owner had written.
    var conflicts: Int
    var counts: NodeCounts
}

/// Threads that allocate, pass on through an exchange of slots, check and free.
struct HandExercise: Sendable {
    var threads: Int
    var steps: Int
    var seed: UInt64

    /// Nodes on their way from one thread to another.
    struct Exchange: ~Copyable {
        let slots = InlineArray<8, SharedAtomic<UnsafeMutablePointer<TestNode>?>> { _ in
            SharedAtomic(nil)
        }
        let conflicts = SharedAtomic<Int>(0)
    }

    struct SharedExchange: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<Exchange>
    }

    /// One for each thread, written by that thread at its end.
    struct Tallies: @unchecked Sendable {
        let pointer: UnsafeMutablePointer<NodeCounts>
        init(count: Int) { pointer = allocateShared(count: count) { _ in NodeCounts() } }
    }

    /// Destroys the allocator at the end.
    func run<Allocator: NodeAllocator>(_ allocator: Allocator) -> HandOutcome
    where Allocator.Node == TestNode {
        let exchange = SharedExchange(pointer: allocateShared(initial: Exchange()))
        let tallies = Tallies(count: threads)
        DedicatedThread.run(threads) { thread in
            var handle = allocator.makeHandle()
            var random = SeededGenerator(seed: seed, stream: UInt64(thread))
            var stamp = UInt64(thread) << 48
            for _ in 0..<steps {
                let choice = random.next()
                var node: UnsafeMutablePointer<TestNode>?
                if choice % 4 != 0, let fresh = handle.allocate() {
                    stamp += 1
                    fresh.pointee.first = stamp
                    fresh.pointee.last = stamp
                    node = fresh
                }
                // Another thread may run here while this one owns the node.
                SpinWait.pause(times: UInt32(choice >> 8 % 4))
                if let node { check(node, exchange) }
                let slot = Int(choice >> 16 % 8)
                // ORDER test.hand-over, both sides. Keeps: a node's words before its address.
                let given = exchange.pointer.pointee.slots[slot]
                    .exchange(node, ordering: .acquiringAndReleasing)
                if let given {
                    check(given, exchange)
                    given.pointee.first = .max
                    given.pointee.last = .max
                    handle.free(given)
                }
            }
            tallies.pointer[thread] = handle.counts
        }
        var last = allocator.makeHandle()
        for slot in 0..<8 {
            let left = exchange.pointer.pointee.slots[slot].exchange(nil, ordering: .acquiring)
            if let left { last.free(left) }
        }
        let counts = (0..<threads).reduce(last.counts) { $0 + tallies.pointer[$1] }
        let conflicts = exchange.pointer.pointee.conflicts.load(ordering: .relaxed)
        freeShared(exchange.pointer, count: 1)
        freeShared(tallies.pointer, count: threads)
        last.destroy()
        return HandOutcome(conflicts: conflicts, counts: counts)
    }

    /// Both ends of a node that is in one hand are equal, and are not those of a free one.
    private func check(_ node: UnsafeMutablePointer<TestNode>, _ exchange: SharedExchange) {
        let first = node.pointee.first
        if first == .max || node.pointee.last != first {
            exchange.pointer.pointee.conflicts.wrappingAdd(1, ordering: .relaxed)
        }
    }
}
