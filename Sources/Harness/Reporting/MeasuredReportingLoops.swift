import CPlatform
import FaultModel
import FaultOracle
import FaultQueues
import Measurement

// The measured loops of the reporting subject; see MeasuredLoops.swift for what they may hold.

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
}

/// What a handler carries through a burst, and what it finds wrong. One thread.
public struct HandlerBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    @usableFromInline let reporters: Int
    /// Flushes of the flushed PASID that have returned; a group from before must not be handled.
    @usableFromInline let flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let servicePasses: Int
    @usableFromInline var wait: PollWait
    @usableFromInline var groups = 0
    @usableFromInline var pages = 0
    @usableFromInline var failedTries = 0
    /// Groups that this thread completed and has not handled another for.
    @usableFromInline var owed = 0
    /// Pages of another key than the last's.
    @usableFromInline var mixed = 0
    /// Pages out of order of arrival.
    @usableFromInline var disordered = 0
    /// Groups with too few or too many pages.
    @usableFromInline var incomplete = 0
    /// Groups handled after the flush that they came before.
    @usableFromInline var afterFlush = 0
    /// Answers that were not sent because the group was answered already.
    @usableFromInline var late = 0

    init(
        words: UnsafeMutablePointer<BurstWords>, reporters: Int,
        flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>, servicePasses: Int, wait: PollWait
    ) {
        self.words = words
        self.reporters = reporters
        self.flushes = flushes
        self.servicePasses = servicePasses
        self.wait = wait
    }

    /// Requester, PASID, index and whether the PASID is valid: what a group has in common.
    @inlinable
    static var keyMask: UInt64 { (1 << 45 - 1) | 1 << 49 }

    /// Handles the pages of a group and checks them.
    @inlinable @inline(__always)
    mutating func handle(_ group: UnsafeMutablePointer<FaultGroup>) {
        let last = group.pointee.last
        checkFlush(last)
        var count = 0
        var before: UInt64 = 0
        var place = group.pointee.pages
        while let page = place {
            let request = page.pointee.request
            check(request, last, &before)
            count &+= 1
            place = page.pointee.next
        }
        check(last, last, &before)
        count &+= 1
        if UInt64(truncatingIfNeeded: count) != last.privateData1 & 0xFFFF_FFFF {
            incomplete &+= 1
        }
        pages &+= count
        groups &+= 1
        var left = servicePasses
        while left > 0 {
            fq_opaque(UInt64(truncatingIfNeeded: left))
            left &-= 1
        }
        if servicePasses > 0 { checkFlush(last) }
    }

    @inlinable @inline(__always)
    mutating func check(_ request: PageRequest, _ last: PageRequest, _ before: inout UInt64) {
        if (request.header ^ last.header) & Self.keyMask != 0 { mixed &+= 1 }
        // Tags begin at 0, so the comparison is with one more than the tag.
        if request.privateData0 &+ 1 <= before { disordered &+= 1 }
        before = request.privateData0 &+ 1
    }

    /// The high half of the last page's second private word says how many flushes had returned when
    /// a group of the flushed PASID was reported.
    @inlinable @inline(__always)
    mutating func checkFlush(_ last: PageRequest) {
        if last.header >> 16 & 0xFFFFF != RequestPattern.flushedPASIDBits { return }
        let returned = flushes.pointee.value.load(ordering: .acquiring)
        if last.privateData1 >> 32 < returned { afterFlush &+= 1 }
    }
}

