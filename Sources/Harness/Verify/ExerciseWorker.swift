import CPlatform
import FaultModel
import FaultOracle
import FaultQueues

/// A worker of an exercise: takes, handles, and answers at once or later.
struct ExerciseWorker {
    private let shared: ReportingRun
    private let thread: Int
    private let number: Int
    private var random: SeededGenerator
    private let worker: VerifiedWorker
    /// Groups to be answered later, with the tag and the device of their last request.
    private var kept: [(group: UnsafeMutablePointer<FaultGroup>, last: PageRequest)] = []

    private static let mostKept = 4

    init(_ shared: ReportingRun, thread: Int) {
        self.shared = shared
        self.thread = thread
        number = thread - shared.exercise.reporters
        random = SeededGenerator(seed: shared.exercise.seed, stream: 400 + UInt64(thread))
        worker = shared.subject.makeWorker()
    }

    mutating func run() {
        var wait = SpinWait()
        while true {
            // Read before the take: what was queued until then must not be missed.
            let isLastRound = shared.flushersEnded && shared.reportersEnded
            if takeOne() {
                wait = SpinWait()
            } else if kept.isEmpty, isLastRound {
                break
            } else {
                wait.wait()
            }
            if !kept.isEmpty, isLastRound || !shared.exercise.isSilent && random.next() % 4 == 0 {
                let (group, last) = kept.removeFirst()
                respond(group, last)
            }
        }
        worker.retire()
    }

    /// False where nothing is queued.
    private mutating func takeOne() -> Bool {
        let (taken, begin, end) = shared.board.perform(.take, by: thread) { worker.take() }
        guard let group = taken else { return false }
        let last = group.pointee.last
        let pages = logMembers(group, begin)
        shared.board.logs[thread].append(event(.take, begin, end, last, count: pages))
        shared.board.advance(thread)
        shared.board.perform(.member, by: thread, device: last.requester) {
            SpinWait.pause(times: UInt32(random.next() % 32))
            if random.next() % 16 == 0 { SpinWait.yieldProcessor() }
            note(last)
        }
        let keeps =
            shared.exercise.isSilent
            ? random.next() % 2 == 0 : random.next() % 4 == 0 && kept.count < Self.mostKept
        if keeps {
            kept.append((group, last))
        } else {
            respond(group, last)
        }
        let (_, finishBegin, finishEnd) = shared.board.perform(
            .finish, by: thread, device: last.requester
        ) { worker.finish() }
        shared.board.logs[thread].append(event(.finish, finishBegin, finishEnd, last))
        shared.board.advance(thread)
        return true
    }

    /// One event for each page; how many pages the group says that it has. A list that never ends
    /// is left after more pages than there can be.
    private func logMembers(_ group: UnsafeMutablePointer<FaultGroup>, _ ticks: UInt64) -> Int {
        var left = shared.exercise.requests
        var place = group.pointee.pages
        func log(_ page: PageRequest) {
            shared.board.logs[thread].append(
                event(.member, ticks, ticks, page, outcome: page.isLast ? 1 : 0))
        }
        while let page = place, left > 0 {
            log(page.pointee.request)
            place = page.pointee.next
            left -= 1
        }
        log(group.pointee.last)
        return group.pointee.pageCount
    }

    private mutating func respond(
        _ group: UnsafeMutablePointer<FaultGroup>, _ last: PageRequest
    ) {
        let code = ResponseCode(rawValue: UInt8(random.next() % 3))!
        let (outcome, begin, end) = shared.board.perform(
            .respond, by: thread, device: last.requester
        ) { worker.respond(group, code) }
        shared.board.logs[thread].append(
            event(.respond, begin, end, last, outcome: outcome.rawValue, count: Int(code.rawValue)))
        shared.board.advance(thread)
    }

    /// Plain memory that a flush must find written.
    private func note(_ last: PageRequest) {
        let device = Int(last.requester.rawValue) - 1
        let pasid = last.hasPASID ? Int(last.pasidBits.rawValue) : 0
        guard (0..<ReportingExercise.devices).contains(device),
            pasid < ReportingExercise.pasidNumbers
        else { return }
        shared.handled[ReportingExercise.place(device, pasid) * 8 + number] &+= 1
    }

    private func event(
        _ kind: HistoryEvent.Kind, _ begin: UInt64, _ end: UInt64, _ request: PageRequest,
        outcome: UInt8 = 0, count: Int = 0
    ) -> HistoryEvent {
        HistoryEvent(
            kind, begin: begin, end: end, tag: request.privateData0,
            device: request.requester.rawValue, pasidBits: HistoryEvent.bits(of: request.pasid),
            index: request.index.rawValue, outcome: outcome, thread: UInt8(thread), count: count)
    }
}
