import FaultModel
import FaultQueues
import Testing

@testable import Harness

/// The guarantees of a sound reporting scheme, one case each, without concurrency but where a flush
/// may need a worker.
enum GuaranteeCases<Scheme: FaultReporting> {
    typealias Rig = ReportingRig<Scheme>

    /// G1: each completed group gets one answer, whatever the code. G2: no other request gets any.
    static func oneAnswerPerGroup() {
        let rig = Rig()
        var held: [Int] = []
        var last: [Int] = []
        for index in 0..<3 {
            held.append(rig.hold(index: index))
            held.append(rig.hold(index: index))
            last.append(rig.queue(index: index))
        }
        #expect(rig.port.answeredCount(lane: 0) == 0)
        for code in [ResponseCode.success, .invalid, .failure] {
            let group = rig.worker.take()!
            #expect(rig.worker.respond(group, code) == .answered)
            rig.worker.finish()
        }
        #expect(rig.worker.take() == nil)
        #expect(rig.port.answeredCount(lane: 0) == 3)
        for number in held { rig.expect(number) }
        let codes = last.map { rig.port.takeAnswers(tag: UInt64($0)) }
        #expect(codes.map(\.count) == [1, 1, 1])
        #expect(codes.reduce(0) { $0 + $1.codes } == 0 + 1 + 2)
        rig.end()
    }

    /// G3: a group is of one device, PASID (or none) and index, in order of arrival.
    static func groupsDoNotMix() {
        let rig = Rig(devices: [0x10, 0x20])
        let keys: [(device: UInt16, pasid: Int?, index: Int)] = [
            (0x10, 1, 0), (0x10, 2, 0), (0x10, 1, 511), (0x20, 1, 0), (0x10, nil, 0),
            (0x10, 0, 0), (0x10, 0xFFFFF, 511),
        ]
        var expected = [[Int]](repeating: [], count: keys.count)
        for _ in 0..<3 {
            for (place, key) in keys.enumerated() {
                expected[place].append(
                    rig.hold(device: key.device, pasid: key.pasid, index: key.index))
            }
        }
        for (place, key) in keys.enumerated().reversed() {
            expected[place].append(
                rig.queue(device: key.device, pasid: key.pasid, index: key.index))
        }
        let handled = rig.work()
        #expect(Set(handled) == Set(expected))
        #expect(handled.count == keys.count)
        rig.end()
    }

    /// G4: what was partial or handed off is gone after the flush; G6: the late answer does
    /// nothing.
    static func flushEndsThePASID() {
        let rig = Rig()
        let handedOff = rig.queue()
        let group = rig.worker.take()!
        rig.worker.finish()
        let partial = rig.hold()
        let queued = rig.queue(index: 1)
        rig.flush(pasid: 1)
        rig.expect(handedOff, answered: .invalid)
        rig.expect(partial)
        #expect(rig.port.takeAnswers(tag: UInt64(queued)).count == 1)
        #expect(rig.worker.respond(group, .success) == .notPending)
        rig.expect(handedOff)
        // The next owner of the PASID gets nothing of the last one's.
        let next = rig.queue()
        #expect(rig.work() == [[next]])
        rig.expect(next, answered: .success)
        rig.end()
    }

    /// G4: a flush returns after the handler that it waits for.
    static func flushWaitsForTheHandler() {
        let rig = Rig()
        _ = rig.queue()
        let group = rig.worker.take()!
        let hasStarted = Milestone()
        let hasReturned = Milestone()
        let scheme = rig.scheme
        let isHandled = PlainIntegers(repeating: 0)
        let flusher = DedicatedThread {
            hasStarted.set()
            scheme.flush(RequesterID(0x10), PASID(1)!)
            // Ordered by the flush alone.
            #expect(isHandled[0] == 1)
            hasReturned.set()
        }
        hasStarted.wait()
        for _ in 0..<50 {
            SpinWait.pause(times: 64)
            #expect(!hasReturned.isSet)
        }
        // Handed off, so that nothing but the handler's end can order what the flusher reads.
        isHandled[0] = 1
        rig.worker.finish()
        flusher.join()
        #expect(rig.worker.respond(group, .success) == .notPending)
        isHandled.free()
        rig.end()
    }

