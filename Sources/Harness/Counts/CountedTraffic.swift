import CPlatform
import FaultModel
import FaultOracle
import FaultQueues
import Foundation
import Measurement

/// One scheme's operations on one thread, without another in its way, for counting what they
/// execute: the loops of a trial, but the same number of requests each time and no clock that
/// decides anything.
///
/// After a warm-up there are two counted runs, each between two calls of `fq_count_mark`, the
/// second with twice the chunks of the first. What it has more belongs to the requests that it has
/// more.
public enum CountedTraffic {
    /// Chunks of the warm-up and of the counted runs. As many as the pages of 16 groups: chunks end
    /// inside groups, and runs between them.
    private static let chunks = [16, 16, 32]
    /// Requests that a ring holds before they are taken out, 16 times in a chunk.
    private static let ringRequests = 16
    /// Least requests of a chunk of reports: the loop looks at every 32nd pass whether it is over.
    private static let leastReports: UInt64 = 256

    /// What one run did.
    public struct Run: Codable, Sendable, Equatable {
        public let requests: Int
        /// As jemalloc counts them; nil where it is not `malloc`.
        public let allocatedBytes: UInt64?
    }

    /// Enqueues and dequeues on one ring: 16 in, then 16 out, one by one.
    ///
    /// - Returns: The two counted runs.
    /// - Throws: `SuiteError` where the ring lost or reordered requests.
    public static func run(_ scheme: RingScheme) throws -> [Run] {
        let words = allocateShared(initial: BurstWords())
        let buffer = allocateShared(zeroed: PageRequest.self, count: 1)
        defer {
            freeShared(words, count: 1)
            freeShared(buffer, count: 1)
        }
        let ring = scheme.make(RingConfiguration(capacity: 2 * ringRequests))
        let producer = scheme.makeProducer(ring)
        let consumer = scheme.makeConsumer(ring)
        defer {
            producer.release()
            consumer.release()
        }
        let wait = PollWait(isOversubscribed: false)
        let think = ThinkTime(bound: 0, seed: 0)
        var send = ProducerBurst(
            words: words, producer: 0, wait: wait, think: think, stamps: false)
        var receive = ConsumerBurst(
            words: words, buffer: buffer, batch: 1, producers: 1, wait: wait, think: think,
            acknowledges: false, samples: nil)
        let runs = counted {
            let before = send.tag.sequence
            for _ in 0..<16 {
                words.pointee.prepare()
                producer.call(&send, ringRequests)
                words.pointee.finishProducer()
                consumer.drain(&receive)
            }
            return Int(send.tag.sequence - before)
        }
        let violations = DeliveryCheck.violations(
            in: [receive.check.view], accepted: [send.tag.sequence])
        if let first = violations.first { throw SuiteError("\(scheme.name): \(first)") }
        return runs
    }

    /// Reports, takes, answers and finishes groups of `groupSize` pages on one structure; a group
    /// of more than one is assembled together with as many others.
    ///
    /// - Parameter groupSize: 1, 2, 4, 8 or 16.
    /// - Returns: The two counted runs.
    /// - Throws: `SuiteError` where a group was lost or wrong.
    public static func run(_ scheme: ReportingScheme, groupSize: Int) throws -> [Run] {
        let workload = try JSONDecoder().decode(
            ReportingWorkload.self,
            from: Data(
                """
                {"name": "counted", "observe": "reports", "workers": 0,
                 "groupSize": \(groupSize), "openGroups": \(groupSize)}
                """.utf8))
        let port = ResponsePort(lanes: 1, entries: 1 << 15)
        let words = allocateShared(initial: BurstWords())
        let flushes = allocateShared(initial: PaddedAtomic<UInt64>(0))
        let pattern = RequestPattern(workload, lane: 0)
        let service = ServiceTimes(.fixed, passes: 0, seed: 0)
        defer {
            freeShared(words, count: 1)
            freeShared(flushes, count: 1)
            pattern.deallocate()
            service.deallocate()
            port.deallocate()
        }
        let instance = scheme.make(
            ReportingConfiguration(maximumDevices: 1, maximumPages: 1024, port: port))
        guard instance.addDevice(RequestPattern.device(0)) == .added else {
            throw SuiteError("\(scheme.name): takes no device")
        }
        let end = instance.makeReporter()
        defer { end.release() }
        let wait = PollWait(isOversubscribed: false)
        var burst = ReporterBurst(
            words: words, pattern: pattern, port: port, lane: 0, credits: workload.credits,
            wait: wait, samples: nil)
        var handler = HandlerBurst(
            words: words, reporters: 1, flushes: flushes, service: service,
            failing: TagShare(0, salt: 0), pageStride: groupSize, wait: wait)
        let runs = counted {
            words.pointee.prepare()
            let before = burst.tag.sequence
            // The loop ends where fewer than 64 are left.
            burst.sequenceLimit = before + leastReports + 64
            end.reportInline(&burst, &handler)
            return Int(burst.tag.sequence - before)
        }
        var violations = burst.violations + handler.violations
        let groups = Int(burst.tag.sequence) / groupSize
        if handler.groups != groups || handler.late > 0 {
            violations.append("\(groups) groups expected, \(handler.groups) handled")
        }
        if let first = violations.first { throw SuiteError("\(scheme.name): \(first)") }
        return runs
    }

    /// The counted runs, between marks, after the warm-up.
    ///
    /// - Parameter chunk: Does a chunk and returns its requests.
    private static func counted(_ chunk: () -> Int) -> [Run] {
        let allocations = AllocationCounters.current()
        func run(_ length: Int) -> Int { (0..<length).reduce(0) { sum, _ in sum + chunk() } }
        _ = run(chunks[0])
        return chunks.dropFirst().map { length in
            let before = allocations?.allocatedBytes ?? 0
            fq_count_mark()
            let done = run(length)
            fq_count_mark()
            return Run(
                requests: done, allocatedBytes: allocations.map { $0.allocatedBytes - before })
        }
    }
}
