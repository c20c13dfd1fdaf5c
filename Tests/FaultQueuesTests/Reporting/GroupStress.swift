import FaultModel
import Testing

@testable import FaultQueues

/// Two reporters of shared devices, two workers that hand groups to each other, a flusher, a thread
/// that removes and adds a device and discards partial groups; every guarantee is checked on the
/// way or at the end.
enum GroupStress<Scheme: FaultReporting> {
    static var groupsPerReporter: Int { 4_000 }
    static var flushedPASIDs: Int { 3 }

    /// What the threads share.
    final class Shared: @unchecked Sendable {
        let scheme: Scheme
        let port: ResponsePort
        let seed: UInt64
        let answersLate: Bool
        /// By lane and PASID: asked to stop, stopped, and the epoch that reports carry.
        let stop = (0..<8).map { _ in Box(0) }
        let stopped = (0..<8).map { _ in Box(0) }
        let flushed = (0..<8).map { _ in Box(0) }
        let reportersLeft = Box(2)
        let handled = Box(0)
        let violations = Box(0)
        /// A group that some worker shall answer; 0 for none.
        let mailbox = Box(0)
        /// Outcome of each request by lane and number; each lane's thread writes its own.
        let outcomes = PlainIntegers(repeating: -1, count: 2 << 16)

        init(seed: UInt64, answersLate: Bool) {
            self.seed = seed
            self.answersLate = answersLate
            port = ResponsePort(lanes: 2, entries: 1 << 16)
            scheme = Scheme(
                ReportingConfiguration(maximumDevices: 2, maximumPages: 512, port: port))
        }
    }

    final class Box: Sendable {
        let value: SharedAtomic<Int>
        init(_ value: Int) { self.value = SharedAtomic(value) }
        func add(_ number: Int) { value.wrappingAdd(number, ordering: .acquiringAndReleasing) }
        var now: Int {
            get { value.load(ordering: .acquiring) }
            set { value.store(newValue, ordering: .releasing) }
        }
    }

    static func run(seed: UInt64, answersLate: Bool) {
        let shared = Shared(seed: seed, answersLate: answersLate)
        for device in [1, 2] as [UInt16] {
            #expect(shared.scheme.addDevice(RequesterID(device)) == .added)
        }
        DedicatedThread.run(6) { number in
            switch number {
            case 0, 1: report(shared, lane: number)
            case 2, 3: work(shared, number)
            case 4: flush(shared)
            default: churn(shared)
            }
        }
        #expect(shared.violations.now == 0, "seed \(seed)")
        #expect(shared.handled.now > 0, "seed \(seed)")
        check(shared)
        _ = shared.scheme.discardPartial()
        #expect(shared.scheme.census() == ReportingCensus(), "seed \(seed)")
        shared.port.deallocate()
        shared.outcomes.free()
    }

    /// Lane l reports for its own PASIDs, 4·l … 4·l + 3, of both devices. The first three of each
    /// are flushed now and then.
    private static func report(_ shared: Shared, lane: Int) {
        var random = SeededGenerator(seed: shared.seed, stream: UInt64(lane))
        var reporter = shared.scheme.makeReporter()
        var number = 0
        for _ in 0..<groupsPerReporter {
            let slot = 4 * lane + Int.random(in: 0..<4, using: &random)
            let device = UInt16.random(in: 1...2, using: &random)
            let index = PRGIndex(Int.random(in: 0..<3, using: &random))!
            let size = Int.random(in: 1...4, using: &random)
            for page in 1...size {
                acknowledgeStops(shared, lane)
                let epoch = shared.flushed[slot].now
                let request = PageRequest(
                    requester: RequesterID(device), pasid: PASID(slot)!, index: index,
                    address: UInt64(number) << 12, permissions: .read, isLast: page == size,
                    privateData0: UInt64(lane) << 48 | UInt64(number), privateData1: UInt64(epoch))
                let outcome = reporter.report(request)
                shared.outcomes[lane << 16 | number] =
                    Int(outcome.rawValue) | (page == size ? 8 : 0)
                number += 1
                if outcome != .held && outcome != .queued { break }
            }
            if Int.random(in: 0..<64, using: &random) == 0 { SpinWait.yieldProcessor() }
        }
        shared.scheme.retire(reporter)
        for slot in 4 * lane..<4 * lane + 4 { shared.stopped[slot].now = 1 }
        shared.reportersLeft.add(-1)
    }

    /// Stands still for the PASIDs of this lane that are to be flushed, until they have been.
    private static func acknowledgeStops(_ shared: Shared, _ lane: Int) {
        for slot in 4 * lane..<4 * lane + 4 where shared.stop[slot].now == 1 {
            shared.stopped[slot].now = 1
            var wait = SpinWait()
            while shared.stop[slot].now == 1 { wait.wait() }
            shared.stopped[slot].now = 0
        }
    }

