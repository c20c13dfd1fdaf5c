import CPlatform
import FaultModel

@testable import FaultQueues

/// Reporters, workers, a flusher and a thread that removes and adds a device, at the same time,
/// with the duties of `FaultReporting` kept.
///
/// Ends by itself: reporters have a bounded number of steps, also where answers are lost, and the
/// others go on until they have ended; who waits gives its CPU away.
struct ReportingStress: Sendable {
    var seed: UInt64
    /// Each reports for both devices, for PASIDs of its own.
    var reporters = 1
    var workers = 2
    /// Device 1 comes and goes; device 0 stays.
    var churns = true
    /// The thread that removes and adds also discards what is partial, unknown to the reporters. It
    /// discards nothing otherwise; a reporter that is alone does.
    var discards = false
    /// Of each reporter.
    var requests = 8000
    /// Every thread on the CPU of the caller.
    var onOneCPU = false

    static var devices: Int { 2 }
    static var pasidsPerReporter: Int { 2 }
    static var indices: Int { 3 }
    static var workerCredits: Int { 4 }

    /// What happened, and what was wrong first.
    struct Outcome: Sendable {
        var complaint: String?
        var groups = 0
        var flushes = 0
        var removals = 0
        /// Answers that came after a flush or a removal had answered.
        var late = 0
    }

    /// What the threads share.
    final class Board<Queue: FaultReporting>: @unchecked Sendable {
        let queue: Queue
        let port: ResponsePort
        /// Held by a reporter around a report, and by the flusher around a flush.
        let gates: [PthreadLock]
        /// Flushes that have returned, by device and PASID.
        let flushed: UnsafeMutablePointer<SharedAtomic<Int>>
        /// Per reporter and request: answers, plus 2¹⁶ where the request completed a group.
        let requests: [PlainIntegers]
        let reportersEnded = Flag()
        let flushersEnded = Flag()
        let groups = SharedAtomic<Int>(0)
        let flushes = SharedAtomic<Int>(0)
        let removals = SharedAtomic<Int>(0)
        let late = SharedAtomic<Int>(0)
        private let complaintLock = PthreadLock()
        private var first: String?

        init(_ stress: ReportingStress) {
            var entries = 1
            while entries < stress.requests { entries *= 2 }
            port = ResponsePort(lanes: stress.reporters, entries: entries)
            queue = Queue(
                ReportingConfiguration(
                    maximumDevices: devices, maximumPages: stress.requests * stress.reporters,
                    port: port))
            let pasids = stress.reporters * pasidsPerReporter
            gates = (0..<devices * pasids).map { _ in PthreadLock() }
            flushed = allocateShared(count: devices * pasids) { _ in SharedAtomic<Int>(0) }
            requests = (0..<stress.reporters).map { _ in
                PlainIntegers(repeating: 0, count: stress.requests)
            }
        }

        deinit {
            freeShared(flushed, count: gates.count)
            for gate in gates { gate.destroy() }
            for request in requests { request.free() }
            complaintLock.destroy()
            port.deallocate()
        }

        func complain(_ sentence: String) {
            complaintLock.lock()
            if first == nil { first = sentence }
            complaintLock.unlock()
        }

        var complaint: String? {
            complaintLock.lock()
            defer { complaintLock.unlock() }
            return first
        }

        static func place(_ device: Int, _ pasid: Int) -> Int { pasid * devices + device }

        /// Flushes that had returned for the request's device and PASID.
        func flushed(of request: PageRequest) -> Int {
            let place = Self.place(
                Int(request.requester.rawValue) - 1, Int(request.pasidBits.rawValue) - 1)
            // ORDER test.flushed, acquire side. Pairs with the store in flush(_:).
            return flushed[place].load(ordering: .acquiring)
        }
    }

    func run<Queue: FaultReporting>(_: Queue.Type) -> Outcome {
        let board = Board<Queue>(self)
        for device in 0..<Self.devices {
            _ = board.queue.addDevice(RequesterID(UInt16(device + 1)))
        }
        let cpu = Int32(fq_current_cpu())
        func thread(_ body: @escaping @Sendable () -> Void) -> DedicatedThread {
            DedicatedThread { [onOneCPU] in
                if onOneCPU, fq_bind_current_thread(cpu) != 0 { board.complain("not bound") }
                body()
            }
        }
        let workers = (0..<workers).map { number in thread { work(number, board) } }
        let flushers = [thread { flush(board) }, thread { churn(board) }]
        let reporters = (0..<reporters).map { lane in
            thread {
                var end = StressReporter(self, lane, board)
                end.run()
            }
        }
        for reporter in reporters { reporter.join() }
        board.reportersEnded.set()
        for flusher in flushers { flusher.join() }
        board.flushersEnded.set()
        for worker in workers { worker.join() }
        return outcome(board)
    }

    private func outcome<Queue: FaultReporting>(_ board: Board<Queue>) -> Outcome {
        _ = board.queue.discardPartial()
        let census = board.queue.census()
        if census != ReportingCensus() { board.complain("left behind: \(census)") }
        for lane in 0..<reporters {
            for number in 0..<requests {
                let answers = board.port.takeAnswers(tag: UInt64(lane) << 48 | UInt64(number)).count
                let found = board.requests[lane][number] + answers
                if found != 0, found != 1 << 16 | 1 {
                    let kind = found >> 16 == 0 ? "no group's last" : "a group's last"
                    board.complain("request \(number), \(kind), has \(found & 0xFFFF) answers")
                }
            }
        }
        return Outcome(
            complaint: board.complaint, groups: board.groups.load(ordering: .relaxed),
            flushes: board.flushes.load(ordering: .relaxed),
            removals: board.removals.load(ordering: .relaxed),
            late: board.late.load(ordering: .relaxed))
    }