    /// G5: other PASIDs and devices keep what they have.
    static func flushLeavesOthers() {
        let rig = Rig(devices: [0x10, 0x20])
        // The flushed PASID's in front, between and behind.
        _ = rig.hold(pasid: 1)
        let other = rig.hold(pasid: 2)
        _ = rig.hold(pasid: 1)
        let none = rig.hold(pasid: nil)
        let device = rig.hold(device: 0x20, pasid: 1)
        _ = rig.hold(pasid: 1)
        let handedOff = rig.queue(pasid: 2, index: 9)
        let group = rig.worker.take()!
        rig.worker.finish()
        rig.flush(pasid: 1)
        rig.expect(handedOff)
        #expect(rig.worker.respond(group, .success) == .answered)
        rig.expect(handedOff, answered: .success)
        let last = [
            rig.queue(pasid: 1), rig.queue(pasid: 2), rig.queue(pasid: nil),
            rig.queue(device: 0x20, pasid: 1),
        ]
        #expect(
            Set(rig.work()) == [
                [last[0]], [other, last[1]], [none, last[2]], [device, last[3]],
            ])
        rig.end()
    }

    /// G7: removal answers, drops and ends; the device can come back. G6 with it.
    static func removalEndsTheDevice() {
        let rig = Rig(devices: [0x10, 0x20])
        let device = RequesterID(0x10)
        let partial = rig.hold()
        let taken = rig.queue(index: 1)
        let group = rig.worker.take()!
        let queued = rig.queue(index: 2)
        let other = rig.queue(device: 0x20)
        #expect(rig.scheme.removeDevice(device) == .removed)
        rig.expect(partial)
        rig.expect(taken, answered: .invalid)
        rig.expect(queued, answered: .invalid)
        rig.expect(other)
        #expect(rig.report().outcome == .noDevice)
        let late = rig.report(isLast: true)
        #expect(late.outcome == .noDevice)
        rig.expect(late.number)
        #expect(rig.scheme.removeDevice(device) == .unknown)

        #expect(rig.scheme.addDevice(device) == .added)
        #expect(rig.scheme.addDevice(device) == .busy)
        let next = rig.queue(index: 1)
        #expect(rig.worker.respond(group, .success) == .notPending)
        rig.worker.finish()
        rig.expect(taken)
        rig.expect(next)
        let handled = rig.work()
        #expect(handled.contains([next]) && handled.contains([other]))
        rig.expect(queued)
        rig.expect(next, answered: .success)
        rig.expect(other, answered: .success)
        rig.end()
    }

    /// G8: every device's partial requests go, groups stay.
    static func discardLeavesGroups() {
        let rig = Rig(devices: [0x10, 0x20])
        for index in 0..<5 { _ = rig.hold(index: index) }
        _ = rig.hold(device: 0x20)
        let queued = rig.queue(index: 7)
        #expect(rig.scheme.discardPartial() == 6)
        #expect(rig.scheme.discardPartial() == 0)
        let next = rig.queue(index: 0)
        #expect(Set(rig.work()) == [[queued], [next]])
        rig.end()
    }

    /// Without memory a page is dropped in silence, and a group is answered `.failure`.
    static func refusal() {
        let rig = Rig(maximumPages: 2)
        let first = rig.hold(index: 0)
        _ = rig.hold(index: 1)
        let dropped = rig.report(index: 2)
        #expect(dropped.outcome == .refused)
        let queued = [rig.queue(index: 4), rig.queue(index: 5)]
        let refused = rig.report(index: 1, isLast: true)
        #expect(refused.outcome == .refused)
        rig.expect(refused.number, answered: .failure)
        rig.expect(dropped.number)
        // The refused group's page is free again, the other's is still there.
        let again = rig.hold(index: 3)
        #expect(rig.work() == queued.map { [$0] })
        let last = [rig.queue(index: 0), rig.queue(index: 3)]
        #expect(Set(rig.work()) == [[first, last[0]], [again, last[1]]])
        rig.end()
    }

    /// The census tells partial pages and queued groups.
    static func census() {
        let rig = Rig(maximumDevices: 1)
        #expect(rig.scheme.addDevice(RequesterID(0x30)) == .noRoom)
        #expect(rig.scheme.removeDevice(RequesterID(0x30)) == .unknown)
        #expect(rig.report(device: 0x30).outcome == .noDevice)
        rig.scheme.flush(RequesterID(0x30), PASID(1)!)
        _ = rig.hold()
        _ = rig.hold(index: 1)
        _ = rig.queue(index: 1)
        rig.end(ReportingCensus(partialPages: 1, queuedGroups: 1, nodesOut: 3))
    }
}
