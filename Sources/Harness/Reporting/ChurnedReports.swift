import FaultModel
import FaultQueues

/// What a reporter carries through a burst beside its own, where devices come and go. One thread.
public struct ChurnedReports {
    /// A group that is being assembled, by its slot in the pattern.
    @usableFromInline
    struct Slot: BitwiseCopyable {
        /// The device's number before the first page was reported.
        @usableFromInline var firstNumber: UInt64
        /// A page found no device: the rest is not reported.
        @usableFromInline var isAbandoned = false
        /// A page found no memory: it is missing.
        @usableFromInline var lacksPage = false

        @inlinable
        init(firstNumber: UInt64) { self.firstNumber = firstNumber }
    }

    /// What a reporter remembers of a completed group. Zero for nothing.
    struct Completion {
        var rawValue: UInt64
        /// Its device was removed, or may have been, between its first page and its last.
        var mayBeShort: Bool { rawValue & 2 != 0 }
        /// No memory for it: answered `.failure` at once.
        var isRefused: Bool { rawValue & 4 != 0 }
        /// The device's number before the last page was reported.
        var number: UInt64 { rawValue >> 3 }
    }

    @usableFromInline let phases: DevicePhases
    private let openGroups: Int
    @usableFromInline let slots: UnsafeMutablePointer<Slot>
    @usableFromInline let completions: UnsafeMutablePointer<UInt64>
    /// Tags that can be told apart, a power of two.
    @usableFromInline let entries: Int
    /// How to wait where the device is out.
    @usableFromInline var wait: PollWait
    /// Requests held or queued.
    @usableFromInline var accepted = 0
    /// Groups queued.
    @usableFromInline var queued = 0
    /// Requests that found no device.
    @usableFromInline var refused = 0
    /// Requests that found no memory: what a removal answers is still queued for the workers.
    @usableFromInline var withoutMemory = 0
    /// Requests refused although their device was there throughout, or taken although it was not.
    @usableFromInline var wrong = 0

    init(phases: DevicePhases, openGroups: Int, entries: Int, wait: PollWait) {
        self.phases = phases
        self.openGroups = openGroups
        self.entries = entries
        self.wait = wait
        slots = allocateShared(count: openGroups) { _ in Slot(firstNumber: 0) }
        completions = allocateShared(zeroed: UInt64.self, count: entries)
    }

    func deallocate() {
        freeShared(slots, count: openGroups)
        freeShared(completions, count: entries)
    }

    @inlinable @inline(__always)
    func entry(_ tag: UInt64) -> Int { Int(truncatingIfNeeded: tag) & (entries &- 1) }

    /// Before a request is reported: the device's number, or nil where its group was abandoned.
    @inlinable @inline(__always)
    func begin(_ template: RequestPattern.Place) -> UInt64? {
        let slot = slots + template.slot
        if template.isFirst {
            let number = phases.number(template.device)
            slot.pointee = Slot(firstNumber: number)
            return number
        }
        return slot.pointee.isAbandoned ? nil : phases.number(template.device)
    }

    /// After it was reported. True where it was kept.
    @inlinable @inline(__always)
    mutating func end(
        _ outcome: ReportOutcome, _ request: PageRequest, _ template: RequestPattern.Place,
        before: UInt64
    ) -> Bool {
        let after = phases.number(template.device)
        let slot = slots + template.slot
        if outcome == .noDevice {
            if before == after && before & 3 == 0 { wrong &+= 1 }
            slot.pointee.isAbandoned = true
            refused &+= 1
            wait.failed()
            return false
        }
        if before == after && before & 3 == 2 { wrong &+= 1 }
        wait.succeeded()
        if outcome == .refused {
            withoutMemory &+= 1
            slot.pointee.lacksPage = true
        } else {
            accepted &+= 1
        }
        if request.isLast {
            let isShort = slot.pointee.firstNumber != after || slot.pointee.lacksPage
            completions[entry(request.privateData0)] =
                before << 3 | (outcome == .refused ? 4 : 0) | (isShort ? 2 : 0) | 1
            if outcome == .queued { queued &+= 1 }
        }
        return outcome != .refused
    }

    /// What became of the group whose last request has the tag; nil where it was not completed.
    func takeCompletion(tag: UInt64) -> Completion? {
        let word = completions[entry(tag)]
        completions[entry(tag)] = 0
        return word == 0 ? nil : Completion(rawValue: word)
    }

    /// Whether the device was removed, or may have been, after a group of it was completed.
    func wasRemoved(_ device: Int, since completion: Completion) -> Bool {
        completion.number & 3 == 1 || phases.number(device) != completion.number
    }

    var violations: [String] {
        wrong > 0
            ? ["\(wrong) reports whose outcome does not fit whether their device was there"] : []
    }
}
