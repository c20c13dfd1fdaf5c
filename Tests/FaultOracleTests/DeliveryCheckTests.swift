import FaultModel
import FaultOracle
import Testing

@Suite("Delivery check, one consumer") struct SingleConsumerTests {
    /// Producers 0, 1 and 2 with 30, 20 and 25 requests, dealt in turn.
    static let accepted: [UInt64] = [30, 20, 25]
    static var sound: [Delivery] {
        (UInt64(0)..<30).flatMap { sequence in
            accepted.indices.filter { sequence < accepted[$0] }
                .map { Delivery(producer: $0, sequence: sequence) }
        }
    }

    static func sentences(_ deliveries: [Delivery]) -> [String] {
        violations(of: [deliveries], accepted: accepted)
    }

    static func position(_ producer: Int, _ sequence: UInt64) -> Int {
        sound.firstIndex(of: Delivery(producer: producer, sequence: sequence))!
    }

    @Test("a sound delivery has no violation, nor has an empty run")
    func soundDelivery() {
        #expect(Self.sentences(Self.sound) == [])
        #expect(violations(of: [[]], accepted: [0, 0, 0]) == [])
        #expect(violations(of: [], accepted: [0]) == [])
    }

    @Test("one lost request is named, in the middle and at both ends", arguments: [0, 7, 19])
    func lostOne(_ sequence: UInt64) {
        var deliveries = Self.sound
        deliveries.remove(at: Self.position(1, sequence))
        #expect(
            Self.sentences(deliveries) == ["producer 1: 1 request lost (sequence \(sequence))"])
    }

    @Test("several lost requests are counted, and all of them too")
    func lostMany() {
        let three = Self.sound.filter {
            $0.producer != 2 || ![3, 4, 24].contains($0.sequence)
        }
        #expect(Self.sentences(three) == ["producer 2: 3 requests lost"])
        #expect(
            Self.sentences([]) == [
                "producer 0: 30 requests lost", "producer 1: 20 requests lost",
                "producer 2: 25 requests lost",
            ])
        #expect(violations(of: [], accepted: [2]) == ["producer 0: 2 requests lost"])
    }

    @Test("a duplicate is out of order and too many")
    func duplicate() {
        var deliveries = Self.sound
        let index = Self.position(0, 17)
        deliveries.insert(deliveries[index], at: index)
        #expect(
            Self.sentences(deliveries) == [
                "producer 0: sequence 17 after 17", "producer 0: 1 request too many (sequence 17)",
            ])
    }

    @Test("two swapped deliveries of one producer are out of order, and nothing is missing")
    func reordered() {
        var deliveries = Self.sound
        deliveries.swapAt(Self.position(0, 17), Self.position(0, 18))
        #expect(Self.sentences(deliveries) == ["producer 0: sequence 17 after 18"])
    }

    @Test("every further break is counted")
    func reorderedOften() {
        var deliveries = Self.sound
        for sequence in [UInt64(2), 8, 14] {
            deliveries.swapAt(Self.position(2, sequence), Self.position(2, sequence + 1))
        }
        #expect(Self.sentences(deliveries) == ["producer 2: sequence 2 after 3, and 2 more"])
    }

    @Test("deliveries of different producers may come in any order")
    func interleaving() {
        let byProducer = Self.accepted.indices.flatMap { producer in
            Self.sound.filter { $0.producer == producer }
        }
        #expect(Self.sentences(byProducer) == [])
        #expect(Self.sentences(byProducer.reversed()).count == 3)
    }

    @Test("a request put down to another producer is lost there and too many here")
    func swappedProducer() {
        var deliveries = Self.sound
        deliveries[Self.position(0, 5)].producer = 1
        let sentences = Self.sentences(deliveries)
        #expect(sentences.contains("producer 0: 1 request lost (sequence 5)"))
        #expect(sentences.contains("producer 1: 1 request too many (sequence 5)"))
    }

    @Test("an invented request of the future is named")
    func invented() {
        let deliveries = Self.sound + [Delivery(producer: 1, sequence: 40)]
        #expect(
            Self.sentences(deliveries) == [
                "producer 1: sequence 40 delivered, but only 20 accepted",
                "producer 1: 1 request too many (sequence 40)",
            ])
    }

    @Test("an invented request in place of a lost one is seen although the count is right")
    func substituted() {
        var deliveries = Self.sound
        deliveries[Self.position(1, 19)].sequence = 20
        #expect(
            Self.sentences(deliveries) == [
                "producer 1: sequence 20 delivered, but only 20 accepted",
                "producer 1: 20 requests delivered as accepted, but not the same ones",
            ])
    }

    @Test("a producer out of range is a violation and not a crash")
    func stray() {
        let tags = [SequenceTag(producer: 3, sequence: 9), SequenceTag(rawValue: .max)]
        for count in 1...2 {
            var check = DeliveryCheck(producerCount: 3)
            for delivery in Self.sound { check.observe(delivery.request) }
            for tag in tags.prefix(count) { check.observe(taggedRequest(tag)) }
            let sentences = DeliveryCheck.violations(in: [check.view], accepted: Self.accepted)
            #expect(
                sentences == [
                    "\(count) request\(count == 1 ? "" : "s") delivered of no producer in 0 ..< 3, "
                        + "first producer 3 sequence 9"
                ])
        }
    }

    @Test("a tag beside another request's address is torn, whichever bit of it differs")
    func torn() {
        var damaged = DeliveryCheck(producerCount: 3)
        for delivery in Self.sound {
            let other = SequenceTag(producer: 0, sequence: 5).address
            let isTorn = delivery == Delivery(producer: 0, sequence: 4)
            damaged.observe(taggedRequest(delivery.tag, address: isTorn ? other : nil))
        }
        #expect(
            DeliveryCheck.violations(in: [damaged.view], accepted: Self.accepted) == [
                "producer 0: 1 request torn, first with sequence 4 and the address of another"
            ])
        for bit in 12..<64 {
            var check = DeliveryCheck(producerCount: 1)
            let tag = SequenceTag(producer: 0)
            check.observe(taggedRequest(tag, address: tag.address ^ 1 << UInt64(bit)))
            #expect(check.view.producers[0].torn == 1)
            #expect(check.view.producers[0].orderBreaks == 0)
        }
    }

    @Test("one delivery may be torn and out of order at once")
    func tornAndBroken() {
        var check = DeliveryCheck(producerCount: 1)
        check.observe(taggedRequest(SequenceTag(producer: 0, sequence: 3)))
        check.observe(taggedRequest(SequenceTag(producer: 0, sequence: 1), address: 0x5000))
        let seen = check.view.producers[0]
        #expect(seen.torn == 1 && seen.firstTornSequence == 1)
        #expect(seen.orderBreaks == 1 && seen.firstBreak == (after: 3, sequence: 1))
    }

    @Test("the highest producer and sequence are ordinary")
    func limits() {
        let last = SequenceTag(
            producer: SequenceTag.producerLimit - 1, sequence: SequenceTag.sequenceLimit - 1)
        var check = DeliveryCheck(producerCount: SequenceTag.producerLimit)
        check.observe(taggedRequest(last))
        let seen = check.view.producers[last.producer]
        #expect(seen.totals.count == 1)
        #expect(seen.nextSequence == SequenceTag.sequenceLimit)
        #expect(seen.orderBreaks == 0 && seen.torn == 0)
        #expect(check.view.strays.count == 0)
    }

    @Test("a check of no producer, and views of different sizes, are a caller's mistake")
    func preconditions() async {
        await #expect(processExitsWith: .failure) { _ = DeliveryCheck(producerCount: 0) }
        await #expect(processExitsWith: .failure) { _ = DeliveryCheck(producerCount: 65_537) }
        await #expect(processExitsWith: .failure) {
            _ = DeliveryCheck.violations(in: [DeliveryView(producers: [])], accepted: [1])
        }
    }
}

