import CPlatform
import FaultModel
import FaultQueues

/// What a handler carries through a burst, and what it finds wrong. One thread.
public struct HandlerBurst {
    @usableFromInline let words: UnsafeMutablePointer<BurstWords>
    @usableFromInline let reporters: Int
    /// Flushes of the flushed PASID that have returned; a group from before must not be handled.
    @usableFromInline let flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let servicePasses: Int
    @usableFromInline var service: ServiceTimes
    /// Pages whose handling fails, by their tags; none of the flushed PASID.
    @usableFromInline let failing: TagShare
    /// Distance of the tags of a group's pages; 0 where it is not known.
    @usableFromInline let pageStride: UInt64
    /// Where the pages of each group handled are noted, for a check of groups that may be short;
    /// otherwise a group with too few pages is wrong.
    @usableFromInline let seen: SeenPages?
    @usableFromInline var wait: PollWait
    @usableFromInline var groups = 0
    /// What is wrong with the pages of groups.
    @usableFromInline var check = GroupCheck()
    @usableFromInline var failedTries = 0
    /// Groups that this thread completed and has not handled another for.
    @usableFromInline var owed = 0
    /// Groups handled after the flush that they came before.
    @usableFromInline var afterFlush = 0
    /// Answers that were not sent because the group was answered already.
    @usableFromInline var late = 0

    /// - Parameters:
    ///   - reporters: Threads that finish a burst before its handlers may.
    ///   - service: Work on a group. The plain loops do its fixed passes for every group; the
    ///     varied ones draw, and divide by the pages that are handled.
    init(
        words: UnsafeMutablePointer<BurstWords>, reporters: Int,
        flushes: UnsafeMutablePointer<PaddedAtomic<UInt64>>, service: ServiceTimes,
        failing: TagShare, pageStride: Int = 0, seen: SeenPages? = nil, wait: PollWait
    ) {
        self.words = words
        self.reporters = reporters
        self.flushes = flushes
        self.service = service
        servicePasses = service.fixedPasses
        self.failing = failing
        self.pageStride = UInt64(pageStride)
        self.seen = seen
        self.wait = wait
    }

    /// Handles the pages of a group and checks them.
    @inlinable @inline(__always)
    mutating func handle(_ group: UnsafeMutablePointer<FaultGroup>) {
        let last = group.pointee.last
        checkFlush(last)
        check.pages(of: group, expected: last.privateData1 & 0xFFFF_FFFF)
        groups &+= 1
        work(servicePasses)
        if servicePasses > 0 { checkFlush(last) }
    }

    /// Handles the pages of a group up to the first that fails, and checks all; the group's answer.
    ///
    /// Models the loop over a group's faults in `iopf_handler`: after a failure the rest of the
    /// pages is left alone, and the first code that is not success is the response's. A call of its
    /// own in every loop: the compiler would inline it into some and not into others.
    @inlinable @inline(never)
    mutating func handleVaried(_ group: UnsafeMutablePointer<FaultGroup>) -> ResponseCode {
        let last = group.pointee.last
        checkFlush(last)
        var count = 0
        var handled = 0
        var hasFailed = false
        let canFail = !Self.isFlushed(last)
        var before: UInt64 = 0
        var place = group.pointee.pages
        while let page = place {
            let request = page.pointee.request
            check.check(request, last, &before)
            checkStride(request, following: page.pointee.next?.pointee.request ?? last)
            count &+= 1
            if !hasFailed {
                handled &+= 1
                hasFailed = canFail && failing.contains(request.privateData0)
            }
            place = page.pointee.next
        }
        check.check(last, last, &before)
        count &+= 1
        if !hasFailed {
            handled &+= 1
            hasFailed = canFail && failing.contains(last.privateData0)
        }
        checkCount(count, last)
        check.pages &+= count
        groups &+= 1
        work(service.draw() &* handled / count)
        checkFlush(last)
        return hasFailed ? .invalid : .success
    }

    /// Whether every reporter has made its last call.
    @inlinable @inline(__always)
    var reportersAreDone: Bool {
        // Acquiring: the reporters' last groups are visible to the next try.
        words.pointee.finishedProducers.value.load(ordering: .acquiring) == reporters
    }

    @inlinable @inline(__always)
    func work(_ passes: Int) {
        var left = passes
        while left > 0 {
            fq_opaque(UInt64(truncatingIfNeeded: left))
            left &-= 1
        }
    }

    /// A group that may be short still has no gap.
    @inlinable @inline(__always)
    mutating func checkStride(_ request: PageRequest, following: PageRequest) {
        if pageStride != 0 && request.privateData0 &+ pageStride != following.privateData0 {
            check.disordered &+= 1
        }
    }

    @inlinable @inline(__always)
    mutating func checkCount(_ count: Int, _ last: PageRequest) {
        let expected = Int(truncatingIfNeeded: last.privateData1 & 0xFFFF_FFFF)
        if let seen, count <= expected {
            if !seen.note(count, tag: last.privateData0) { check.incomplete &+= 1 }
        } else if count != expected {
            check.incomplete &+= 1
        }
    }

    @inlinable @inline(__always)
    static func isFlushed(_ last: PageRequest) -> Bool {
        last.header >> 16 & 0xFFFFF == RequestPattern.flushedPASIDBits
    }

    /// The high half of the last page's second private word says how many flushes had returned when
    /// a group of the flushed PASID was reported.
    @inlinable @inline(__always)
    mutating func checkFlush(_ last: PageRequest) {
        if !Self.isFlushed(last) { return }
        let returned = flushes.pointee.value.load(ordering: .acquiring)
        if last.privateData1 >> 32 < returned { afterFlush &+= 1 }
    }
}

/// How the groups of a workload are handled: known where a loop is specialised, so that the plain
/// loops pay nothing for the others.
public protocol HandlingKind {
    static func handle(
        _ group: UnsafeMutablePointer<FaultGroup>, _ burst: inout HandlerBurst
    ) -> ResponseCode
}

/// One service time, and no page fails.
public enum PlainHandling: HandlingKind {
    @inlinable @inline(__always)
    public static func handle(
        _ group: UnsafeMutablePointer<FaultGroup>, _ burst: inout HandlerBurst
    ) -> ResponseCode {
        burst.handle(group)
        return .success
    }
}

/// Drawn service times; pages may fail.
public enum VariedHandling: HandlingKind {
    @inlinable @inline(__always)
    public static func handle(
        _ group: UnsafeMutablePointer<FaultGroup>, _ burst: inout HandlerBurst
    ) -> ResponseCode {
        burst.handleVaried(group)
    }
}
