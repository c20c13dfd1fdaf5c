import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// R4 to R7 as a reader of the specifications would try them, many times on one ring.
struct RingOverflowTests {
    /// How often a ring overflows in a test: more than its laps have slots.
    static let overflows = 40

    @Test(arguments: allRings, HeadUpdate.allCases)
    func stickyDropsEverythingUntilItIsAcknowledgedOnAnEmptyRing(
        _ type: any PageRequestRing.Type, headUpdate: HeadUpdate
    ) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(
                RingConfiguration(capacity: 8, overflow: .sticky, headUpdate: headUpdate))
            for round in 0..<Self.overflows {
                fill(subject, 7)
                #expect(!subject.acknowledge(), "\(Ring.name): full is no overflow")
                #expect(subject.enqueue(99) == .overflowed, "\(Ring.name)")
                for waiting in (1...7).reversed() {
                    #expect(!subject.acknowledge(), "\(Ring.name): \(waiting) still wait")
                    #expect(subject.enqueue(99) == .overflowed, "\(Ring.name): not acknowledged")
                    #expect(subject.dequeue(limit: 1) == [UInt64(7 - waiting)], "\(Ring.name)")
                }
                #expect(subject.dequeue(limit: 1) == [], "\(Ring.name)")
                #expect(subject.enqueue(99) == .overflowed, "\(Ring.name): empty, not acknowledged")
                #expect(subject.acknowledge(), "\(Ring.name), round \(round)")
                #expect(!subject.acknowledge(), "\(Ring.name): acknowledged once already")
                // So that the next round begins at another slot.
                #expect(subject.enqueue(0) == .enqueued, "\(Ring.name), round \(round)")
                #expect(subject.dequeue(limit: 1) == [0], "\(Ring.name)")
            }
        }
        check(type)
    }

    @Test(arguments: allRings, 0...8)
    func toggleIsAcknowledgedAtAnyTime(_ type: any PageRequestRing.Type, taken: Int) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(RingConfiguration(capacity: 8, overflow: .toggle))
            for _ in 0..<Self.overflows {
                fill(subject, 8)
                #expect(subject.enqueue(99) == .overflowed, "\(Ring.name)")
                for number in 0..<taken {
                    #expect(subject.dequeue(limit: 1) == [UInt64(number)], "\(Ring.name)")
                    #expect(subject.enqueue(99) == .overflowed, "\(Ring.name): not acknowledged")
                }
                #expect(subject.acknowledge(), "\(Ring.name), \(taken) taken")
                #expect(!subject.acknowledge(), "\(Ring.name): acknowledged once already")
                for number in 0..<taken {
                    #expect(subject.enqueue(UInt64(number)) == .enqueued, "\(Ring.name)")
                }
                // Full again; the overflow that follows is a new one.
                #expect(subject.enqueue(99) == .overflowed, "\(Ring.name)")
                var left: [UInt64] = []
                while let batch = subject.dequeue(limit: 3), !batch.isEmpty { left += batch }
                #expect(left == Array(UInt64(taken)..<8) + Array(0..<UInt64(taken)))
                #expect(subject.acknowledge(), "\(Ring.name)")
            }
        }
        check(type)
    }

    @Test(arguments: allRings)
    func waitNeverOverflows(_ type: any PageRequestRing.Type) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(RingConfiguration(capacity: 8))
            for _ in 0..<Self.overflows {
                fill(subject, 7)
                for _ in 0..<3 {
                    #expect(subject.enqueue(99) == .full, "\(Ring.name)")
                    #expect(!subject.acknowledge(), "\(Ring.name)")
                }
                #expect(subject.dequeue(limit: 1) == [0], "\(Ring.name)")
                #expect(subject.enqueue(7) == .enqueued, "\(Ring.name): room, so it is accepted")
                var left: [UInt64] = []
                while let batch = subject.dequeue(limit: 5), !batch.isEmpty { left += batch }
                #expect(left == Array(1..<8), "\(Ring.name)")
                #expect(!subject.acknowledge(), "\(Ring.name)")
            }
        }
        check(type)
    }

    /// One ring for all producers has one flag; with a ring for each, one overflows alone.
    @Test(arguments: allRings, [OverflowPolicy.sticky, .toggle])
    func theFlagBelongsToTheRing(_ type: any PageRequestRing.Type, policy: OverflowPolicy) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(
                RingConfiguration(capacity: 4, producers: 2, overflow: policy))
            fill(subject, subject.configuration.usable)
            #expect(subject.enqueue(99, by: 0) == .overflowed, "\(Ring.name)")
            while let batch = subject.dequeue(limit: 3), !batch.isEmpty {}
            let other = subject.enqueue(1, by: 1)
            #expect(other == (Ring.hasLanes ? .enqueued : .overflowed), "\(Ring.name)")
            #expect(subject.enqueue(2, by: 0) == .overflowed, "\(Ring.name)")
            #expect(subject.acknowledge(), "\(Ring.name)")
            #expect(subject.enqueue(3, by: 0) == .enqueued, "\(Ring.name)")
        }
        check(type)
    }

    private func fill<Ring: PageRequestRing>(_ subject: RingSubject<Ring>, _ count: Int) {
        for number in 0..<count {
            let outcome = subject.enqueue(UInt64(number))
            #expect(outcome == .enqueued, "\(Ring.name): entry \(number) of \(count)")
        }
    }
}