@Suite("Delivery check, several consumers") struct SeveralConsumersTests {
    static let accepted: [UInt64] = [12, 9]
    /// Three consumers take turns at the interleaved stream of both producers.
    static var sound: [[Delivery]] {
        var consumers: [[Delivery]] = [[], [], []]
        var turn = 0
        for sequence in UInt64(0)..<12 {
            for producer in 0...1 where sequence < accepted[producer] {
                consumers[turn % 3].append(Delivery(producer: producer, sequence: sequence))
                turn += 1
            }
        }
        return consumers
    }

    static func sentences(_ consumers: [[Delivery]]) -> [String] {
        violations(of: consumers, accepted: accepted)
    }

    @Test("gaps at one consumer are the deliveries of another")
    func soundDelivery() {
        #expect(Self.sentences(Self.sound) == [])
        #expect(Self.sentences([Self.sound[0], [], Self.sound[1], Self.sound[2]]) == [])
    }

    @Test("a request lost by one consumer is missing from all")
    func lost() {
        var consumers = Self.sound
        let lost = consumers[1].removeFirst()
        #expect(
            Self.sentences(consumers) == [
                "producer \(lost.producer): 1 request lost (sequence \(lost.sequence))"
            ])
    }

    @Test("a request handed to two consumers is too many, in order as it is")
    func duplicate() {
        var consumers = Self.sound
        let copied = consumers[0][2]
        let place = consumers[1].firstIndex { $0.sequence > copied.sequence }!
        consumers[1].insert(copied, at: place)
        #expect(
            Self.sentences(consumers) == [
                "producer \(copied.producer): 1 request too many (sequence \(copied.sequence))"
            ])
    }

    @Test("a break of the order names its consumer")
    func reordered() {
        var consumers = Self.sound
        let own = consumers[2].indices.filter { consumers[2][$0].producer == 0 }
        let (first, second) = (consumers[2][own[0]].sequence, consumers[2][own[1]].sequence)
        consumers[2].swapAt(own[0], own[1])
        #expect(
            Self.sentences(consumers) == [
                "producer 0: sequence \(first) after \(second) at consumer 2"
            ])
    }

    @Test("a request put down to another producer is seen at both")
    func swappedProducer() {
        var consumers = Self.sound
        let index = consumers[0].firstIndex { $0.producer == 0 }!
        let sequence = consumers[0][index].sequence
        consumers[0][index].producer = 1
        let sentences = Self.sentences(consumers)
        #expect(sentences.contains("producer 0: 1 request lost (sequence \(sequence))"))
        #expect(sentences.contains("producer 1: 1 request too many (sequence \(sequence))"))
    }

    @Test("an invented request is seen beside a lost one")
    func substituted() {
        var consumers = Self.sound
        let index = consumers[1].lastIndex { $0.producer == 1 }!
        consumers[1][index].sequence = 30
        #expect(
            Self.sentences(consumers) == [
                "producer 1: sequence 30 delivered, but only 9 accepted",
                "producer 1: 9 requests delivered as accepted, but not the same ones",
            ])
    }

    @Test("torn requests name their consumer, strays are counted over all")
    func tornAndStray() {
        let views = (0...1).map { consumer in
            var check = DeliveryCheck(producerCount: 1)
            check.observe(
                taggedRequest(SequenceTag(producer: 0, sequence: UInt64(consumer)), address: 0x7000)
            )
            check.observe(taggedRequest(SequenceTag(producer: 5 + consumer)))
            return check.view
        }
        let torn = "and the address of another"
        #expect(
            DeliveryCheck.violations(in: views, accepted: [2]) == [
                "producer 0: 1 request torn at consumer 0, first with sequence 0 \(torn)",
                "producer 0: 1 request torn at consumer 1, first with sequence 1 \(torn)",
                "2 requests delivered of no producer in 0 ..< 1, first producer 5 sequence 0",
            ])
    }

    @Test("a lost request is named only where it is the whole difference")
    func lostBesideSubstituted() {
        let first = (UInt64(0)..<8).filter { ![3, 5].contains($0) }
        let consumers = [first, [7]].map { $0.map { Delivery(producer: 0, sequence: $0) } }
        #expect(violations(of: consumers, accepted: [8]) == ["producer 0: 1 request lost"])
        let extra = [Array(0..<8), [1, 2]].map { $0.map { Delivery(producer: 0, sequence: $0) } }
        #expect(violations(of: extra, accepted: [9]) == ["producer 0: 1 request too many"])
    }

    @Test("equal counts and equal sums do not hide other sequences")
    func equalSums() {
        // 1 + 4 = 2 + 3, and for the squares too: 1, 5, 6 against 2, 3, 7.
        let accepted: [UInt64] = [8]
        for (lost, doubled) in [([2, 3], [1, 4]), ([2, 3, 7], [1, 5, 6])] as [([UInt64], [UInt64])]
        {
            let first = (UInt64(0)..<8).filter { !lost.contains($0) }
            let consumers = [first, doubled].map { $0.map { Delivery(producer: 0, sequence: $0) } }
            #expect(
                violations(of: consumers, accepted: accepted) == [
                    "producer 0: 8 requests delivered as accepted, but not the same ones"
                ])
        }
    }
}

