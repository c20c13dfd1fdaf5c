import CPlatform
import FaultModel
import FaultOracle
import FaultQueues

/// Reporters, workers, two flushers and a thread that removes and adds a device or discards, at the
/// same time on one structure, the duties of `FaultReporting` kept. Everything that they do is
/// logged, and the history is checked when all have ended.
///
/// Device 1 stays, device 2 may come and go. A PASID of a device belongs to one reporter; a gate
/// keeps its reports and its flushes apart. Reporters have a bounded number of steps, also where
/// answers are lost, and who waits gives its CPU away: so a run ends, unless threads wait for each
/// other in the structure.
struct ReportingExercise: Sendable {
    var seed: UInt64
    /// 1 or 2.
    var reporters = 1
    var workers = 2
    /// Device 2 comes and goes.
    var churns = false
    /// What is partial is discarded now and then.
    var discards = false
    /// Handlers hand every second group to somebody who answers only when all else has ended.
    var isSilent = false
    /// Of each reporter, 1 … 2¹⁶.
    var requests = 2000
    /// Threads are dealt to these CPUs in turn; empty for wherever the system puts them.
    var cpus: [Int] = []
    /// How many of 1024 points in checked locks and memory delay.
    var disturbance = 0

    static let devices = 2
    static let indices = 3
    /// PASIDs by number; 0 is none.
    static let pasidNumbers = 5

    /// What was found and done.
    struct Outcome: Sendable {
        var violations: [Violation]
        var operations: Int
        var groups: Int
        var flushes: Int
        /// Answers that came after a flush or a removal.
        var late: Int
        var history: ReportingHistory
    }

    static func requester(_ device: Int) -> RequesterID { RequesterID(UInt16(device + 1)) }
    static func pasid(_ number: Int) -> PASID? { number == 0 ? nil : PASID(number) }
    static func place(_ device: Int, _ number: Int) -> Int { device * pasidNumbers + number }

    /// PASIDs that a reporter owns.
    func numbers(of lane: Int) -> [Int] { lane == 0 ? [0, 1, 2] : [3, 4] }

    /// Threads: reporters, workers, two flushers, the changer.
    var threadNames: [String] {
        (0..<reporters).map { "reporter \($0)" } + (0..<workers).map { "worker \($0)" }
            + ["flusher 0", "flusher 1", "changer", "end"]
    }

    /// - Parameter watch: Called with the board before the threads begin, and with nil when they
    ///   have ended: what comes then takes its time on a busy machine.
    func run(
        _ make: (ReportingConfiguration) -> VerifiedReporting,
        watch: (TrialBoard?) -> Void = { _ in }
    ) -> Outcome {
        Disturbance.set(rate: disturbance, seed: seed)
        let run = ReportingRun(self, make)
        watch(run.board)
        run.start()
        watch(nil)
        Disturbance.set(rate: 0, seed: 0)
        return run.outcome()
    }
}

/// One run of an exercise.
final class ReportingRun: @unchecked Sendable {
    let exercise: ReportingExercise
    let port: ResponsePort
    let subject: VerifiedReporting
    let board: TrialBoard
    /// By device and PASID: 1 while somebody reports or flushes for them.
    private let gates: UnsafeMutablePointer<SharedAtomic<Int>>
    /// By device and PASID: flushes that have returned.
    private let flushed: UnsafeMutablePointer<SharedAtomic<Int>>
    /// By device and PASID: written by handlers and read after flushes with no order but the
    /// structure's own, for ThreadSanitizer to see.
    let handled: UnsafeMutablePointer<Int>
    let reportersLeft: SharedAtomic<Int>
    let flushersLeft = SharedAtomic<Int>(2)
    let places = ReportingExercise.devices * ReportingExercise.pasidNumbers

