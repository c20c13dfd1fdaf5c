import FaultModel
import FaultQueues
import Glibc
import Measurement

/// The thread that unbinds PASIDs under load: asks the devices to stop for one, waits until what
/// they had sent has been reported, flushes, and lets them go on as if the PASID were bound again.
struct Unbinder {
    private let words: UnsafeMutablePointer<UnbindWords>
    private let port: ResponsePort
    private let flush: @Sendable (RequesterID, PASID) -> Void
    private let keys: [PipelineScript.Key]
    private let pause: Duration
    private var number: UInt64 = 0
    private var place = 0
    /// From the request to the devices to the end of the flush, and the flush alone.
    let unbinds = LatencySamples(capacity: 1 << 16)
    let flushes = LatencySamples(capacity: 1 << 16)
    /// Groups of an unbound key that were not answered once when its flush returned.
    private(set) var unanswered = 0

    /// Longest sleep before the end of a burst is looked for.
    private static let longestSleepUs = 500.0

    init(
        words: UnsafeMutablePointer<UnbindWords>, port: ResponsePort,
        keys: [PipelineScript.Key], everyUs: Double,
        flush: @escaping @Sendable (RequesterID, PASID) -> Void
    ) {
        self.words = words
        self.port = port
        self.keys = keys
        self.flush = flush
        pause = .microseconds(everyUs)
        unbinds.touch()
        flushes.touch()
    }

    func deallocate() {
        unbinds.deallocate()
        flushes.deallocate()
    }

    /// Unbinds the keys of a burst in turn until the devices close it.
    mutating func run(_ burst: PlannedBurst) {
        let turn = burst.keys.filter { keys[$0].pasid != nil }
        while sleep() {
            if turn.isEmpty { continue }
            let key = turn[place % turn.count]
            place &+= 1
            if !unbind(key) { return }
        }
    }

    /// False where the burst ended meanwhile.
    private func sleep() -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + pause
        while true {
            if words.pointee.request.value.load(ordering: .relaxed)  // only ends the loop
                == UnbindWords.closed
            {
                return false
            }
            let left = (end - clock.now) / Duration.microseconds(1)
            if left <= 0 { return true }
            usleep(UInt32(min(left.rounded(.up), Self.longestSleepUs)))
        }
    }

    /// False where the devices had closed the burst.
    private mutating func unbind(_ number: Int) -> Bool {
        guard let pasid = keys[number].pasid else { return true }
        self.number &+= 1
        let start = Ticks.now()
        let request = UnbindWords.request(key: number, number: self.number)
        let (isAsked, _) = words.pointee.request.value.compareExchange(
            expected: UnbindWords.idle, desired: request,
            ordering: .relaxed)  // says nothing about other memory
        guard isAsked else { return false }
        var wait = SpinWait()
        // ORDER pipeline.stopped, acquire side. Pairs with the store in lookForUnbind().
        // Keeps: the counts of what was sent, which are read next.
        // If relaxed: the drain can wait for too few requests and the flush come too early.
        while words.pointee.stopped.value.load(ordering: .acquiring) != request { wait.wait() }
        let sent = words.pointee.sentAtStop.value.load(ordering: .relaxed)  // see above
        let groups = words.pointee.groupsAtStop.value.load(ordering: .relaxed)  // see above
        // ORDER pipeline.reported, acquire side. Pairs with the store in publish().
        // Keeps: the reports before the flush.
        // If relaxed: a flush can come before the last report that it is for.
        while words.pointee.reported.value.load(ordering: .acquiring) < sent { wait.wait() }
        let flushStart = Ticks.now()
        flush(keys[number].requester, pasid)
        let end = Ticks.now()
        // ORDER pipeline.epoch, release side. Pairs with the load in checkFlush().
        // Keeps: the flush before the word that says it is over.
        // If relaxed: a handler that ran during the flush could be taken for one after it.
        words.pointee.epochs[number].wrappingAdd(1, ordering: .releasing)
        if port.answeredCount(key: number) != groups { unanswered &+= 1 }
        flushes.record(from: flushStart, to: end)
        unbinds.record(from: start, to: end)
        // ORDER pipeline.unbind, release side. Pairs with the load in lookForUnbind().
        // Keeps: the key's new epoch before the end of the request.
        // If relaxed: a request after the unbind can carry the epoch from before it.
        words.pointee.request.value.store(UnbindWords.idle, ordering: .releasing)
        return true
    }
}
