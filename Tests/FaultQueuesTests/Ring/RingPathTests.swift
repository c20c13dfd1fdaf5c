import FaultModel
import CPlatform
import Testing

@testable import FaultQueues
@testable import Harness

/// R1 to R7 for one thread, by every short sequence of calls.
struct RingPathTests {
    /// Under a sanitizer, which takes ten times as long, sequences are shorter by one call.
    static let shorter = fq_tsan_enabled() ? 1 : 0

    static let structures: [(any PageRequestRing.Type, OverflowPolicy)] =
        oneRingOfEachStructure.flatMap { ring in OverflowPolicy.allCases.map { (ring, $0) } }
    static let locks: [(any PageRequestRing.Type, OverflowPolicy)] =
        allRings.filter { $0.lockKind != nil }
        .flatMap { ring in OverflowPolicy.allCases.map { (ring, $0) } }

    @Test
    func everyStructureAndLockIsTested() {
        #expect(
            Set(oneRingOfEachStructure.map { $0.structure }) == Set(allRings.map { $0.structure }))
        #expect(allRings.compactMap { $0.lockKind } == LockKind.allCases)
    }

    /// Every state of a ring of two, one producer.
    @Test(arguments: structures, HeadUpdate.allCases)
    func aRingOfTwo(_ scheme: (any PageRequestRing.Type, OverflowPolicy), headUpdate: HeadUpdate) {
        let configuration = RingConfiguration(
            capacity: 2, overflow: scheme.1, headUpdate: headUpdate)
        check(scheme.0, configuration, longestBatch: 2, fills: [0], length: 7 - Self.shorter)
    }

    /// A ring of four, one producer, from every fill.
    @Test(arguments: structures, HeadUpdate.allCases)
    func aRingOfFour(
        _ scheme: (any PageRequestRing.Type, OverflowPolicy), headUpdate: HeadUpdate
    ) {
        let configuration = RingConfiguration(
            capacity: 4, overflow: scheme.1, headUpdate: headUpdate)
        check(
            scheme.0, configuration, longestBatch: 3, fills: Array(0...configuration.usable),
            length: 5)
    }

    /// Two producers take turns in every way, from an empty and a full ring.
    @Test(arguments: structures, HeadUpdate.allCases)
    func twoProducers(
        _ scheme: (any PageRequestRing.Type, OverflowPolicy), headUpdate: HeadUpdate
    ) {
        for capacity in [2, 4] {
            let configuration = RingConfiguration(
                capacity: capacity, producers: 2, overflow: scheme.1, headUpdate: headUpdate)
            check(
                scheme.0, configuration, longestBatch: capacity == 2 ? 2 : 3,
                fills: [0, configuration.usable],
                length: 5 - Self.shorter)
        }
    }

    /// The locked ring is one source for all locks; each of them runs the shorter sequences.
    @Test(arguments: locks, HeadUpdate.allCases)
    func everyLock(_ scheme: (any PageRequestRing.Type, OverflowPolicy), headUpdate: HeadUpdate) {
        let configuration = RingConfiguration(
            capacity: 2, producers: 2, overflow: scheme.1, headUpdate: headUpdate)
        check(
            scheme.0, configuration, longestBatch: 2, fills: [0, configuration.usable], length: 4)
    }

    private func check(
        _ type: any PageRequestRing.Type, _ configuration: RingConfiguration, longestBatch: Int,
        fills: [Int], length: Int
    ) {
        func open<Ring: PageRequestRing>(_: Ring.Type) -> String? {
            RingPaths(
                configuration: configuration, batching: Ring.batching(configuration.headUpdate),
                longestBatch: longestBatch, fills: fills, length: length
            ).firstDivergence(Ring.init)
        }
        let divergence = open(type)
        #expect(divergence == nil)
    }
}