@Suite("Delivery check against the definition") struct DeliveryModelTests {
    static let alphabet = (0...1).flatMap { producer in
        (UInt64(0)...2).map { Delivery(producer: producer, sequence: $0) }
    }
    static let accepted = (UInt64(0)...3).flatMap { first in
        (UInt64(0)...3).map { [first, $0] }
    }

    @Test("one consumer: every list of up to five deliveries of two producers")
    func single() {
        var soundCount = 0
        for length in 0...5 {
            for deliveries in lists(of: Self.alphabet, length: length) {
                let view = view(of: deliveries, producerCount: 2)
                for accepted in Self.accepted {
                    let sound = isSound([deliveries], accepted: accepted)
                    let passed = DeliveryCheck.violations(in: [view], accepted: accepted).isEmpty
                    guard passed == sound else {
                        Issue.record("\(deliveries) of \(accepted): sound \(sound)")
                        return
                    }
                    soundCount += sound ? 1 : 0
                }
            }
        }
        // For m and n accepted, m + n over m interleavings, of at most five deliveries.
        #expect(soundCount == 1 + 2 + 2 + 2 + 2 + 2 * 3 + 2 * 4 + 6 + 2 * 10)
    }

    @Test("two consumers: every pair of lists of up to four deliveries together")
    func pair() {
        var soundCount = 0
        for total in 0...4 {
            for length in 0...total {
                for first in lists(of: Self.alphabet, length: length) {
                    for second in lists(of: Self.alphabet, length: total - length) {
                        let consumers = [first, second]
                        let views = consumers.map { view(of: $0, producerCount: 2) }
                        for accepted in [[2, 2], [3, 1], [0, 3], [1, 1]] as [[UInt64]] {
                            let sound = isSound(consumers, accepted: accepted)
                            let passed =
                                DeliveryCheck.violations(in: views, accepted: accepted).isEmpty
                            guard passed == sound else {
                                Issue.record("\(consumers) of \(accepted): sound \(sound)")
                                return
                            }
                            soundCount += sound ? 1 : 0
                        }
                    }
                }
            }
        }
        #expect(soundCount > 0)
    }

