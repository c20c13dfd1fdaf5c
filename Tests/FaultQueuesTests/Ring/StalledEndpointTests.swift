import FaultModel
import FaultOracle
import Testing

@testable import FaultQueues
@testable import Harness

/// Rings whose producers claim on a shared tail.
protocol ClaimedRing: PageRequestRing where Producer == ClaimingProducer {}

extension MPSCRing: ClaimedRing {}
extension MPMCRing: ClaimedRing {}

extension ClaimingProducer {
    /// Claims the next position and leaves its slot alone, as a producer does that stalls there.
    /// Nil while an overflow is pending. The caller knows that there is room.
    func claimOnly() -> UInt64? {
        let tail = control.pointee.tail.look()
        if tail & TailRegister.overflowFlag != 0 { return nil }
        return control.pointee.tail.claim(tail) == nil ? tail : nil
    }
}

extension MPMCRing.Consumer {
    /// Claims filled positions and neither copies nor gives them back, as a consumer does that
    /// stalls there.
    func claimOnly(limit: Int) -> Range<UInt64> {
        let start = consumers.pointee.claimed.value.load(ordering: .relaxed)
        var end = start
        while end < start + UInt64(limit) && slots.isFilled(end) { end += 1 }
        let isMine = consumers.pointee.claimed.value.compareExchange(
            expected: start, desired: end, ordering: .relaxed
        ).exchanged
        return start..<(isMine ? end : start)
    }

    var head: UInt64 { control.pointee.head.value.load(ordering: .relaxed) }
}

/// Endpoints that stop half-way, by one thread and so in an order that is known.
struct StalledEndpointTests {
    static let rings: [any ClaimedRing.Type] = [MPSCRing.self, MPMCRing.self]

    /// R2 and R6: a claimed position holds back what comes after it, and an acknowledgement.
    @Test(arguments: rings, HeadUpdate.allCases)
    func aProducerThatStallsHalfWayIn(_ type: any ClaimedRing.Type, headUpdate: HeadUpdate) {
        func check<Ring: ClaimedRing>(_: Ring.Type) throws {
            let subject = RingSubject<Ring>(
                RingConfiguration(
                    capacity: 4, producers: 2, overflow: .sticky, headUpdate: headUpdate))
            for round in 0..<UInt64(20) {
                #expect(subject.enqueue(1, by: 1) == .enqueued)
                let position = try #require(subject.producers[0].claimOnly())
                #expect(subject.enqueue(3, by: 1) == .enqueued)
                #expect(subject.enqueue(4, by: 1) == .overflowed)
                #expect(subject.dequeue(limit: 3) == [1], "round \(round)")
                #expect(subject.dequeue(limit: 3) == [], "round \(round)")
                #expect(!subject.acknowledge(), "two are in the ring, one of them half-way")
                subject.producers[0].slots.fill(
                    position, TaggedRequest.make(SequenceTag(rawValue: 2)))
                #expect(!subject.acknowledge(), "two are in the ring")
                #expect(subject.dequeue(limit: 3) == [2, 3], "round \(round)")
                #expect(subject.acknowledge(), "round \(round)")
            }
        }
        #expect(throws: Never.self) { try check(type) }
    }

    /// The last request in the ring is the one that is half-way in.
    @Test(arguments: rings)
    func anOverflowBehindAHalfWrittenRequest(_ type: any ClaimedRing.Type) {
        func check<Ring: ClaimedRing>(_: Ring.Type) throws {
            let subject = RingSubject<Ring>(
                RingConfiguration(capacity: 2, producers: 2, overflow: .sticky))
            for round in 0..<UInt64(20) {
                let position = try #require(subject.producers[0].claimOnly())
                #expect(subject.enqueue(9, by: 1) == .overflowed)
                #expect(subject.dequeue(limit: 1) == [])
                #expect(!subject.acknowledge(), "it looks empty and is not, round \(round)")
                subject.producers[0].slots.fill(
                    position, TaggedRequest.make(SequenceTag(rawValue: round)))
                #expect(subject.dequeue(limit: 1) == [round])
                #expect(subject.acknowledge(), "round \(round)")
            }
        }
        #expect(throws: Never.self) { try check(type) }
    }