    // MARK: Flusher and churner

    private func flush<Queue: FaultReporting>(_ board: Board<Queue>) {
        var random = SeededGenerator(seed: seed, stream: 1)
        repeat {
            let device = Int.random(in: 0..<Self.devices, using: &random)
            let pasid = Int.random(in: 0..<reporters * Self.pasidsPerReporter, using: &random)
            let place = Board<Queue>.place(device, pasid)
            board.gates[place].lock()
            board.queue.flush(RequesterID(UInt16(device + 1)), PASID(pasid + 1)!)
            // ORDER test.flushed, release side. Pairs with the load in flushed(of:).
            board.flushed[place].wrappingAdd(1, ordering: .releasing)
            board.gates[place].unlock()
            board.flushes.wrappingAdd(1, ordering: .relaxed)
            pause(&random)
        } while !board.reportersEnded.isSet
    }

    private func churn<Queue: FaultReporting>(_ board: Board<Queue>) {
        guard churns || discards else { return }
        var random = SeededGenerator(seed: seed, stream: 2)
        let device = RequesterID(2)
        repeat {
            if discards { _ = board.queue.discardPartial() }
            guard churns else { continue }
            if board.queue.removeDevice(device) != .removed { board.complain("not removed") }
            pause(&random)
            if board.queue.addDevice(device) != .added { board.complain("not added") }
            board.removals.wrappingAdd(1, ordering: .relaxed)
            pause(&random)
        } while !board.reportersEnded.isSet
    }

    private func pause(_ random: inout SeededGenerator) {
        SpinWait.pause(times: UInt32(random.next() % 64))
        for _ in 0..<random.next() % 8 { SpinWait.yieldProcessor() }
    }

    // MARK: Workers

    private func work<Queue: FaultReporting>(_ number: Int, _ board: Board<Queue>) {
        var random = SeededGenerator(seed: seed, stream: 16 + UInt64(number))
        var worker = board.queue.makeWorker()
        var kept: [UnsafeMutablePointer<FaultGroup>] = []
        var wait = SpinWait()
        while true {
            // Read before the take: what was queued until then must not be missed.
            let isLastRound = board.flushersEnded.isSet
            if let group = worker.take() {
                wait = SpinWait()
                board.groups.wrappingAdd(1, ordering: .relaxed)
                check(group, board)
                SpinWait.pause(times: UInt32(random.next() % 16))
                if random.next() % 16 == 0 { SpinWait.yieldProcessor() }
                if random.next() % 4 == 0, kept.count < Self.workerCredits {
                    kept.append(group)
                } else {
                    respond(&worker, group, board)
                }
                worker.finish()
            } else if kept.isEmpty, isLastRound {
                break
            } else {
                wait.wait()
            }
            if !kept.isEmpty, isLastRound || random.next() % 4 == 0 {
                respondLate(&worker, kept.removeFirst(), board)
            }
        }
        board.queue.retire(worker)
    }

    private func respond<Queue: FaultReporting>(
        _ worker: inout Queue.Worker, _ group: UnsafeMutablePointer<FaultGroup>,
        _ board: Board<Queue>
    ) {
        let last = group.pointee.last
        if worker.respond(group, .success) == .notPending {
            board.late.wrappingAdd(1, ordering: .relaxed)
        }
        // The caller has still to finish.
        if board.flushed(of: last) != Int(last.privateData1 >> 16) {
            board.complain("a flush returned while a handler of its PASID ran")
        }
    }

    private func respondLate<Queue: FaultReporting>(
        _ worker: inout Queue.Worker, _ group: UnsafeMutablePointer<FaultGroup>,
        _ board: Board<Queue>
    ) {
        let last = group.pointee.last
        let wasFlushed = board.flushed(of: last) != Int(last.privateData1 >> 16)
        if worker.respond(group, .success) == .notPending {
            board.late.wrappingAdd(1, ordering: .relaxed)
        } else if wasFlushed {
            board.complain("a group was answered after the flush of its PASID")
        }
    }

    /// One key, one reporter, in order, since one flush, and all pages where nothing else drops
    /// them.
    private func check<Queue: FaultReporting>(
        _ group: UnsafeMutablePointer<FaultGroup>, _ board: Board<Queue>
    ) {
        let last = group.pointee.last
        var count = 0
        var previous: UInt64?
        group.pointee.forEachPage { page in
            count += 1
            if page.requester != last.requester || page.pasid != last.pasid
                || page.index != last.index
            {
                board.complain("a group of \(last) has a page of \(page)")
            }
            if let previous, page.privateData0 <= previous {
                board.complain("a group has pages out of order")
            }
            if page.privateData1 >> 16 != last.privateData1 >> 16 {
                board.complain("a page outlived the flush of its PASID")
            }
            previous = page.privateData0
        }
        let expected = Int(last.privateData1 & 0xFFFF)
        let mayLack = discards || churns && last.requester == RequesterID(2)
        if count != group.pointee.pageCount { board.complain("a group's page count is wrong") }
        if mayLack ? count > expected : count != expected {
            board.complain("a group has \(count) pages, expected \(expected)")
        }
    }
}
