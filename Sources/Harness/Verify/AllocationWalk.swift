import FaultModel
import FaultOracle
import FaultQueues

/// Lists of operations in which one allocation fails: the first, then the second, until the list
/// needs no further one. One thread; the history is checked as that of many threads is.
struct AllocationWalk {
    let make: @Sendable (ReportingConfiguration) -> VerifiedReporting

    func run(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        let board = TrialBoard(names: ["the thread"], capacity: 1024)
        board.begin(0)
        let dog = Watchdog(clock)
        defer { dog.stop() }
        dog.watch(board, before: outcome)
        var random = SeededGenerator(seed: trial.seed)
        while outcome.operations < trial.operations, !clock.isOver {
            let list = ReportingLists.random(24, &random)
            var failing = 0
            while true {
                board.logs[0].clear()
                let before = board.operations
                let round = ListRun(make, board)
                AllocationFaults.fail(at: failing)
                round.perform(list)
                let hasFailed = AllocationFaults.count > 0
                AllocationFaults.fail(at: nil)
                let violations = round.end()
                outcome.operations += board.operations - before
                outcome.rounds += 1
                if !violations.isEmpty {
                    outcome.violations = violations
                    outcome.steps = FailureStep.steps(of: board.history, violations)
                    return outcome
                }
                guard hasFailed else { break }
                failing += 1
            }
        }
        return outcome
    }
}

/// A list of operations on a structure of its own, logged.
private final class ListRun {
    private let board: TrialBoard
    private let port = ResponsePort(lanes: 1, entries: 128)
    private let subject: VerifiedReporting
    private let reporter: VerifiedReporter
    private let worker: VerifiedWorker
    private var kept: [UnsafeMutablePointer<FaultGroup>] = []
    private var reported = 0

    init(_ make: (ReportingConfiguration) -> VerifiedReporting, _ board: TrialBoard) {
        self.board = board
        subject = make(ReportingConfiguration(maximumDevices: 2, maximumPages: 64, port: port))
        reporter = subject.makeReporter()
        worker = subject.makeWorker()
        for device in 0..<2 { log(.add, device) { subject.addDevice(requester(device)).rawValue } }
    }

    deinit { port.deallocate() }

    private func requester(_ device: Int) -> RequesterID { RequesterID(UInt16(device + 1)) }
    private func pasid(_ number: Int) -> PASID? { number == 0 ? PASID(1) : nil }

    private func log(_ kind: HistoryEvent.Kind, _ device: Int, _ body: () -> UInt8) {
        let (outcome, begin, end) = board.perform(kind, by: 0, body)
        board.logs[0].append(
            HistoryEvent(
                kind, begin: begin, end: end, device: requester(device).rawValue, outcome: outcome))
        board.advance(0)
    }

    func perform(_ list: [ReportingOperation]) {
        for operation in list {
            switch operation {
            case .page(let device, let pasid, let index): report(device, pasid, index, false)
            case .last(let device, let pasid, let index): report(device, pasid, index, true)
            case .handle: take(keeping: false)
            case .keep: take(keeping: true)
            case .answerKept: if !kept.isEmpty { respond(kept.removeFirst()) }
            case .flush(let device, let number): flush(device, number)
            case .discard: discard()
            case .remove(let device):
                log(.remove, device) { subject.removeDevice(requester(device)).rawValue }
            case .add(let device):
                log(.add, device) { subject.addDevice(requester(device)).rawValue }
            }
        }
    }

    private func report(_ device: Int, _ number: Int, _ index: Int, _ isLast: Bool) {
        let tag = UInt64(reported)
        reported += 1
        let request = PageRequest(
            requester: requester(device), pasid: pasid(number), index: PRGIndex(index)!,
            address: tag << 12, permissions: .read, isLast: isLast, privateData0: tag)
        let kind: HistoryEvent.Kind = isLast ? .last : .page
        let (outcome, begin, end) = board.perform(kind, by: 0) { reporter.report(request) }
        append(kind, begin, end, request, outcome.rawValue)
        board.advance(0)
    }

    private func append(
        _ kind: HistoryEvent.Kind, _ begin: UInt64, _ end: UInt64, _ request: PageRequest,
        _ outcome: UInt8 = 0, count: Int = 0
    ) {
        board.logs[0].append(
            HistoryEvent(
                kind, begin: begin, end: end, tag: request.privateData0,
                device: request.requester.rawValue,
                pasidBits: HistoryEvent.bits(of: request.pasid), index: request.index.rawValue,
                outcome: outcome, count: count))
    }

    @discardableResult
    private func take(keeping: Bool) -> Bool {
        let (taken, begin, end) = board.perform(.take, by: 0) { worker.take() }
        guard let group = taken else { return false }
        let last = group.pointee.last
        group.pointee.forEachPage { append(.member, begin, begin, $0, $0.isLast ? 1 : 0) }
        append(.take, begin, end, last, count: group.pointee.pageCount)
        if keeping { kept.append(group) } else { respond(group) }
        let (_, finishBegin, finishEnd) = board.perform(.finish, by: 0) { worker.finish() }
        append(.finish, finishBegin, finishEnd, last)
        board.advance(0)
        return true
    }

    private func respond(_ group: UnsafeMutablePointer<FaultGroup>) {
        let last = group.pointee.last
        let (outcome, begin, end) = board.perform(.respond, by: 0) {
            worker.respond(group, .success)
        }
        append(.respond, begin, end, last, outcome.rawValue)
        board.advance(0)
    }

    /// A flush may wait for handlers, and there is no other thread: the queue is worked off first.
    private func flush(_ device: Int, _ number: Int) {
        while take(keeping: false) {}
        let (_, begin, end) = board.perform(.flush, by: 0) {
            subject.flush(requester(device), pasid(number))
        }
        board.logs[0].append(
            HistoryEvent(
                .flush, begin: begin, end: end, device: requester(device).rawValue,
                pasidBits: HistoryEvent.bits(of: pasid(number))))
        board.advance(0)
    }

    private func discard() {
        let (count, begin, end) = board.perform(.discard, by: 0) { subject.discardPartial() }
        board.logs[0].append(
            HistoryEvent(.discard, begin: begin, end: end, tag: UInt64(count)))
        board.advance(0)
    }

    /// Works everything off, looks at every answer and counts what is left.
    func end() -> [Violation] {
        while take(keeping: false) {}
        while !kept.isEmpty { respond(kept.removeFirst()) }
        discard()
        reporter.retire()
        worker.retire()
        let census = subject.census()
        for number in 0..<reported {
            let found = port.takeAnswers(tag: UInt64(number))
            guard found.count > 0 else { continue }
            let (_, begin, end) = board.perform(.look, by: 0) {}
            board.logs[0].append(
                HistoryEvent(
                    .look, begin: begin, end: end, tag: UInt64(number),
                    outcome: UInt8(clamping: found.count), count: found.codes))
        }
        var violations = ReportingHistoryCheck.violations(in: board.history)
        if census != ReportingCensus() {
            violations.append(Violation(.memory, "left behind at the end: \(census)"))
        }
        return violations + ComplaintRules.violations(Complaints.take())
    }
}
