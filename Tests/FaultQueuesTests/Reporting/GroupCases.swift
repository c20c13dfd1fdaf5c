import FaultModel
import Glibc
import Testing

@testable import FaultQueues
@testable import Harness

/// The seed of this folder's runs: `FQBENCH_TEST_SEED`, or the module's.
let groupSeed: UInt64 =
    getenv("FQBENCH_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? testSeed

/// One structure with a reporter and a worker on the test's own thread; it numbers the requests.
final class GroupBench<Scheme: FaultReporting> {
    let port: ResponsePort
    let scheme: Scheme
    var reporter: Scheme.Reporter
    var worker: Scheme.Worker
    private var nextTag: UInt64 = 0

    init(devices: Int = 4, pages: Int = 256, add: [UInt16] = [1]) {
        port = ResponsePort(lanes: 1, entries: 1 << 14)
        scheme = Scheme(
            ReportingConfiguration(maximumDevices: devices, maximumPages: pages, port: port))
        reporter = scheme.makeReporter()
        worker = scheme.makeWorker()
        for device in add { #expect(scheme.addDevice(RequesterID(device)) == .added) }
    }

    deinit { port.deallocate() }

    @discardableResult
    func report(
        _ pasid: Int?, _ index: Int = 0, isLast: Bool, on device: UInt16 = 1,
        _ expected: ReportOutcome? = nil, at location: SourceLocation = #_sourceLocation
    ) -> UInt64 {
        nextTag += 1
        let outcome = reporter.report(
            PageRequest(
                requester: RequesterID(device), pasid: pasid.map { PASID($0)! },
                index: PRGIndex(index)!, address: nextTag << 12, permissions: .read,
                isLast: isLast, privateData0: nextTag))
        #expect(
            outcome == expected ?? (isLast ? .queued : .held), sourceLocation: location)
        return nextTag
    }

    /// The codes with which a request was answered since the last look; empty where it was not.
    func answers(_ tag: UInt64) -> (count: Int, codes: Int) { port.takeAnswers(tag: tag) }

    func isAnswered(_ tag: UInt64, _ code: ResponseCode) -> Bool {
        answers(tag) == (1, Int(code.rawValue))
    }

    /// Takes, answers and finishes the next group; its pages' tags.
    func handle(_ code: ResponseCode = .success) -> [UInt64]? {
        guard let group = worker.take() else { return nil }
        let tags = Self.tags(group)
        #expect(worker.respond(group, code) == .answered)
        worker.finish()
        return tags
    }

    static func tags(_ group: UnsafeMutablePointer<FaultGroup>) -> [UInt64] {
        var tags: [UInt64] = []
        group.pointee.forEachPage { tags.append($0.privateData0) }
        #expect(tags.count == group.pointee.pageCount)
        return tags
    }

    func flush(_ pasid: Int, on device: UInt16 = 1) {
        scheme.flush(RequesterID(device), PASID(pasid)!)
    }

    /// Retires both ends; nothing may be left.
    func expectEmpty(at location: SourceLocation = #_sourceLocation) {
        let none = worker.take() == nil
        #expect(none, sourceLocation: location)
        scheme.retire(reporter)
        scheme.retire(worker)
        #expect(scheme.census() == ReportingCensus(), sourceLocation: location)
    }
}

/// Each guarantee by itself, on one thread.
enum GroupCases<Scheme: FaultReporting> {
    typealias Bench = GroupBench<Scheme>

    /// G1, G2, G3: groups of every size up to 5, in order, answered once, only the last.
    static func sizes() {
        let bench = Bench()
        for size in 1...5 {
            for pasid in [nil, 0, 1, 0xFFFFF] as [Int?] {
                let tags = (1...size).map { bench.report(pasid, 511, isLast: $0 == size) }
                #expect(bench.handle(.failure) == tags)
                for tag in tags.dropLast() { #expect(bench.answers(tag) == (0, 0)) }
                #expect(bench.isAnswered(tags[size - 1], .failure))
            }
        }
        bench.expectEmpty()
    }

    /// G3: requests that differ in one part of the key alone never meet; without a PASID is not
    /// PASID 0.
    static func keys() {
        let bench = Bench(add: [1, 2])
        let keys: [(UInt16, Int?, Int)] = [
            (1, 5, 0), (2, 5, 0), (1, 6, 0), (1, 5, 1), (1, nil, 0), (1, 0, 0), (2, 0xFFFFF, 511),
        ]
        var tags: [[UInt64]] = Array(repeating: [], count: keys.count)
        for round in 0..<3 {
            for (place, key) in keys.enumerated() {
                tags[place].append(bench.report(key.1, key.2, isLast: round == 2, on: key.0))
            }
        }
        for group in tags { #expect(bench.handle() == group) }
        for group in tags { #expect(bench.isAnswered(group[2], .success)) }
        bench.expectEmpty()
    }

    /// Many complete groups of one key wait at the same time, and so many partial ones.
    static func crowds() {
        let bench = Bench(pages: 300)
        let queued = (0..<300).map { _ in bench.report(7, 1, isLast: true) }
        for tag in queued { #expect(bench.handle() == [tag]) }
        let partial = (0..<300).map { bench.report(7 + $0 % 2, $0, isLast: false) }
        for number in 0..<300 {
            let last = bench.report(7 + number % 2, number, isLast: true)
            #expect(bench.handle() == [partial[number], last])
        }
        bench.expectEmpty()
    }

    /// G4, G5 with groups in every state that one thread can make; G6.
    static func flushes() {
        let bench = Bench(add: [1, 2])
        bench.report(5, 1, isLast: false)
        let others: [(UInt16, Int?)] = [(1, 6), (2, 5), (1, nil)]
        let kept = others.map { bench.report($0.1, 1, isLast: false, on: $0.0) }
        let queued = bench.report(5, 2, isLast: true)
        let detached = bench.report(5, 3, isLast: true)
        let answered = bench.report(5, 4, isLast: true)
        let foreign = others.map { bench.report($0.1, 2, isLast: true, on: $0.0) }
        // The first stays queued at the end of the line: handled again by nobody.
        var late: UnsafeMutablePointer<FaultGroup>?
        var back: [UInt64] = []
        for _ in 0..<3 {
            guard let group = bench.worker.take() else { break }
            let tag = group.pointee.last.privateData0
            if tag == detached {
                late = group
            } else if tag == answered {
                #expect(bench.worker.respond(group, .success) == .answered)
            } else {
                back.append(tag)
                #expect(bench.worker.respond(group, .success) == .answered)
            }
            bench.worker.finish()
        }
        #expect(back == [queued])
        let again = bench.report(5, 2, isLast: true)
        bench.flush(5)
        #expect(bench.isAnswered(again, .invalid))
        #expect(bench.isAnswered(detached, .invalid))
        #expect(bench.isAnswered(answered, .success))
        if let late { #expect(bench.worker.respond(late, .success) == .notPending) }
        #expect(bench.answers(detached) == (0, 0))
        for tag in foreign { #expect(bench.handle() == [tag]) }
        for (place, other) in others.enumerated() {
            let last = bench.report(other.1, 1, isLast: true, on: other.0)
            #expect(bench.handle() == [kept[place], last])
        }
        // What was partial before the flush belongs to no later group.
        let fresh = bench.report(5, 1, isLast: true)
        #expect(bench.handle() == [fresh])
        bench.flush(9)
        bench.flush(5, on: 3)
        bench.expectEmpty()
    }

    /// G7 with groups in every state, among them one whose handler runs.
    static func removals() {
        let bench = Bench(devices: 2, add: [1, 2])
        #expect(bench.scheme.addDevice(RequesterID(1)) == .busy)
        #expect(bench.scheme.addDevice(RequesterID(3)) == .noRoom)
        #expect(bench.scheme.removeDevice(RequesterID(9)) == .unknown)
        bench.report(5, isLast: true, on: 9, .noDevice)
        let running = bench.report(5, 1, isLast: true)
        let queued = bench.report(nil, 2, isLast: true)
        bench.report(5, 3, isLast: false)
        bench.report(5, 3, isLast: false)
        let other = bench.report(5, isLast: true, on: 2)
        guard let group = bench.worker.take() else {
            Issue.record("no group")
            return
        }
        #expect(bench.scheme.removeDevice(RequesterID(1)) == .removed)
        #expect(bench.scheme.removeDevice(RequesterID(1)) == .unknown)
        #expect(bench.isAnswered(running, .invalid))
        #expect(bench.isAnswered(queued, .invalid))
        for isLast in [false, true] {
            let tag = bench.report(5, 3, isLast: isLast, .noDevice)
            #expect(bench.answers(tag) == (0, 0))
        }
        #expect(bench.scheme.addDevice(RequesterID(1)) == .added)
        let fresh = bench.report(5, 3, isLast: true)
        #expect(bench.worker.respond(group, .success) == .notPending)
        bench.worker.finish()
        #expect(bench.handle() == [other])
        #expect(bench.handle() == [fresh])
        #expect(bench.answers(running) == (0, 0))
        bench.expectEmpty()
    }

    /// A group's answer and its handler's end in both orders, with and without a removal between.
    static func ends() {
        for isRemoved in [false, true] {
            for finishesFirst in [false, true] {
                let bench = Bench()
                let tag = bench.report(5, isLast: true)
                guard let group = bench.worker.take() else { continue }
                if finishesFirst { bench.worker.finish() }
                if isRemoved { #expect(bench.scheme.removeDevice(RequesterID(1)) == .removed) }
                let outcome = bench.worker.respond(group, .success)
                #expect(outcome == (isRemoved ? .notPending : .answered))
                if !finishesFirst { bench.worker.finish() }
                #expect(bench.isAnswered(tag, isRemoved ? .invalid : .success))
                bench.expectEmpty()
            }
        }
    }

    /// G8, and a census of what is there.
    static func discards() {
        let bench = Bench(add: [1, 2])
        #expect(bench.scheme.discardPartial() == 0)
        bench.report(5, 1, isLast: false)
        bench.report(5, 1, isLast: false)
        bench.report(nil, 1, isLast: false, on: 2)
        let queued = bench.report(5, 1, isLast: true, on: 2)
        #expect(bench.scheme.census().partialPages == 3)
        #expect(bench.scheme.census().queuedGroups == 1)
        #expect(bench.scheme.discardPartial() == 3)
        #expect(bench.scheme.discardPartial() == 0)
        #expect(bench.handle() == [queued])
        let last = bench.report(5, 1, isLast: true)
        #expect(bench.handle() == [last])
        bench.expectEmpty()
    }

    /// More pages than there are nodes: what is refused leaves no trace, the last page is answered.
    static func exhaustion() {
        let bench = Bench(pages: 4)
        var refused = 0
        for _ in 0..<12 {
            let outcome = bench.reporter.report(
                PageRequest(
                    requester: RequesterID(1), pasid: PASID(5), index: PRGIndex(0)!, address: 0,
                    permissions: .read, isLast: false, privateData0: 4000))
            if outcome == .refused { refused += 1 }
        }
        #expect(refused > 0)
        #expect(bench.answers(4000) == (0, 0))
        let held = 12 - refused
        #expect(bench.scheme.census().partialPages == held)
        bench.report(5, 0, isLast: true)
        #expect(bench.handle()?.count == held + 1)
        // Until no group finds room any more.
        var queued = 0
        var tag: UInt64 = 5000
        while queued < 10_000 {
            tag += 1
            let outcome = bench.reporter.report(
                PageRequest(
                    requester: RequesterID(1), pasid: PASID(5), index: PRGIndex(0)!, address: 0,
                    permissions: .read, isLast: true, privateData0: tag))
            if outcome == .refused { break }
            #expect(outcome == .queued)
            queued += 1
        }
        #expect(queued >= 4 && queued < 10_000)
        #expect(bench.isAnswered(tag, .failure))
        while bench.handle() != nil { queued -= 1 }
        #expect(queued == 0)
        bench.expectEmpty()
    }

    /// Far more groups than there are slots, one after another, by every way out.
    static func turnover() {
        let bench = Bench(pages: 4)
        for round in 0..<400 {
            bench.report(5, round, isLast: false)
            bench.report(5, round, isLast: true)
            if round % 2 == 0 {
                #expect(bench.handle()?.count == 2)
            } else {
                bench.flush(5)
                #expect(bench.handle() == nil)
            }
            bench.report(6, round, isLast: false)
            if round % 2 == 0 {
                bench.flush(6)
            } else {
                #expect(bench.scheme.discardPartial() == 1)
            }
        }
        bench.expectEmpty()
    }

    /// An owner that answers and a removal, at the same moment: one of them sends.
    static func duel(rounds: Int) {
        let bench = Bench(pages: 4)
        let port = bench.port
        let scheme = bench.scheme
        let turn = SharedAtomic<Int>(0)
        let shared = Duel(turn)
        let removals = DedicatedThread {
            for round in 1...rounds {
                var wait = SpinWait()
                while shared.turn.load(ordering: .acquiring) != 2 * round - 1 { wait.wait() }
                _ = scheme.removeDevice(RequesterID(1))
                shared.turn.store(2 * round, ordering: .releasing)
            }
        }
        var outcomes: Set<RespondOutcome> = []
        for round in 1...rounds {
            let tag = bench.report(5, isLast: true)
            guard let group = bench.worker.take() else { break }
            bench.worker.finish()
            shared.turn.store(2 * round - 1, ordering: .releasing)
            SpinWait.pause(times: UInt32(round % 32))
            let outcome = bench.worker.respond(group, .success)
            outcomes.insert(outcome)
            var wait = SpinWait()
            while shared.turn.load(ordering: .acquiring) != 2 * round { wait.wait() }
            let answers = port.takeAnswers(tag: tag)
            let code: ResponseCode = outcome == .answered ? .success : .invalid
            #expect(answers == (1, Int(code.rawValue)), "round \(round)")
            _ = scheme.addDevice(RequesterID(1))
        }
        removals.join()
        #expect(!outcomes.isEmpty)
        bench.expectEmpty()
    }

    private final class Duel: Sendable {
        let turn: SharedAtomic<Int>
        init(_ turn: consuming SharedAtomic<Int>) { self.turn = turn }
    }

    static func all() {
        turnover()
        sizes()
        keys()
        crowds()
        flushes()
        removals()
        ends()
        discards()
        exhaustion()
    }
}
