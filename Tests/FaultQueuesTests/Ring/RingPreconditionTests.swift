import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A caller's mistakes stop the program, and nothing within the ranges does.
struct RingPreconditionTests {
    @Test(.enabled(if: exitTestsWork), arguments: [3, 1, 0, -2, 6, 131072])
    func aCapacityOutOfRangeStopsTheProgram(capacity: Int) async {
        await #expect(processExitsWith: .failure) { [capacity] in
            _ = RingConfiguration(capacity: capacity)
        }
    }

    @Test(.enabled(if: exitTestsWork), arguments: [0, -1, 257])
    func aProducerCountOutOfRangeStopsTheProgram(producers: Int) async {
        await #expect(processExitsWith: .failure) { [producers] in
            _ = RingConfiguration(capacity: 2, producers: producers)
        }
    }

    @Test(.enabled(if: exitTestsWork))
    func aProducerTooManyStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let ring = SPSCRing(RingConfiguration(capacity: 2, producers: 2))
            for _ in 0..<3 { _ = ring.makeProducer() }
        }
        await #expect(processExitsWith: .failure) {
            let ring = SPSCControlRing(RingConfiguration(capacity: 2, producers: 2))
            for _ in 0..<3 { _ = ring.makeProducer() }
        }
    }

    /// The exit tests fail for their reason: what is in range ends well.
    @Test(.enabled(if: exitTestsWork))
    func whatIsInRangeEndsWell() async {
        await #expect(processExitsWith: .success) {
            for capacity in [2, 65536] {
                let configuration = RingConfiguration(capacity: capacity, producers: 2)
                let ring = SPSCRing(configuration)
                for _ in 0..<2 { _ = ring.makeProducer() }
            }
            let ring = SPSCControlRing(RingConfiguration(capacity: 2, producers: 2))
            for _ in 0..<2 { _ = ring.makeProducer() }
        }
    }

    @Test
    func theLargestCountsWork() {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(RingConfiguration(capacity: 2, producers: 256))
            var delivered: [UInt64] = []
            for producer in 0..<256 {
                #expect(subject.enqueue(UInt64(producer), by: producer) == .enqueued)
                if !Ring.hasLanes { delivered += subject.dequeue(limit: 1) ?? [] }
            }
            while let batch = subject.dequeue(limit: 7), !batch.isEmpty { delivered += batch }
            #expect(delivered == Array(0..<256), "\(Ring.name)")
        }
        for ring in allRings { check(ring) }
    }
}
