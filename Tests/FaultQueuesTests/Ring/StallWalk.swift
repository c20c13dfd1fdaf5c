import FaultModel
import FaultOracle

@testable import FaultQueues
@testable import Harness

/// Random calls on an `MPMCRing` by producers and consumers that may stop half-way, one thread
/// playing all of them, beside a model.
struct StallWalk {
    private let subject: RingSubject<MPMCRing>
    private var random: SeededGenerator
    /// One for each position below the tail: its request is there.
    private var filled: [Bool] = []
    /// Next position that no consumer has claimed.
    private var claimed: UInt64 = 0
    /// Runs that were claimed and not given back.
    private var runsOut: [Range<UInt64>] = []
    private var overflowPending = false
    private(set) var handedBackOutOfTurn = 0
    private(set) var enqueued = 0

    init(_ configuration: RingConfiguration, seed: UInt64) {
        subject = RingSubject(configuration, bufferCount: 32)
        random = SeededGenerator(seed: seed)
    }

    private var tail: UInt64 { UInt64(filled.count) }
    private var head: UInt64 { runsOut.map(\.lowerBound).min() ?? claimed }
    private var isFull: Bool { tail - head >= UInt64(subject.configuration.usable) }

    /// One call; what it did that the model does not, nil where they agree.
    mutating func step() -> String? {
        switch random.next() % 10 {
        case 0...2: return enqueue()
        case 3: return stallProducer()
        case 4: return fillOne()
        case 5: return dequeue()
        case 6: return stallConsumer()
        case 7, 8: return giveOneBack()
        default: return acknowledge()
        }
    }

    private mutating func enqueue() -> String? {
        var expected = EnqueueOutcome.enqueued
        if overflowPending {
            expected = .overflowed
        } else if isFull {
            expected = subject.configuration.overflow == .wait ? .full : .overflowed
            overflowPending = expected == .overflowed
        }
        let got = subject.enqueue(tail)
        if got != expected { return "enqueue gave .\(got), expected .\(expected)" }
        if got == .enqueued {
            filled.append(true)
            enqueued += 1
        }
        return nil
    }

    /// A producer looks before it claims, as `enqueue` does.
    private mutating func stallProducer() -> String? {
        if overflowPending || isFull { return nil }
        guard subject.producers[0].claimOnly() == tail else { return "claimed no tail" }
        filled.append(false)
        return nil
    }

    private mutating func fillOne() -> String? {
        let open = filled.indices.suffix(64).filter { !filled[$0] }
        guard let position = open.randomElement(using: &random) else { return nil }
        subject.producers[0].slots.fill(
            UInt64(position), TaggedRequest.make(SequenceTag(rawValue: UInt64(position))))
        filled[position] = true
        return nil
    }

    /// The run that a consumer may claim.
    private func ready(limit: Int) -> Range<UInt64> {
        var end = claimed
        while end < tail, end < claimed + UInt64(limit), filled[Int(end)] { end += 1 }
        return claimed..<end
    }

    private mutating func dequeue() -> String? {
        let limit = 1 + Int(random.next() % 8)
        let expected = ready(limit: limit)
        let got = subject.dequeue(limit: limit)
        if got != Array(expected) { return "dequeue gave \(got ?? []), expected \(expected)" }
        if head != claimed && !expected.isEmpty { handedBackOutOfTurn += 1 }
        claimed = expected.upperBound
        // Given back out of turn, it counts as returned: the head waits for earlier runs alone.
        return headDivergence()
    }

    private mutating func stallConsumer() -> String? {
        let limit = 1 + Int(random.next() % 4)
        let expected = ready(limit: limit)
        let got = subject.consumer.claimOnly(limit: limit)
        if got != expected { return "claimed \(got), expected \(expected)" }
        if !got.isEmpty { runsOut.append(got) }
        claimed = expected.upperBound
        return nil
    }

    private mutating func giveOneBack() -> String? {
        guard let place = runsOut.indices.randomElement(using: &random) else { return nil }
        let run = runsOut.remove(at: place)
        if run.lowerBound > head { handedBackOutOfTurn += 1 }
        subject.consumer.giveBack(from: run.lowerBound, to: run.upperBound)
        return headDivergence()
    }

    private mutating func acknowledge() -> String? {
        let isEmpty = head == tail
        let expected =
            overflowPending && (subject.configuration.overflow == .toggle || isEmpty)
        if expected { overflowPending = false }
        let got = subject.acknowledge()
        return got == expected ? nil : "acknowledge gave \(got), expected \(expected)"
    }

    private func headDivergence() -> String? {
        let got = subject.consumer.head
        return got == head ? nil : "the head is at \(got), expected \(head) with \(runsOut) out"
    }
}
