import FaultOracle
import CPlatform
import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// What every sound scheme is expected to pass, whatever its type: one call per check and scheme.
enum ReportingChecks {
    /// Every list of up to three operations over two devices, two PASIDs and two indices, and every
    /// list of up to five over one device and one index.
    static func expectShortListsAgree(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let run = SequentialReporting { VerifiedReporting(Queue.self, $0) }
            let wide = ReportingLists.first(upTo: 3) { run.firstDifference($0) }
            #expect(wide.difference == nil, "\(Queue.structure)")
            // After a difference the structure is not as the next list expects it.
            guard wide.difference == nil else { return }
            let narrow = ReportingLists.first(
                upTo: fq_tsan_enabled() ? 4 : 5, devices: 1, pasids: 2, indices: 1
            ) { run.firstDifference($0) }
            #expect(narrow.difference == nil, "\(Queue.structure)")
            #expect(wide.count > 2000 && narrow.count > 2000, "the lists are not all there")
        }
        check(type)
    }

    /// Lists of 60 operations by chance.
    static func expectLongListsAgree(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            var random = SeededGenerator(seed: testSeed, stream: 1)
            let run = SequentialReporting { VerifiedReporting(Queue.self, $0) }
            for _ in 0..<200 {
                let difference = run.firstDifference(ReportingLists.random(60, &random))
                #expect(difference == nil, "\(Queue.structure), FQ_TEST_SEED=\(testSeed)")
                guard difference == nil else { return }
            }
        }
        check(type)
    }

    /// An exercise keeps the guarantees, and did what it is for.
    static func expectSound(_ type: any FaultReporting.Type, _ exercise: ReportingExercise) {
        func run<Queue: FaultReporting>(_ type: Queue.Type) -> ReportingExercise.Outcome {
            exercise.run { VerifiedReporting(Queue.self, $0) }
        }
        let outcome = run(type)
        let name = "\(type.structure), FQ_TEST_SEED=\(exercise.seed)"
        #expect(outcome.violations.isEmpty, "\(name): \(outcome.violations)")
        #expect(outcome.groups > 0 && outcome.flushes > 0, "\(name)")
    }

    /// With one and with two reporters, devices that come and go, and discards.
    static func expectSound(_ type: any FaultReporting.Type, seed: UInt64) {
        let requests = fq_tsan_enabled() ? 500 : 2000
        for (churns, discards) in [(true, false), (false, true), (true, true)] {
            for reporters in 1...2 {
                expectSound(
                    type,
                    ReportingExercise(
                        seed: seed, reporters: reporters, churns: churns, discards: discards,
                        requests: requests))
            }
        }
        expectSound(
            type, ReportingExercise(seed: seed, reporters: 2, isSilent: true, requests: 300))
    }

    /// More requests than there is memory for, in pools. Twice, so that a leak shows.
    static func expectRefusals(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let pages = 4
            let port = ResponsePort(lanes: 1, entries: 64)
            let queue = Queue(
                ReportingConfiguration(maximumDevices: 1, maximumPages: pages, port: port))
            #expect(queue.addDevice(RequesterID(1)) == .added)
            for round in 1...2 {
                var reporter = queue.makeReporter()
                let outcomes = (0..<pages + 2).map { number in
                    reporter.report(request(number, isLast: false))
                }
                let held = outcomes.count { $0 == .held }
                #expect(held >= 1 && held <= pages && outcomes.last == .refused, "\(outcomes)")
                #expect(port.answeredCount(lane: 0) == UInt64(round - 1), "a page was answered")
                let number = outcomes.count
                let outcome = reporter.report(request(number, isLast: true))
                var worker = queue.makeWorker()
                if let group = worker.take() {
                    // The scheme had memory left for a group, though none for a page.
                    #expect(outcome == .queued && group.pointee.pageCount == held + 1)
                    _ = worker.respond(group, .failure)
                    worker.finish()
                } else {
                    #expect(outcome == .refused)
                }
                let answer = port.takeAnswers(tag: UInt64(number))
                #expect(answer.count == 1 && answer.codes == Int(ResponseCode.failure.rawValue))
                queue.retire(reporter)
                queue.retire(worker)
                #expect(queue.census() == ReportingCensus(), "\(Queue.structure), round \(round)")
            }
            port.deallocate()
        }
        check(type)
    }

    /// Two devices fit, a third does not; the two can come back.
    static func expectRoomForDevices(_ type: any FaultReporting.Type) {
        func check<Queue: FaultReporting>(_: Queue.Type) {
            let port = ResponsePort(lanes: 1, entries: 64)
            let queue = Queue(
                ReportingConfiguration(maximumDevices: 2, maximumPages: 8, port: port))
            var reporter = queue.makeReporter()
            #expect(reporter.report(request(0, isLast: true)) == .noDevice)
            #expect(queue.removeDevice(RequesterID(1)) == .unknown)
            queue.flush(RequesterID(1), PASID(1)!)
            #expect(queue.addDevice(RequesterID(1)) == .added)
            #expect(queue.addDevice(RequesterID(2)) == .added)
            #expect(queue.addDevice(RequesterID(3)) == .noRoom)
            #expect(queue.addDevice(RequesterID(2)) == .busy)
            #expect(queue.removeDevice(RequesterID(1)) == .removed)
            #expect(queue.removeDevice(RequesterID(1)) == .unknown)
            #expect(queue.addDevice(RequesterID(1)) == .added)
            #expect(reporter.report(request(1, isLast: false)) == .held)
            #expect(queue.discardPartial() == 1)
            #expect(port.answeredCount(lane: 0) == 0)
            queue.retire(reporter)
            #expect(queue.census() == ReportingCensus(), "\(Queue.structure)")
            port.deallocate()
        }
        check(type)
    }

    /// A request without a PASID neither joins the groups of PASID 0 nor is flushed with them.
    static func withoutPASID<Queue: FaultReporting>(_: Queue.Type) -> String? {
        let port = ResponsePort(lanes: 1, entries: 64)
        let queue = Queue(ReportingConfiguration(maximumDevices: 1, maximumPages: 8, port: port))
        defer { port.deallocate() }
        _ = queue.addDevice(RequesterID(1))
        var reporter = queue.makeReporter()
        var worker = queue.makeWorker()
        _ = reporter.report(request(0, isLast: false, pasid: nil))
        _ = reporter.report(request(1, isLast: false, pasid: PASID(0)))
        queue.flush(RequesterID(1), PASID(0)!)
        _ = reporter.report(request(2, isLast: true, pasid: PASID(0)))
        _ = reporter.report(request(3, isLast: true, pasid: nil))
        var numbers: [[UInt64]] = []
        while let group = worker.take() {
            var pages: [UInt64] = []
            group.pointee.forEachPage { pages.append($0.privateData0) }
            numbers.append(pages)
            _ = worker.respond(group, .success)
            worker.finish()
        }
        queue.retire(reporter)
        queue.retire(worker)
        if queue.census() != ReportingCensus() { return "left behind: \(queue.census())" }
        return Set(numbers) == [[2], [0, 3]] ? nil : "groups \(numbers)"
    }

    private static func request(
        _ number: Int, isLast: Bool, pasid: PASID? = PASID(1)
    ) -> PageRequest {
        PageRequest(
            requester: RequesterID(1), pasid: pasid, index: PRGIndex(0)!, address: 0,
            permissions: .read, isLast: isLast, privateData0: UInt64(number))
    }
}
