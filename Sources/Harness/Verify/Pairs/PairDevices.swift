import FaultModel
import FaultOracle
import FaultQueues

/// The devices of a pair's pipeline: they access what each caller shows, and send a page request
/// for what is not there, in groups of one to three. One thread.
struct PairDevices<Release: SpaceReleasing> {
    /// Groups that may be unanswered for one caller.
    private static var indices: Int { 8 }
    /// Above the requests that can be unanswered at the same time, some of them lost with a flush.
    static var entries: Int { 1 << 14 }

    private struct Slot {
        /// As the caller shows it; 0 for none.
        var word: UInt64 = 0
        /// By index: the tag of a group's last request until it is seen answered.
        var unanswered: [UInt64?] = Array(repeating: nil, count: indices)
        /// The group that is being sent.
        var index: Int?
        var pagesLeft = 0
    }

    private let exercise: PairExercise<Release>
    private let board: PairBoard
    private let run: LifetimeRun
    private let thread: Int
    private var random: SeededGenerator
    private var device: Release.Device
    private var producer: SPSCRing.Producer
    private var slots: [Slot]
    private var sent: UInt64 = 0

    init(_ exercise: PairExercise<Release>, _ run: LifetimeRun, _ thread: Int) {
        self.exercise = exercise
        board = exercise.board
        self.run = run
        self.thread = thread
        random = SeededGenerator(seed: exercise.round.seed, stream: 100)
        device = run.make { exercise.release.makeDevice() }
        producer = exercise.ring.makeProducer()
        slots = (0..<PairExercise<Release>.callers).map { _ in Slot() }
    }

    mutating func work() {
        while !board.callersLeft.areDone {
            for number in slots.indices {
                look(number)
                if slots[number].word != 0 { access(number) }
            }
            if random.next() % 4 == 0 { SpinWait.yieldProcessor() }
        }
        // No caller is left, so that every address space has been flushed.
        for number in slots.indices { checkAnswers(number) }
    }

    /// Whether the caller wants the devices to stop, or to begin.
    private mutating func look(_ number: Int) {
        let slot = board.slots + number
        let target = slot.pointee.target.value.load(ordering: .acquiring)
        guard target != slots[number].word else { return }
        if target == 0 {
            slot.pointee.sentAtStop.value.store(sent, ordering: .relaxed)  // published below
        } else {
            checkAnswers(number)
            slots[number] = Slot()
        }
        slots[number].word = target
        slot.pointee.seen.value.store(target, ordering: .releasing)
    }

    /// The address space before has been flushed: each of its groups is answered, once.
    private func checkAnswers(_ number: Int) {
        for tag in slots[number].unanswered.compactMap({ $0 }) {
            let count = exercise.port.takeAnswers(tag: tag).count
            if count != 1 {
                run.fail(
                    Violation(.invariant(1), "\(count) answers to a group after its flush"),
                    by: thread)
            }
        }
    }

    private mutating func access(_ number: Int) {
        if slots[number].index == nil {
            guard let free = (0..<Self.indices).first(where: { isFree(number, $0) }) else { return }
            slots[number].index = free
            slots[number].pagesLeft = Int.random(in: 1...3, using: &random)
        }
        let isPresent = random.next() % 4 == 0
        let key = SpaceKey(word: slots[number].word)
        let outcome = run.perform(.access, by: thread) {
            device.access(key, isPresent: isPresent)
        }
        if outcome == .freedTable {
            run.fail(Violation(.memory, "a device walked page tables that are free"), by: thread)
        }
        if outcome == .faulted { send(number, key) }
    }

    private mutating func isFree(_ number: Int, _ index: Int) -> Bool {
        guard let tag = slots[number].unanswered[index] else { return true }
        let count = exercise.port.takeAnswers(tag: tag).count
        if count == 0 { return false }
        if count > 1 {
            run.fail(Violation(.invariant(1), "\(count) answers to a group"), by: thread)
        }
        slots[number].unanswered[index] = nil
        return true
    }

    private mutating func send(_ number: Int, _ key: SpaceKey) {
        guard let index = slots[number].index else { return }
        slots[number].pagesLeft -= 1
        let isLast = slots[number].pagesLeft == 0
        let tag = sent
        let request = PageRequest(
            requester: PairExercise<Release>.requester, pasid: key.pasid,
            index: PRGIndex(index + number * Self.indices)!, address: tag << 12, permissions: .read,
            isLast: isLast, privateData0: tag, privateData1: key.word)
        var wait = SpinWait()
        while producer.enqueue(request) != .enqueued { wait.wait() }
        sent += 1
        board.slots[number].sent.value.wrappingAdd(1, ordering: .relaxed)
        run.advance(thread)
        if isLast {
            slots[number].unanswered[index] = tag
            slots[number].index = nil
        }
    }
}

/// A worker of a pair's pipeline: handles groups, and what the release structure has queued.
struct PairWorker<Release: SpaceReleasing> {
    private let exercise: PairExercise<Release>
    private let run: LifetimeRun
    private let thread: Int

    init(_ exercise: PairExercise<Release>, _ run: LifetimeRun, _ thread: Int) {
        self.exercise = exercise
        self.run = run
        self.thread = thread
    }

    func work() {
        let worker = run.make { exercise.reporting.makeWorker() }
        var late = run.make { exercise.release.makeWorker() }
        var random = SeededGenerator(seed: exercise.round.seed, stream: 200 + UInt64(thread))
        run.workOff(thread, after: exercise.board.reporterLeft) {
            let group = worker.take()
            if let group { handle(group, worker, &random) }
            let outcome = late.handle()
            if let outcome { check(outcome) }
            return group != nil || outcome != nil
        }
        worker.retire()
    }

    /// The PASID's owner is the one that every page was sent for, until the answer.
    private func handle(
        _ group: UnsafeMutablePointer<FaultGroup>, _ worker: VerifiedWorker,
        _ random: inout SeededGenerator
    ) {
        let (pasid, word) = (group.pointee.last.pasidBits, group.pointee.last.privateData1)
        var isMixed = false
        group.pointee.forEachPage { isMixed = isMixed || $0.privateData1 != word }
        if isMixed {
            fail("a group has pages of two address spaces")
        } else if exercise.board.owner(pasid) != word {
            fail("a fault of \(pasid)'s old owner reached a handler under the next")
        }
        SpinWait.pause(times: UInt32(random.next() % 64))
        if random.next() % 4 == 0 { SpinWait.yieldProcessor() }
        if exercise.board.owner(pasid) != word {
            fail("\(pasid) was freed under a handler")
        }
        _ = run.perform(.handle, by: thread) { worker.respond(group, .success) }
        worker.finish()
    }

    private func check(_ outcome: LateFaultOutcome) {
        switch outcome {
        case .success, .invalid: break
        case .stale: fail("a page request of an old owner reached the new one")
        case .freedTable:
            run.fail(Violation(.memory, "a handler read page tables that are free"), by: thread)
        }
    }

    private func fail(_ sentence: String) {
        run.fail(Violation(.invariant(38), sentence), by: thread)
    }
}
