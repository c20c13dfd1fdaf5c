import CPlatform
import FaultModel
import FaultOracle
import FaultQueues

/// What was wrong with a concurrent run, and how much of what should happen did happen.
struct RingOutcome: Sendable {
    /// A sentence each; empty where every guarantee that was looked at held.
    var violations: [String] = []
    /// Requests that all producers together got in.
    var accepted = 0
    /// Calls that found no room, and calls that dropped.
    var full = 0
    var overflowed = 0
    /// Overflows that were acknowledged.
    var acknowledged = 0

    var isSound: Bool { violations.isEmpty }
}

/// Producers and consumers on one ring, each a thread. It ends however broken the ring is: a thread
/// that finds no room, or nothing, too often in a row gives up, which is a violation.
struct RingExercise: Sendable {
    var configuration: RingConfiguration
    var consumers = 1
    var requestsPerProducer: Int
    /// Batches have a random limit of 1 ... this.
    var longestBatch = 8
    var seed: UInt64
    /// Every thread on the CPU of the first.
    var onOneCPU = false
    /// Threads pause, and give their CPU away, at random places between calls.
    var pauses = true
    /// Looks at R5 and R6, with counters that order the threads by themselves.
    var watchesOverflow = false
    /// Tries in vain, in a row, after which a thread gives up.
    var patience = 5_000_000

    /// Atomics of one exercise, on lines of their own.
    struct Board: ~Copyable {
        let producersLeft = PaddedAtomic<Int>(0)
        let cpu = PaddedAtomic<Int>(-1)
        /// Calls of acknowledgeOverflow() that have begun, and those that have ended.
        let acknowledgementsBegun = PaddedAtomic<Int>(0)
        let acknowledgementsEnded = PaddedAtomic<Int>(0)
        /// Requests whose enqueue() has ended with `.enqueued`, while overflow is watched.
        let accepted = PaddedAtomic<Int>(0)
    }

    /// What one thread has to say; written by it alone, read when it has ended.
    struct Notes {
        var violations: [String] = []
        var accepted: UInt64 = 0
        var full = 0
        var overflowed = 0
        var acknowledged = 0
        /// Said once.
        var brokeR6 = false
        var view: DeliveryView?
    }

    /// Memory of one exercise that its threads share.
    struct Room<Ring: PageRequestRing>: @unchecked Sendable {
        let board: UnsafeMutablePointer<Board>
        let producers: UnsafeMutablePointer<Ring.Producer>
        let consumers: UnsafeMutablePointer<Ring.Consumer>
        let notes: UnsafeMutablePointer<Notes>
    }

    /// Runs it on a ring of the type.
    func run(_ type: any PageRequestRing.Type) -> RingOutcome {
        func open<Ring: PageRequestRing>(_: Ring.Type) -> RingOutcome { run(Ring.init) }
        return open(type)
    }

    /// Runs it on a ring that `make` makes.
    func run<Ring: PageRequestRing>(_ make: (RingConfiguration) -> Ring) -> RingOutcome {
        let ring = make(configuration)
        let producers = configuration.producers
        let threads = producers + consumers
        let room = Room<Ring>(
            board: allocateShared(initial: Board()),
            producers: allocateShared(count: producers) { _ in ring.makeProducer() },
            consumers: allocateShared(count: consumers) { _ in ring.makeConsumer() },
            notes: allocateShared(count: threads) { _ in Notes() })
        room.board.pointee.producersLeft.value.store(producers, ordering: .relaxed)
        DedicatedThread.run(threads) { thread in
            if onOneCPU { bindToTheOne(room.board, notes: room.notes + thread) }
            if thread < producers {
                produce(room, as: thread)
            } else {
                consume(room, as: thread - producers)
            }
        }
        var outcome = summary(room.notes)
        outcome.violations += RingRefit(configuration).violations(
            ring, producers: room.producers, consumer: room.consumers)
        withExtendedLifetime(ring) {}
        freeShared(room.board, count: 1)
        freeShared(room.producers, count: producers)
        freeShared(room.consumers, count: consumers)
        freeShared(room.notes, count: threads)
        return outcome
    }

    private func summary(_ notes: UnsafeMutablePointer<Notes>) -> RingOutcome {
        let producers = configuration.producers
        let all = (0..<(producers + consumers)).map { notes[$0] }
        var outcome = RingOutcome()
        outcome.violations = all.flatMap(\.violations)
        outcome.violations += DeliveryCheck.violations(
            in: all.compactMap(\.view), accepted: all.prefix(producers).map(\.accepted))
        outcome.accepted = all.reduce(0) { $0 + Int($1.accepted) }
        outcome.full = all.reduce(0) { $0 + $1.full }
        outcome.overflowed = all.reduce(0) { $0 + $1.overflowed }
        outcome.acknowledged = all.reduce(0) { $0 + $1.acknowledged }
        if configuration.overflow == .wait && outcome.overflowed + outcome.acknowledged > 0 {
            outcome.violations.append(
                "R7: \(outcome.overflowed) overflows and \(outcome.acknowledged) acknowledgements")
        }
        if configuration.overflow != .wait && outcome.full > 0 {
            outcome.violations.append(
                "\(outcome.full) calls found the ring full and dropped nothing")
        }
        return outcome
    }

    // MARK: One producer

