import FaultModel
import FaultOracle
import FaultQueues
import Measurement

/// The flushed PASID's own requests and what a flush must have done to them. One thread.
public struct FlushBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    @usableFromInline let device: RequesterID
    @usableFromInline let pasid = RequestPattern.flushedPASID
    @usableFromInline let backlog: UInt64
    @usableFromInline let samples: LatencySamples
    @usableFromInline let port: ResponsePort
    @usableFromInline let lane: Int
    @usableFromInline let flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    /// Of the flushed PASID's requests at each flush, and a zero.
    @usableFromInline let headers: UnsafeMutablePointer<UInt64>
    @usableFromInline var tag: SequenceTag
    @usableFromInline var done = 0
    /// A burst ends where `done` has come here.
    @usableFromInline var limit: Int = .max
    /// Groups of the PASID that were not answered when its flush returned, or not once.
    @usableFromInline var unanswered = 0
    /// Requests of the PASID that were not taken.
    @usableFromInline var refused = 0
    /// Groups that the flush answered, or a removal: `.invalid`, as no handler answers them.
    @usableFromInline var settled = 0
    @usableFromInline var sent: UInt64 = 0

    /// Complete groups of the flushed PASID at each flush, and then one page of another.
    @inlinable static var ownGroups: Int { 4 }
    /// All requests of the flushed PASID at each flush.
    @inlinable static var ownRequests: Int { ownGroups &+ 1 }

    /// - Parameter backlog: Groups of other PASIDs that are unanswered when a flush begins.
    init(
        words: UnsafeMutablePointer<BurstWords>, device: RequesterID, backlog: Int,
        samples: LatencySamples, port: ResponsePort, lane: Int,
        flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    ) {
        self.words = words
        self.device = device
        self.backlog = UInt64(backlog)
        self.samples = samples
        self.port = port
        self.lane = lane
        self.flushes = flushes
        tag = SequenceTag(producer: lane)
        headers = allocateShared(count: Self.ownRequests + 1) { number in
            if number == Self.ownRequests { return 0 }
            return PageRequest(
                requester: device, pasid: RequestPattern.flushedPASID, index: PRGIndex(number)!,
                address: 0, permissions: .read, isLast: number < Self.ownGroups,
                responseNeedsPASID: true
            ).header
        }
    }

    /// Flushes that a burst may have: what they answer may stay with the workers until its end, and
    /// must fit into memory.
    static let mostPerBurst = 3276

    /// Before a burst.
    mutating func begin() { limit = done + Self.mostPerBurst }

    func deallocate() { freeShared(headers, count: Self.ownRequests + 1) }

    /// Whether there is such a request. Looked up and not compared with their number, or some
    /// compiler unrolls the loop over them for one scheme and not for another.
    @inlinable @inline(__always)
    func hasRequest(_ number: Int) -> Bool { headers[number] != 0 }

    /// A request of the flushed PASID for the next flush.
    @inlinable @inline(__always)
    func request(_ number: Int) -> PageRequest {
        let isLast = number < Self.ownGroups
        return PageRequest(
            header: headers[number], address: tag.address, privateData0: tag.rawValue,
            privateData1: isLast ? UInt64(truncatingIfNeeded: done) << 32 | 1 : 0)
    }

    /// Takes note of what became of a request.
    @inlinable @inline(__always)
    mutating func note(_ outcome: ReportOutcome, _ number: Int) {
        if outcome != .held { sent &+= 1 }
        if outcome != (number < Self.ownGroups ? .queued : .held) { refused &+= 1 }
        tag.advance()
    }

    /// Checks the answers to the groups of the flush that has just returned.
    @inlinable @inline(__always)
    mutating func finishOne() {
        done &+= 1
        // ORDER of the check: a handler that sees this count and still runs is too late.
        flushes.pointee.value.store(UInt64(truncatingIfNeeded: done), ordering: .releasing)
        if port.answeredCount(lane: lane) != sent { unanswered &+= 1 }
        var earlier = tag
        earlier.rawValue &-= UInt64(truncatingIfNeeded: Self.ownRequests)
        for _ in 0..<Self.ownGroups {
            let answers = port.takeAnswers(tag: earlier.rawValue)
            if answers.count != 1 { unanswered &+= 1 }
            if answers.codes == 1 { settled &+= 1 }
            earlier.advance()
        }
    }
}