    @Test("every permutation of a sound delivery passes exactly when it is in order")
    func permutations() {
        func permutations(_ list: [Delivery]) -> [[Delivery]] {
            guard !list.isEmpty else { return [[]] }
            return list.indices.flatMap { index in
                var rest = list
                let picked = rest.remove(at: index)
                return permutations(rest).map { [picked] + $0 }
            }
        }
        let deliveries = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)].map {
            Delivery(producer: $0, sequence: $1)
        }
        var passed = 0
        for order in permutations(deliveries) {
            let isEmpty = violations(of: [order], accepted: [3, 2]).isEmpty
            #expect(isEmpty == isSound([order], accepted: [3, 2]))
            passed += isEmpty ? 1 : 0
        }
        #expect(passed == 10)
    }
}

@Suite("Sequence tag") struct SequenceTagTests {
    @Test("producer and sequence take their bits and round trip")
    func fields() {
        for producer in [0, 1, 255, 65_535] {
            for sequence in [0, 1, SequenceTag.sequenceLimit - 1] {
                let tag = SequenceTag(producer: producer, sequence: sequence)
                #expect(tag.producer == producer)
                #expect(tag.sequence == sequence)
                #expect(tag.rawValue == UInt64(producer) << 48 | sequence)
            }
        }
    }

    @Test("advancing changes the sequence alone")
    func advance() {
        var tag = SequenceTag(producer: 9)
        for sequence in UInt64(0)..<5 {
            #expect(tag == SequenceTag(producer: 9, sequence: sequence))
            tag.advance()
        }
    }

    @Test("an address is a page, and tags that are near have different ones")
    func addresses() {
        var seen: Set<UInt64> = []
        for producer in 0..<16 {
            for sequence in UInt64(0)..<2_000 {
                let address = SequenceTag(producer: producer, sequence: sequence).address
                #expect(address % PageRequest.pageSize == 0)
                seen.insert(address)
            }
        }
        #expect(seen.count == 16 * 2_000)
    }

    @Test("a producer or sequence too wide is a caller's mistake")
    func preconditions() async {
        await #expect(processExitsWith: .failure) { _ = SequenceTag(producer: 65_536) }
        await #expect(processExitsWith: .failure) { _ = SequenceTag(producer: -1) }
        await #expect(processExitsWith: .failure) {
            _ = SequenceTag(producer: 0, sequence: SequenceTag.sequenceLimit)
        }
    }
}