    private func produce<Ring: PageRequestRing>(_ room: Room<Ring>, as number: Int) {
        let board = room.board
        var producer = room.producers[number]
        var notes = Notes()
        var random = SeededGenerator(seed: seed, stream: UInt64(number))
        var tag = SequenceTag(producer: number)
        var inVain = 0
        var spin = SpinWait()
        /// Acknowledgements that had ended before the last call, where that call dropped.
        var endedBeforeDrop: Int?
        while notes.accepted < requestsPerProducer && inVain < patience {
            let ended =
                watchesOverflow
                ? board.pointee.acknowledgementsEnded.value.load(ordering: .sequentiallyConsistent)
                : 0
            switch producer.enqueue(TaggedRequest.make(tag)) {
            case .enqueued:
                if watchesOverflow {
                    board.pointee.accepted.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
                    let begun = board.pointee.acknowledgementsBegun.value.load(
                        ordering: .sequentiallyConsistent)
                    if let before = endedBeforeDrop, before == begun, notes.violations.isEmpty {
                        notes.violations.append(
                            "R5: producer \(number) dropped a request and got sequence "
                                + "\(tag.sequence) in, without an acknowledgement between")
                    }
                    endedBeforeDrop = nil
                }
                tag.advance()
                notes.accepted += 1
                inVain = 0
                spin = SpinWait()
                pause(&random)
                continue
            case .full: notes.full += 1
            case .overflowed:
                notes.overflowed += 1
                if watchesOverflow && endedBeforeDrop == nil { endedBeforeDrop = ended }
            }
            inVain += 1
            spin.wait()
        }
        if notes.accepted < requestsPerProducer {
            notes.violations.append("producer \(number) gave up at sequence \(tag.sequence)")
        }
        room.producers[number] = producer
        room.notes[number].accepted = notes.accepted
        room.notes[number].full = notes.full
        room.notes[number].overflowed = notes.overflowed
        room.notes[number].violations += notes.violations
        // Releases what this thread enqueued to the consumer that sees the count at zero.
        board.pointee.producersLeft.value.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }

    // MARK: One consumer

    private func consume<Ring: PageRequestRing>(_ room: Room<Ring>, as number: Int) {
        let board = room.board
        var consumer = room.consumers[number]
        var notes = Notes()
        var check = DeliveryCheck(producerCount: configuration.producers)
        var random = SeededGenerator(seed: seed, stream: UInt64(1000 + number))
        let buffer = UnsafeMutablePointer<PageRequest>.allocate(capacity: longestBatch)
        defer { buffer.deallocate() }
        var delivered = 0
        var torn = 0
        var inVain = 0
        var spin = SpinWait()
        while inVain < patience {
            let isLastLook = board.pointee.producersLeft.value.load(ordering: .acquiring) == 0
            let limit = 1 + Int(random.next() % UInt64(longestBatch))
            let count = consumer.dequeue(into: buffer, limit: limit)
            for place in 0..<count {
                check.observe(buffer[place])
                if !TaggedRequest.isWhole(buffer[place]) { torn += 1 }
            }
            delivered += count
            // Seldom, so that producers meet a pending overflow before and after a batch.
            if configuration.overflow != .wait && (count == 0 || random.next() % 8 == 0) {
                acknowledge(&consumer, delivered: delivered, board, &notes)
            }
            if count > 0 {
                inVain = 0
                spin = SpinWait()
                pause(&random)
                continue
            }
            if isLastLook { break }
            inVain += 1
            spin.wait()
        }
        if inVain == patience { notes.violations.append("consumer \(number) gave up") }
        if torn > 0 { notes.violations.append("consumer \(number): \(torn) requests torn") }
        room.consumers[number] = consumer
        let place = configuration.producers + number
        room.notes[place].view = check.view
        room.notes[place].acknowledged = notes.acknowledged
        room.notes[place].violations += notes.violations
    }

    private func acknowledge<Consumer: RingConsumer>(
        _ consumer: inout Consumer, delivered: Int, _ board: UnsafeMutablePointer<Board>,
        _ notes: inout Notes
    ) {
        guard watchesOverflow else {
            if consumer.acknowledgeOverflow() { notes.acknowledged += 1 }
            return
        }
        let accepted = board.pointee.accepted.value.load(ordering: .sequentiallyConsistent)
        board.pointee.acknowledgementsBegun.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
        let isOver = consumer.acknowledgeOverflow()
        board.pointee.acknowledgementsEnded.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
        guard isOver else { return }
        notes.acknowledged += 1
        // With several consumers, what another has taken is not known here.
        let left = accepted - delivered
        if configuration.overflow == .sticky && consumers == 1 && left > 0 && !notes.brokeR6 {
            notes.brokeR6 = true
            notes.violations.append(
                "R6: acknowledged with \(left) requests in the ring")
        }
    }

    // MARK: Both

    private func pause(_ random: inout SeededGenerator) {
        guard pauses else { return }
        let choice = random.next()
        if choice % 8 == 0 { SpinWait.pause(times: UInt32(choice >> 8 % 32)) }
        if choice >> 16 % 64 == 0 { SpinWait.yieldProcessor() }
    }

    private func bindToTheOne(
        _ board: UnsafeMutablePointer<Board>, notes: UnsafeMutablePointer<Notes>
    ) {
        let here = Int(fq_current_cpu())
        let first = board.pointee.cpu.value.compareExchange(
            expected: -1, desired: here, ordering: .relaxed)
        let target = first.exchanged ? here : first.original
        if fq_bind_current_thread(Int32(target)) != 0 || Int(fq_current_cpu()) != target {
            notes.pointee.violations.append("a thread left the CPU that it was bound to")
        }
    }
}