    init(
        _ exercise: ReportingExercise, _ make: (ReportingConfiguration) -> VerifiedReporting
    ) {
        self.exercise = exercise
        reportersLeft = SharedAtomic(exercise.reporters)
        var entries = 64
        while entries < exercise.requests + 1 { entries *= 2 }
        port = ResponsePort(lanes: exercise.reporters, entries: entries)
        subject = make(
            ReportingConfiguration(
                maximumDevices: ReportingExercise.devices,
                maximumPages: 2 * exercise.reporters * exercise.requests, port: port))
        board = TrialBoard(
            names: exercise.threadNames, capacity: 8 * exercise.reporters * exercise.requests + 512)
        let places = ReportingExercise.devices * ReportingExercise.pasidNumbers
        gates = allocateShared(count: places) { _ in SharedAtomic<Int>(0) }
        flushed = allocateShared(count: places) { _ in SharedAtomic<Int>(0) }
        handled = allocateShared(zeroed: Int.self, count: places * 8)
    }

    deinit {
        freeShared(gates, count: places)
        freeShared(flushed, count: places)
        freeShared(handled, count: places * 8)
        port.deallocate()
    }

    /// Opens a gate for one who reports or flushes; false where another is inside.
    func enter(_ place: Int) -> Bool {
        gates[place].compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
    }

    func leave(_ place: Int) { gates[place].store(0, ordering: .releasing) }

    func flushCount(_ place: Int) -> Int { flushed[place].load(ordering: .acquiring) }

    func noteFlush(_ place: Int) { flushed[place].wrappingAdd(1, ordering: .releasing) }

    func start() {
        for device in 0..<ReportingExercise.devices {
            add(ReportingExercise.requester(device), by: board.names.count - 1)
        }
        let exercise = exercise
        let count = board.names.count - 1
        // Endpoints are made one at a time.
        let ends = ExerciseEnds(
            reporters: (0..<exercise.reporters).map { ExerciseReporter(self, lane: $0) },
            workers: (0..<exercise.workers).map {
                ExerciseWorker(self, thread: exercise.reporters + $0)
            })
        DedicatedThread.run(count) { [self] thread in
            if !exercise.cpus.isEmpty {
                _ = fq_bind_current_thread(Int32(exercise.cpus[thread % exercise.cpus.count]))
            }
            board.begin(thread)
            defer { board.end(thread) }
            switch thread {
            case 0..<exercise.reporters:
                var end = ends.reporters[thread]
                end.run()
                reportersLeft.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            case exercise.reporters..<exercise.reporters + exercise.workers:
                var end = ends.workers[thread - exercise.reporters]
                end.run()
            case count - 1:
                change(thread)
            default:
                flush(thread)
                flushersLeft.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            }
        }
    }

    var reportersEnded: Bool { reportersLeft.load(ordering: .acquiring) == 0 }
    var flushersEnded: Bool { flushersLeft.load(ordering: .acquiring) == 0 }

    // MARK: Flushers and changer

    /// Where reporters hardly get to run, those who go on until they end could do more than fits
    /// into the history: they leave it at that.
    private func hasRoom(_ thread: Int) -> Bool { board.logs[thread].room > 8 }

    private func flush(_ thread: Int) {
        var random = SeededGenerator(seed: exercise.seed, stream: 100 + UInt64(thread))
        var isLastRound = false
        while true {
            let device = Int.random(in: 0..<ReportingExercise.devices, using: &random)
            let lane = Int.random(in: 0..<exercise.reporters, using: &random)
            let number = exercise.numbers(of: lane).randomElement(using: &random)!
            if isLastRound || hasRoom(thread), enter(ReportingExercise.place(device, number)) {
                flush(device, number, thread)
                leave(ReportingExercise.place(device, number))
            }
            if isLastRound { return }
            // One more when reporters have ended, the two at about the same time.
            isLastRound = reportersEnded
            if !isLastRound { pause(&random) }
        }
    }

    private func flush(_ device: Int, _ number: Int, _ thread: Int) {
        let requester = ReportingExercise.requester(device)
        let pasid = ReportingExercise.pasid(number)
        let bits = HistoryEvent.bits(of: pasid)
        let place = ReportingExercise.place(device, number)
        let (_, begin, end) = board.perform(
            .flush, by: thread, device: requester, pasidBits: bits
        ) { subject.flush(requester, pasid) }
        var sum = 0
        for worker in 0..<exercise.workers { sum &+= handled[place * 8 + worker] }
        fq_opaque(UInt64(truncatingIfNeeded: sum))
        noteFlush(place)
        board.logs[thread].append(
            HistoryEvent(
                .flush, begin: begin, end: end, device: requester.rawValue, pasidBits: bits,
                thread: UInt8(thread)))
        board.advance(thread)
    }

