import FaultModel
import FaultQueues
import Glibc
import Testing

@testable import Harness

/// The seed of the randomised reporting tests: FQBENCH_TEST_SEED, or that of the other tests.
let reportingSeed: UInt64 =
    getenv("FQBENCH_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? testSeed

/// A request of a test: its lane and number are its tag at the response port.
func pageRequest(
    lane: Int = 0, _ number: Int, device: UInt16 = 0x10, pasid: Int? = 1, index: Int = 0,
    isLast: Bool = false, stamp: UInt64 = 0
) -> PageRequest {
    PageRequest(
        requester: RequesterID(device), pasid: pasid.flatMap { PASID($0) },
        index: PRGIndex(index)!, address: UInt64(number) << 12, permissions: .read,
        isLast: isLast, privateData0: UInt64(lane) << 48 | UInt64(number), privateData1: stamp)
}

/// A scheme with one reporter and one worker, all on the test's thread, and the port that counts
/// the answers.
final class ReportingRig<Scheme: FaultReporting> {
    let port = ResponsePort(lanes: 1, entries: 256)
    let scheme: Scheme
    var reporter: Scheme.Reporter
    var worker: Scheme.Worker
    private var lastNumber = 0

    init(devices: [UInt16] = [0x10], maximumDevices: Int = 4, maximumPages: Int = 64) {
        scheme = Scheme(
            ReportingConfiguration(
                maximumDevices: maximumDevices, maximumPages: maximumPages, port: port))
        reporter = scheme.makeReporter()
        worker = scheme.makeWorker()
        for device in devices { #expect(scheme.addDevice(RequesterID(device)) == .added) }
    }

    /// Reports a request with a number of its own; returns the number and the outcome.
    func report(
        device: UInt16 = 0x10, pasid: Int? = 1, index: Int = 0, isLast: Bool = false
    ) -> (number: Int, outcome: ReportOutcome) {
        lastNumber += 1
        let request = pageRequest(
            lastNumber, device: device, pasid: pasid, index: index, isLast: isLast)
        return (lastNumber, reporter.report(request))
    }

    func hold(device: UInt16 = 0x10, pasid: Int? = 1, index: Int = 0) -> Int {
        let (number, outcome) = report(device: device, pasid: pasid, index: index)
        #expect(outcome == .held)
        return number
    }

    func queue(device: UInt16 = 0x10, pasid: Int? = 1, index: Int = 0) -> Int {
        let (number, outcome) = report(device: device, pasid: pasid, index: index, isLast: true)
        #expect(outcome == .queued)
        return number
    }

    /// How often and how a request was answered, once it is looked at.
    func expect(_ number: Int, answered codes: ResponseCode...) {
        let answers = port.takeAnswers(tag: UInt64(number))
        #expect(answers.count == codes.count, "request \(number)")
        #expect(answers.codes == codes.reduce(0) { $0 + Int($1.rawValue) }, "request \(number)")
    }

    /// Numbers of the group's pages in its order.
    func numbers(of group: UnsafeMutablePointer<FaultGroup>) -> [Int] {
        var numbers: [Int] = []
        group.pointee.forEachPage { numbers.append(Int($0.privateData0)) }
        #expect(numbers.count == group.pointee.pageCount)
        return numbers
    }

    /// Takes, answers and finishes until nothing is queued; the numbers of the groups' pages.
    @discardableResult
    func work(_ code: ResponseCode = .success) -> [[Int]] {
        var handled: [[Int]] = []
        while let group = worker.take() {
            handled.append(numbers(of: group))
            _ = worker.respond(group, code)
            worker.finish()
        }
        return handled
    }

    /// Flushes from another thread while this one works, as a flush may wait for workers.
    func flush(device: UInt16 = 0x10, pasid: Int) {
        let isDone = Milestone()
        let scheme = scheme
        let thread = DedicatedThread {
            scheme.flush(RequesterID(device), PASID(pasid)!)
            isDone.set()
        }
        var wait = SpinWait()
        while !isDone.isSet {
            work()
            wait.wait()
        }
        thread.join()
    }

    /// Ends the endpoints; the structure must be empty but for what is named.
    func end(_ expected: ReportingCensus = ReportingCensus()) {
        scheme.retire(reporter)
        scheme.retire(worker)
        #expect(scheme.census() == expected)
        port.deallocate()
    }
}

/// Set once by one thread, looked at and waited for by others.
final class Milestone: Sendable {
    private let value = SharedAtomic<Bool>(false)

    func set() { value.store(true, ordering: .releasing) }
    var isSet: Bool { value.load(ordering: .acquiring) }

    func wait() {
        var spin = SpinWait()
        while !isSet { spin.wait() }
    }
}