    private static func work(_ shared: Shared, _ number: Int) {
        var random = SeededGenerator(seed: shared.seed, stream: UInt64(number))
        var worker = shared.scheme.makeWorker()
        var wait = SpinWait()
        while true {
            let isOver = shared.reportersLeft.now == 0
            guard let group = worker.take() else {
                answerMailbox(shared, &worker)
                if isOver { break }
                wait.wait()
                continue
            }
            wait = SpinWait()
            inspect(shared, group)
            let slot = Int(group.pointee.last.pasidBits.rawValue)
            let epoch = Int(group.pointee.last.privateData1)
            let isLate = shared.answersLate && Int.random(in: 0..<2, using: &random) == 0
            if !isLate { _ = worker.respond(group, .success) }
            if Int.random(in: 0..<16, using: &random) == 0 { SpinWait.yieldProcessor() }
            // A flush that has returned waited for this handler, so it cannot have been for it.
            if shared.flushed[slot].now != epoch { shared.violations.add(1) }
            worker.finish()
            shared.handled.add(1)
            if isLate {
                let before = shared.mailbox.value.exchange(
                    Int(bitPattern: group), ordering: .acquiringAndReleasing)
                answer(before, &worker)
            } else if Int.random(in: 0..<4, using: &random) == 0 {
                answerMailbox(shared, &worker)
            }
        }
        answerMailbox(shared, &worker)
        shared.scheme.retire(worker)
    }

    private static func answerMailbox(_ shared: Shared, _ worker: inout Scheme.Worker) {
        answer(shared.mailbox.value.exchange(0, ordering: .acquiringAndReleasing), &worker)
    }

    private static func answer(_ address: Int, _ worker: inout Scheme.Worker) {
        guard let group = UnsafeMutablePointer<FaultGroup>(bitPattern: address) else { return }
        _ = worker.respond(group, .success)
    }

    /// G3.
    private static func inspect(_ shared: Shared, _ group: UnsafeMutablePointer<FaultGroup>) {
        let last = group.pointee.last
        let key = last.header & ~(1 << 50)
        var previous: UInt64?
        var count = 0
        var isSound = last.isLast
        group.pointee.forEachPage { page in
            if page.header & ~(1 << 50) != key || page.privateData1 != last.privateData1 {
                isSound = false
            }
            if let previous, page.privateData0 <= previous { isSound = false }
            previous = page.privateData0
            count += 1
        }
        if !isSound || count != group.pointee.pageCount { shared.violations.add(1) }
    }

    private static func flush(_ shared: Shared) {
        var random = SeededGenerator(seed: shared.seed, stream: 4)
        while shared.reportersLeft.now > 0 {
            let slot =
                4 * Int.random(in: 0..<2, using: &random)
                + Int.random(in: 0..<flushedPASIDs, using: &random)
            shared.stop[slot].now = 1
            var wait = SpinWait()
            while shared.stopped[slot].now == 0 { wait.wait() }
            for device in [1, 2] as [UInt16] {
                shared.scheme.flush(RequesterID(device), PASID(slot)!)
            }
            shared.flushed[slot].add(1)
            shared.stop[slot].now = 0
            for _ in 0..<4 { wait.wait() }
        }
    }

    /// Device 2 goes and comes; partial groups are discarded.
    private static func churn(_ shared: Shared) {
        var random = SeededGenerator(seed: shared.seed, stream: 5)
        while shared.reportersLeft.now > 0 {
            if Int.random(in: 0..<3, using: &random) == 0 {
                _ = shared.scheme.discardPartial()
            } else {
                if shared.scheme.removeDevice(RequesterID(2)) != .removed {
                    shared.violations.add(1)
                }
                for _ in 0..<Int.random(in: 0..<3, using: &random) { SpinWait.yieldProcessor() }
                if shared.scheme.addDevice(RequesterID(2)) != .added { shared.violations.add(1) }
            }
            for _ in 0..<4 { SpinWait.yieldProcessor() }
        }
    }

    /// G1 and G2: a queued request was answered once, every other never, a refused last one with
    /// `.failure`.
    private static func check(_ shared: Shared) {
        var queued = 0
        for lane in 0..<2 {
            for number in 0..<1 << 16 {
                let outcome = shared.outcomes[lane << 16 | number]
                guard outcome >= 0 else { break }
                let answers = shared.port.takeAnswers(tag: UInt64(lane) << 48 | UInt64(number))
                let isQueued = outcome == Int(ReportOutcome.queued.rawValue) | 8
                let isRefused = outcome == Int(ReportOutcome.refused.rawValue) | 8
                if isQueued { queued += 1 }
                #expect(
                    answers.count == (isQueued || isRefused ? 1 : 0),
                    "lane \(lane), request \(number), outcome \(outcome), seed \(shared.seed)")
            }
        }
        #expect(queued > 0)
    }
}
