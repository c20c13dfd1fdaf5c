import FaultModel
import FaultOracle
import Testing

@testable import FaultQueues
@testable import Harness

/// What fits, what a batch holds, what a request keeps, and what happens lap after lap.
struct RingBoundaryTests {
    static let capacities = (1...14).map { 1 << $0 }

    /// R3 and R4 exactly: the last request that fits, and the first that does not.
    @Test(arguments: allRings, OverflowPolicy.allCases)
    func exactlyTheUsableEntriesFit(_ type: any PageRequestRing.Type, policy: OverflowPolicy) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            for capacity in Self.capacities {
                let configuration = RingConfiguration(capacity: capacity, overflow: policy)
                let usable = policy == .toggle ? capacity : capacity - 1
                #expect(configuration.usable == usable)
                let subject = RingSubject<Ring>(configuration, bufferCount: capacity + 2)
                var fitted = 0
                while fitted <= capacity, subject.enqueue(UInt64(fitted)) == .enqueued {
                    fitted += 1
                }
                #expect(fitted == usable, "\(Ring.name), capacity \(capacity)")
                let refusal = EnqueueOutcome.overflowed
                #expect(subject.enqueue(0) == (policy == .wait ? .full : refusal))
                #expect(subject.dequeue(limit: capacity + 1) == Array(0..<UInt64(usable)))
                #expect(subject.dequeue(limit: capacity + 1) == [])
            }
        }
        check(type)
    }

    /// Where each producer has a ring of its own it is as large as the others' and fills alone;
    /// where they share one, they share its entries.
    @Test(arguments: allRings, OverflowPolicy.allCases)
    func producersFillOneRingOrTheirOwn(_ type: any PageRequestRing.Type, policy: OverflowPolicy) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let configuration = RingConfiguration(capacity: 8, producers: 5, overflow: policy)
            let subject = RingSubject<Ring>(configuration, bufferCount: 65)
            var fitted = 0
            for _ in 0..<20 {
                for producer in 0..<5 where subject.enqueue(0, by: producer) == .enqueued {
                    fitted += 1
                }
            }
            #expect(fitted == configuration.usable * (Ring.hasLanes ? 5 : 1), "\(Ring.name)")
        }
        check(type)
    }

    /// A call that takes one request makes room for one, whenever the head is written.
    @Test(arguments: allRings, HeadUpdate.allCases)
    func oneTakenMakesRoomForOne(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            for policy in OverflowPolicy.allCases {
                let subject = RingSubject<Ring>(
                    RingConfiguration(capacity: 4, overflow: policy, headUpdate: headUpdate))
                var next: UInt64 = 0
                for _ in 0..<subject.configuration.usable {
                    #expect(subject.enqueue(next) == .enqueued)
                    next += 1
                }
                for taken in 0..<UInt64(20) {
                    #expect(subject.dequeue(limit: 1) == [taken], "\(Ring.name), \(policy)")
                    #expect(subject.enqueue(next) == .enqueued, "\(Ring.name), \(policy)")
                    next += 1
                }
                #expect(subject.enqueue(next) != .enqueued, "\(Ring.name), \(policy)")
            }
        }
        check(type)
    }

    /// A batch is no longer than its limit, whatever waits; what waits comes out whole in the end.
    @Test(arguments: allRings, HeadUpdate.allCases)
    func aBatchKeepsItsLimit(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            for limit in [1, 2, 3, 7, 8, 14, 15, 16, 17, 40] {
                for waiting in 0...15 {
                    let subject = RingSubject<Ring>(
                        RingConfiguration(capacity: 16, headUpdate: headUpdate), bufferCount: 41)
                    for number in 0..<waiting { _ = subject.enqueue(UInt64(number)) }
                    let first = subject.dequeue(limit: limit)
                    let isSingle = Ring.batching(headUpdate) == .single
                    #expect(first?.count == min(waiting, isSingle ? 1 : limit), "\(Ring.name)")
                    var all = first ?? []
                    while let more = subject.dequeue(limit: limit), !more.isEmpty { all += more }
                    #expect(all == Array(0..<UInt64(waiting)), "\(Ring.name)")
                }
            }
        }
        check(type)
    }

    /// Three times round the twelve bits of a slot's tag, in full batches of every length, so that
    /// a run of filled slots is found at every offset.
    @Test(arguments: allRings, HeadUpdate.allCases)
    func lapsBeyondTheTagsOfASlot(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            for (capacity, policy) in [(2, OverflowPolicy.wait), (2, .toggle), (4, .sticky)] {
                let subject = RingSubject<Ring>(
                    RingConfiguration(capacity: capacity, overflow: policy, headUpdate: headUpdate))
                var sent: UInt64 = 0
                var taken: UInt64 = 0
                var isSound = true
                while isSound, sent < UInt64(3 * 4096 * capacity) {
                    let length = 1 + sent % UInt64(subject.configuration.usable)
                    for _ in 0..<length {
                        isSound = isSound && subject.enqueue(sent) == .enqueued
                        sent += 1
                    }
                    while isSound, taken < sent {
                        let batch = subject.dequeue(limit: 7) ?? []
                        isSound =
                            !batch.isEmpty && batch == Array(taken..<(taken + UInt64(batch.count)))
                        taken += UInt64(batch.count)
                    }
                    isSound = isSound && subject.dequeue(limit: 7) == []
                }
                #expect(isSound, "\(Ring.name), capacity \(capacity), \(policy), request \(sent)")
            }
        }
        check(type)
    }

    /// Every bit of a header, alone and missing, and full words, on slots of even and odd laps: a
    /// slot keeps its mark beside the header, and must not leave it there.
    @Test(arguments: allRings, HeadUpdate.allCases)
    func requestsComeOutAsTheyWentIn(_ type: any PageRequestRing.Type, headUpdate: HeadUpdate) {
        let bits = (0..<52).map { UInt64(1) << UInt64($0) }
        let headers = [0, PageRequest.headerMask] + bits + bits.map { PageRequest.headerMask ^ $0 }
        var requests: [PageRequest] = []
        for (place, header) in headers.enumerated() {
            let words: [UInt64] = [0, .max, 1 << (place % 64), ~(1 << (place % 64))]
            requests.append(
                PageRequest(
                    header: header, address: words[place % 4], privateData0: words[(place + 1) % 4],
                    privateData1: words[(place + 2) % 4]))
        }
        requests.append(
            PageRequest(
                requester: RequesterID(.max), pasid: PASID(0xFFFFF), index: PRGIndex(0x1FF)!,
                address: .max, permissions: [.read, .write, .execute, .privileged], isLast: true,
                responseNeedsPASID: true))
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(RingConfiguration(capacity: 4, headUpdate: headUpdate))
            for round in 0..<5 {
                for request in requests {
                    #expect(subject.producers[0].enqueue(request) == .enqueued)
                    #expect(subject.consumer.dequeue(into: subject.buffer, limit: 1) == 1)
                    #expect(subject.buffer[0] == request, "\(Ring.name), round \(round)")
                }
            }
        }
        check(type)
    }

    /// A new ring is empty and has nothing to acknowledge.
    @Test(arguments: allRings, OverflowPolicy.allCases)
    func aNewRingIsEmpty(_ type: any PageRequestRing.Type, policy: OverflowPolicy) {
        func check<Ring: PageRequestRing>(_: Ring.Type) {
            let subject = RingSubject<Ring>(
                RingConfiguration(capacity: 128, producers: 3, overflow: policy))
            #expect(!subject.acknowledge())
            #expect(subject.dequeue(limit: 1) == [])
            #expect(!subject.acknowledge())
        }
        check(type)
    }

    @Test(arguments: allRings)
    func everyRingSaysWhatItSupportsAndModels(_ type: any PageRequestRing.Type) {
        #expect(type.limits.producers == 256)
        #expect(type.limits.consumers == (["mpmc", "locked"].contains(type.structure) ? 256 : 1))
        #expect(!type.provenance.models.isEmpty && !type.provenance.departs.isEmpty)
        #expect((type.lockKind != nil) == (type.structure == "locked"))
    }
}