    private func change(_ thread: Int) {
        guard exercise.churns || exercise.discards else { return }
        var random = SeededGenerator(seed: exercise.seed, stream: 200)
        let device = ReportingExercise.requester(1)
        repeat {
            if exercise.discards && hasRoom(thread) { discard(by: thread) }
            if exercise.churns && hasRoom(thread) {
                remove(device, by: thread)
                pause(&random)
                add(device, by: thread)
            }
            pause(&random)
        } while !reportersEnded
    }

    func pause(_ random: inout SeededGenerator) {
        SpinWait.pause(times: UInt32(random.next() % 256))
        for _ in 0..<random.next() % 8 { SpinWait.yieldProcessor() }
    }

    func discard(by thread: Int) {
        let (count, begin, end) = board.perform(.discard, by: thread) { subject.discardPartial() }
        board.logs[thread].append(
            HistoryEvent(
                .discard, begin: begin, end: end, tag: UInt64(count), thread: UInt8(thread)))
        board.advance(thread)
    }

    func remove(_ device: RequesterID, by thread: Int) {
        let (outcome, begin, end) = board.perform(.remove, by: thread, device: device) {
            subject.removeDevice(device)
        }
        board.logs[thread].append(
            HistoryEvent(
                .remove, begin: begin, end: end, device: device.rawValue,
                outcome: outcome.rawValue, thread: UInt8(thread)))
        board.advance(thread)
    }

    func add(_ device: RequesterID, by thread: Int) {
        let (outcome, begin, end) = board.perform(.add, by: thread, device: device) {
            subject.addDevice(device)
        }
        board.logs[thread].append(
            HistoryEvent(
                .add, begin: begin, end: end, device: device.rawValue, outcome: outcome.rawValue,
                thread: UInt8(thread)))
        board.advance(thread)
    }

    // MARK: The end

    /// What is left is dropped and counted, every answer is looked at, and the history checked.
    func outcome() -> ReportingExercise.Outcome {
        let end = board.names.count - 1
        discard(by: end)
        let census = subject.census()
        for lane in 0..<exercise.reporters {
            for number in 0..<exercise.requests {
                look(UInt64(lane) << 48 | UInt64(number), by: end)
            }
        }
        let history = board.history
        var violations = ReportingHistoryCheck.violations(in: history)
        if census != ReportingCensus() {
            violations.append(Violation(.memory, "left behind at the end: \(census)"))
        }
        violations += ComplaintRules.violations(Complaints.take())
        if board.droppedEvents > 0 {
            violations.append(
                Violation(.oracle, "\(board.droppedEvents) events had no room in the history"))
        }
        func count(_ kind: HistoryEvent.Kind) -> Int { history.events.count { $0.kind == kind } }
        return ReportingExercise.Outcome(
            violations: violations, operations: board.operations, groups: count(.take),
            flushes: count(.flush),
            late: history.events.count {
                $0.kind == .respond && $0.outcome == RespondOutcome.notPending.rawValue
            }, history: history)
    }

    /// Logs answers that came for a tag; true where there were some.
    @discardableResult
    func look(_ tag: UInt64, by thread: Int, logsNone: Bool = false) -> Bool {
        let begin = fq_ticks_ordered()
        let found = port.takeAnswers(tag: tag)
        guard found.count > 0 || logsNone else { return false }
        board.logs[thread].append(
            HistoryEvent(
                .look, begin: begin, end: begin, tag: tag, outcome: UInt8(clamping: found.count),
                thread: UInt8(thread), count: found.codes))
        return found.count > 0
    }
}

/// The ends of a run; each is used by its own thread alone.
private struct ExerciseEnds: @unchecked Sendable {
    let reporters: [ExerciseReporter]
    let workers: [ExerciseWorker]
}

/// What the sentences of checked locks and memory are violations of.
enum ComplaintRules {
    static func violations(_ complaints: [String]) -> [Violation] {
        complaints.map { Violation($0.hasPrefix("a warning") ? .warning : .memory, $0) }
    }
}