/// Reports as fast as credits allow until the timekeeper ends the burst.
@inlinable @inline(never)
public func measuredReports<Reporter: FaultReporter>(
    _ endpoint: inout Reporter, _ burst: inout ReporterBurst
) {
    var passesToClock: UInt32 = 32
    while burst.words.pointee.stop.value.load(ordering: .relaxed) == 0 {  // only ends the loop
        passesToClock &-= 1
        if passesToClock == 0 {
            passesToClock = 32
            if burst.tag.sequence &+ 64 >= burst.sequenceLimit
                || (burst.deadlineTicks != .max && Ticks.now() >= burst.deadlineTicks)
            {
                burst.words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
                break
            }
        }
        if !burst.hasCredit() {
            burst.failedTries &+= 1
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        let request = burst.nextRequest()
        let start = burst.samples == nil ? 0 : Ticks.now()
        let outcome = endpoint.report(request)
        if let samples = burst.samples { samples.record(from: start, to: Ticks.now()) }
        _ = burst.note(outcome, request)
    }
    burst.endTicks = Ticks.now()
    burst.words.pointee.finishProducer()
}

/// Reports, and answers what is complete on the same thread: a group for every group. A try that
/// finds none, because another reporter's hand-over stands before this one's, is made up for later.
@inlinable @inline(never)
public func measuredInlineReports<Reporter: FaultReporter, Worker: FaultWorker>(
    _ endpoint: inout Reporter, _ worker: inout Worker, _ burst: inout ReporterBurst,
    _ handler: inout HandlerBurst
) {
    var passesToClock: UInt32 = 32
    while burst.words.pointee.stop.value.load(ordering: .relaxed) == 0 {  // only ends the loop
        passesToClock &-= 1
        if passesToClock == 0 {
            passesToClock = 32
            if burst.tag.sequence &+ 64 >= burst.sequenceLimit
                || (burst.deadlineTicks != .max && Ticks.now() >= burst.deadlineTicks)
            {
                burst.words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
                break
            }
        }
        let hasCredit = burst.hasCredit()
        if hasCredit {
            let request = burst.nextRequest()
            let start = burst.samples == nil ? 0 : Ticks.now()
            let outcome = endpoint.report(request)
            if let samples = burst.samples { samples.record(from: start, to: Ticks.now()) }
            if burst.note(outcome, request) { handler.owed &+= 1 }
            burst.wait.succeeded()
        } else {
            burst.failedTries &+= 1
            burst.wait.failed()
        }
        while !hasCredit || handler.owed > 0, let group = worker.take() {
            handler.owed = max(0, handler.owed &- 1)
            handler.handle(group)
            if worker.respond(group, .success) != .answered { handler.late &+= 1 }
            worker.finish()
        }
    }
    burst.endTicks = Ticks.now()
    handler.owed = 0
    burst.words.pointee.finishProducer()
    measuredHandling(&worker, &handler)
}

/// Takes, handles and answers groups until the reporters have finished and nothing is queued.
@inlinable @inline(never)
public func measuredHandling<Worker: FaultWorker>(
    _ endpoint: inout Worker, _ burst: inout HandlerBurst
) {
    var reportersAreDone = false
    while true {
        guard let group = endpoint.take() else {
            burst.failedTries &+= 1
            if reportersAreDone { break }
            // Acquiring: the reporters' last groups are visible to the next try.
            reportersAreDone =
                burst.words.pointee.finishedProducers.value.load(ordering: .acquiring)
                == burst.reporters
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        burst.handle(group)
        if endpoint.respond(group, .success) != .answered { burst.late &+= 1 }
        endpoint.finish()
    }
}

/// Keeps a backlog of other PASIDs unanswered and flushes one PASID over and over, each time with
/// complete groups and a partial one of its own.
@inlinable @inline(never)
public func measuredFlushes<Structure: FaultReporting>(
    _ structure: Structure, _ endpoint: inout Structure.Reporter, _ burst: inout ReporterBurst,
    _ own: inout FlushBurst
) {
    while true {
        while burst.groups &- burst.port.answeredCount(lane: burst.lane) < own.backlog {
            let request = burst.nextRequest()
            _ = burst.note(endpoint.report(request), request)
        }
        own.offer { endpoint.report($0) }
        let start = Ticks.now()
        structure.flush(own.device, RequestPattern.flushedPASID)
        let end = Ticks.now()
        own.samples.record(from: start, to: end)
        own.finishOne()
        if end >= burst.deadlineTicks || burst.tag.sequence &+ 1 << 15 >= burst.sequenceLimit {
            break
        }
    }
    burst.endTicks = Ticks.now()
    burst.words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
    burst.words.pointee.finishProducer()
}

/// The flushed PASID's own requests and what a flush must have done to them. One thread.
public struct FlushBurst {
    @usableFromInline let device: RequesterID
    @usableFromInline let backlog: UInt64
    @usableFromInline let samples: LatencySamples
    @usableFromInline let port: ResponsePort
    @usableFromInline let lane: Int
    @usableFromInline let flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline var tag: SequenceTag
    @usableFromInline var done = 0
    /// Groups of the PASID that were not answered when its flush returned, or not once.
    @usableFromInline var unanswered = 0
    @usableFromInline var sent: UInt64 = 0

    /// Complete groups of the flushed PASID at each flush, and then one page of another.
    @inlinable static var ownGroups: Int { 4 }

    init(
        device: RequesterID, backlog: Int, samples: LatencySamples, port: ResponsePort, lane: Int,
        flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    ) {
        self.device = device
        self.backlog = UInt64(backlog)
        self.samples = samples
        self.port = port
        self.lane = lane
        self.flushes = flushes
        tag = SequenceTag(producer: lane)
    }

    @inlinable @inline(__always)
    mutating func offer(_ report: (PageRequest) -> ReportOutcome) {
        for number in 0...Self.ownGroups {
            let isLast = number < Self.ownGroups
            let request = PageRequest(
                requester: device, pasid: RequestPattern.flushedPASID,
                index: PRGIndex(number).unsafelyUnwrapped, address: tag.address,
                permissions: .read, isLast: isLast, responseNeedsPASID: true,
                privateData0: tag.rawValue,
                privateData1: isLast ? UInt64(truncatingIfNeeded: done) << 32 | 1 : 0)
            if report(request) != .held { sent &+= 1 }
            tag.advance()
        }
    }

    /// Checks the answers to the groups of the flush that has just returned.
    @inlinable @inline(__always)
    mutating func finishOne() {
        done &+= 1
        // ORDER of the check: a handler that sees this count and still runs is too late.
        flushes.pointee.value.store(UInt64(truncatingIfNeeded: done), ordering: .releasing)
        if port.answeredCount(lane: lane) != sent { unanswered &+= 1 }
        var earlier = tag
        earlier.rawValue &-= UInt64(truncatingIfNeeded: Self.ownGroups &+ 1)
        for _ in 0..<Self.ownGroups {
            if port.takeAnswers(tag: earlier.rawValue).count != 1 { unanswered &+= 1 }
            earlier.advance()
        }
    }
}
