import FaultModel
import FaultOracle
import FaultQueues
import Measurement

/// What a reporter carries through a burst. One thread.
public struct ReporterBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    @usableFromInline let pattern: RequestPattern
    @usableFromInline let port: ResponsePort
    @usableFromInline let lane: Int
    @usableFromInline let credits: UInt64
    @usableFromInline var wait: PollWait
    /// Latencies of one report each; nil where only the rate counts.
    @usableFromInline let samples: LatencySamples?
    @usableFromInline var tag: SequenceTag
    /// Where in the pattern the next request is.
    @usableFromInline var place = 0
    /// The last sequence of this burst plus one: as many as the port can tell apart.
    @usableFromInline var sequenceLimit: UInt64 = 0
    /// Groups that were completed, and so are or will be answered.
    @usableFromInline var groups: UInt64 = 0
    @usableFromInline var cachedAnswered: UInt64 = 0
    /// The timekeeper's; `.max` for others.
    @usableFromInline var deadlineTicks: UInt64 = .max
    @usableFromInline var endTicks: UInt64 = 0
    @usableFromInline var failedTries = 0
    @usableFromInline var refused = 0
    @usableFromInline var unknownDevice = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, pattern: RequestPattern, port: ResponsePort,
        lane: Int, credits: Int, wait: PollWait, samples: LatencySamples?
    ) {
        self.words = words
        self.pattern = pattern
        self.port = port
        self.lane = lane
        self.credits = UInt64(credits)
        self.wait = wait
        self.samples = samples
        tag = SequenceTag(producer: lane)
    }

    /// The next request, tagged, and the burst moved on past it.
    @inlinable @inline(__always)
    mutating func nextRequest() -> PageRequest {
        let template = pattern.requests[place]
        let request = PageRequest(
            header: template.header, address: tag.address, privateData0: tag.rawValue,
            privateData1: template.privateData1)
        tag.advance()
        place &+= 1
        if place == pattern.count { place = 0 }
        return request
    }

    /// Whether another group may be unanswered.
    @inlinable @inline(__always)
    mutating func hasCredit() -> Bool {
        if groups &- cachedAnswered < credits { return true }
        cachedAnswered = port.answeredCount(lane: lane)
        return groups &- cachedAnswered < credits
    }

    /// Takes note of what became of a request; true where its group is complete.
    @inlinable @inline(__always)
    mutating func note(_ outcome: ReportOutcome, _ request: PageRequest) -> Bool {
        if outcome == .held { return false }
        if outcome == .queued {
            groups &+= 1
            return true
        }
        if outcome == .noDevice {
            unknownDevice &+= 1
        } else {
            refused &+= 1
            // The last one's group has been answered `.failure`.
            if request.isLast { groups &+= 1 }
        }
        return false
    }

    /// Whether the burst is over, looked at after every 32 passes; the one whose time or tags run
    /// out ends it for all.
    @inlinable @inline(__always)
    func isOver(_ passesToClock: inout UInt32) -> Bool {
        passesToClock &-= 1
        if passesToClock != 0 { return false }
        passesToClock = 32
        guard
            tag.sequence &+ 64 >= sequenceLimit
                || (deadlineTicks != .max && Ticks.now() >= deadlineTicks)
        else { return false }
        words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
        return true
    }
}