    /// Runs of every length, given back in every order: the head is always at the first run that
    /// is still out.
    @Test
    func runsComeBackInAnyOrder() {
        let subject = RingSubject<MPMCRing>(RingConfiguration(capacity: 8, overflow: .toggle))
        var tried = 0
        for lengths in compositions(of: 8, most: 4) {
            for order in permutations(Array(lengths.indices)) {
                for number in 0..<8 { #expect(subject.enqueue(UInt64(number)) == .enqueued) }
                let runs = lengths.map { subject.consumer.claimOnly(limit: $0) }
                #expect(runs.map(\.count) == lengths)
                var isOut = Array(repeating: true, count: runs.count)
                for place in order {
                    subject.consumer.giveBack(
                        from: runs[place].lowerBound, to: runs[place].upperBound)
                    isOut[place] = false
                    let first = isOut.firstIndex(of: true).map { runs[$0].lowerBound }
                    #expect(
                        subject.consumer.head == first ?? runs.last?.upperBound,
                        "runs of \(lengths) given back in the order \(order)")
                }
                tried += 1
            }
        }
        #expect(tried > 500)
    }

    private func compositions(of sum: Int, most parts: Int) -> [[Int]] {
        if parts == 1 { return [[sum]] }
        return [[sum]]
            + (1..<sum).flatMap { first in
                compositions(of: sum - first, most: parts - 1).map { [first] + $0 }
            }
    }

    private func permutations(_ places: [Int]) -> [[Int]] {
        if places.count <= 1 { return [places] }
        return places.flatMap { first in
            permutations(places.filter { $0 != first }).map { [first] + $0 }
        }
    }

    /// Producers and consumers that stall anywhere and go on in any order, beside a model that
    /// knows which positions are filled and which runs are out.
    @Test(arguments: OverflowPolicy.allCases, [2, 4, 16])
    func anyNumberOfThemStalls(policy: OverflowPolicy, capacity: Int) {
        var walk = StallWalk(
            RingConfiguration(capacity: capacity, overflow: policy), seed: testSeed)
        // One run at a time is all that a ring of two has.
        let wanted = capacity == 2 ? 0 : 100
        var step = 0
        while step < 20_000 || (walk.handedBackOutOfTurn < wanted && step < 1_000_000) {
            let failure = walk.step()
            #expect(failure == nil, "step \(step), FQBENCH_TEST_SEED=\(testSeed)")
            if failure != nil { return }
            step += 1
        }
        #expect(walk.handedBackOutOfTurn >= wanted && walk.enqueued > 100)
    }

    /// One call a line: what the register answers; nil means done.
    @Test
    func aTailRegisterClaimsOnlyWhatItShows() {
        let tail = TailRegister()
        let flag = TailRegister.overflowFlag
        let answers: [UInt64?] = [
            tail.look(),
            tail.claim(0),
            tail.claim(0),  // Claimed by another since the look.
            tail.raiseOverflow(at: 0),
            tail.raiseOverflow(at: 1),
            tail.look(),
            tail.claim(1),  // Nothing is claimed past the flag.
            tail.raiseOverflow(at: 1),
        ]
        #expect(answers == [0, nil, 1, 1, nil, 1 | flag, 1 | flag, 1 | flag])
        let acknowledgements = [
            tail.acknowledgeOverflow(head: 0, needsEmpty: true),  // One is in the ring.
            tail.acknowledgeOverflow(head: 1, needsEmpty: true),
            tail.acknowledgeOverflow(head: 1, needsEmpty: true),  // Nothing is pending.
            tail.raiseOverflow(at: 1) == nil,
            tail.acknowledgeOverflow(head: 0, needsEmpty: false),
            tail.claim(1) == nil,
            tail.look() == 2,
        ]
        #expect(acknowledgements == [false, true, false, true, true, true, true])
    }
}
