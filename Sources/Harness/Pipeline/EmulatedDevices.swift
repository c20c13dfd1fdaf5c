import FaultModel
import FaultQueues
import Measurement

/// The devices of a pipeline trial: send what is planned when it comes due, within each device's
/// credits; send again what an overflow dropped; stop for a PASID that is being unbound.
///
/// A device whose page was dropped sends no further page of that group, and all open groups are
/// sent again as a whole, because software discards the partial ones when it acknowledges the
/// overflow. Where nothing can be sent for a long time because answers stay away, the devices send
/// nothing any more, so that a structure which loses groups fails its check instead of standing
/// still. Owned by one thread.
public struct EmulatedDevices {
    private struct Device {
        /// Pages accepted by the ring and not given up since.
        var sent: UInt64 = 0
        /// Pages answered, when last looked at.
        var answered: UInt64 = 0
        /// Pages that wait for credit, first and last; −1 for none.
        var firstWaiting: Int32 = -1
        var lastWaiting: Int32 = -1
        var nextIndex: UInt16 = 0
    }

    private struct Key {
        var groups: UInt64 = 0
        var isStopped = false
    }

    private struct Retry {
        let group: Int32
        let dueTicks: UInt64
    }

    /// Numbers of requests in a burst, retries included.
    static let sequences = 1 << 17

    private var ring: SPSCRing.Producer
    private let words: UnsafeMutablePointer<UnbindWords>
    private let port: ResponsePort
    /// When the group that a request completes was meant to arrive; 0 for the other requests.
    private let intended: UnsafeMutablePointer<UInt64>
    private let credits: UInt64
    private let retryTicks: UInt64
    private let patienceTicks: UInt64
    private let devices: UnsafeMutablePointer<Device>
    private let keys: UnsafeMutablePointer<Key>
    /// A flag per device and index: a group of several pages is open there.
    private let indexInUse: UnsafeMutablePointer<Bool>
    private let openGroups: UnsafeMutablePointer<Int32>
    private let retries: UnsafeMutablePointer<Retry>
    private let blocked: UnsafeMutablePointer<Int32>
    private let counts: (devices: Int, keys: Int, groups: Int)

    private var plan: PlannedBurst?
    private var startTicks: UInt64 = 0
    private var next = 0
    private var openCount = 0
    private var retryCount = 0
    private var earliestRetry = UInt64.max
    private var blockedCount = 0
    private var request = UnbindWords.idle
    /// When pages that wait were last seen to move; 0 where none wait.
    private var waitTicks: UInt64 = 0
    private var sentBeforeWait: UInt64 = 0
    /// When the first drop of the present overflow was; 0 where there is none.
    private var overflowTicks: UInt64 = 0

    /// Sequence of the next request of this burst.
    private(set) var sequence: UInt64 = 0
    /// Requests accepted by the ring, ever.
    private(set) var sent: UInt64 = 0
    /// Groups and pages completely accepted.
    private(set) var groups: UInt64 = 0
    private(set) var pages = 0
    private(set) var overflows = 0
    private(set) var dropped = 0
    private(set) var retried = 0
    private(set) var cancelled = 0
    private(set) var blockings = 0
    /// Groups that found no sequence left.
    private(set) var unnumbered = 0
    /// Whether answers stayed away for so long that nothing more is sent, ever.
    private(set) var hasGivenUp = false
    /// From the first drop of an overflow to the next accepted request.
    let recoveries: LatencySamples

    init(
        ring: SPSCRing.Producer, words: UnsafeMutablePointer<UnbindWords>, port: ResponsePort,
        intended: UnsafeMutablePointer<UInt64>, script: PipelineScript, credits: Int,
        retryTicks: UInt64, patienceTicks: UInt64
    ) {
        self.ring = ring
        self.words = words
        self.port = port
        self.intended = intended
        self.credits = UInt64(credits)
        self.retryTicks = retryTicks
        self.patienceTicks = patienceTicks
        let groupCount = script.bursts.map(\.groupCount).max() ?? 0
        counts = (script.devices.count, script.keys.count, groupCount)
        devices = allocateShared(count: counts.devices) { _ in Device() }
        keys = allocateShared(count: counts.keys) { _ in Key() }
        indexInUse = allocateShared(count: counts.devices * 512) { _ in false }
        openGroups = allocateShared(count: groupCount) { _ in 0 }
        // Twice: a pass over the list can drop groups again before it has closed up the gaps.
        retries = allocateShared(count: 2 * groupCount) { _ in Retry(group: 0, dueTicks: 0) }
        blocked = allocateShared(count: counts.devices) { _ in 0 }
        recoveries = LatencySamples(capacity: 1 << 16)
        recoveries.touch()
    }

    func deallocate() {
        freeShared(devices, count: counts.devices)
        freeShared(keys, count: counts.keys)
        freeShared(indexInUse, count: counts.devices * 512)
        freeShared(openGroups, count: counts.groups)
        freeShared(retries, count: 2 * counts.groups)
        freeShared(blocked, count: counts.devices)
        recoveries.deallocate()
    }

    /// Starts a burst now.
    mutating func begin(_ plan: PlannedBurst) {
        self.plan = plan
        next = hasGivenUp ? plan.pageCount : 0
        sequence = 0
        request = UnbindWords.idle
        startTicks = Ticks.now()
    }

    /// Sends what has come due. Called over and over; true where nothing of the burst is left and
    /// no unbind can come any more.
    @inline(never)
    public mutating func step() -> Bool {
        guard let plan else { return true }
        lookForUnbind(plan)
        let now = Ticks.now()
        while next < plan.pageCount, plan.pages[next].offsetTicks &+ startTicks <= now {
            let page = next
            next &+= 1
            offer(page, plan, now)
        }
        if blockedCount > 0 { sendWaiting(plan, now) }
        if now >= earliestRetry { sendAgain(plan, now) }
        lookForStandstill(plan, now)
        return next == plan.pageCount && blockedCount == 0 && retryCount == 0 && close()
    }

    // MARK: Pages that come due

    private mutating func offer(_ page: Int, _ plan: PlannedBurst, _ now: UInt64) {
        let number = Int(plan.pages[page].group)
        if plan.groups[number].state != .fresh { return }
        if keys[Int(plan.groups[number].key)].isStopped { return cancel(number, plan) }
        let device = Int(plan.groups[number].device)
        if devices[device].firstWaiting >= 0 || !hasCredit(device, 1) {
            return wait(page, device, plan)
        }
        send(page, plan, now)
    }

    /// Whether so many more pages of the device may be unanswered.
    private mutating func hasCredit(_ device: Int, _ pages: UInt64) -> Bool {
        if devices[device].sent &- devices[device].answered &+ pages <= credits { return true }
        devices[device].answered = port.answeredCount(lane: device)
        return devices[device].sent &- devices[device].answered &+ pages <= credits
    }

    private mutating func wait(_ page: Int, _ device: Int, _ plan: PlannedBurst) {
        plan.pages[page].nextWaiting = -1
        if devices[device].firstWaiting < 0 {
            devices[device].firstWaiting = Int32(page)
            blocked[blockedCount] = Int32(device)
            blockedCount &+= 1
            blockings &+= 1
        } else {
            plan.pages[Int(devices[device].lastWaiting)].nextWaiting = Int32(page)
        }
        devices[device].lastWaiting = Int32(page)
    }

    private mutating func sendWaiting(_ plan: PlannedBurst, _ now: UInt64) {
        var place = 0
        while place < blockedCount {
            let device = Int(blocked[place])
            while devices[device].firstWaiting >= 0 {
                let page = Int(devices[device].firstWaiting)
                let number = Int(plan.pages[page].group)
                let isFresh = plan.groups[number].state == .fresh
                let isStopped = keys[Int(plan.groups[number].key)].isStopped
                if isFresh && !isStopped && !hasCredit(device, 1) { break }
                devices[device].firstWaiting = plan.pages[page].nextWaiting
                if isFresh && isStopped { cancel(number, plan) }
                if isFresh && !isStopped { send(page, plan, now) }
            }
            if devices[device].firstWaiting < 0 {
                blockedCount &-= 1
                blocked[place] = blocked[blockedCount]
            } else {
                place &+= 1
            }
        }
    }

    /// Sends a page of a group that is not waiting to be sent again.
    private mutating func send(_ page: Int, _ plan: PlannedBurst, _ now: UInt64) {
        let number = Int(plan.pages[page].group)
        let group = plan.groups + number
        guard sequence < UInt64(Self.sequences) else {
            unnumbered &+= 1
            return cancel(number, plan)
        }
        if group.pointee.sent == 0 { open(number, plan) }
        let isLast = group.pointee.sent &+ 1 == group.pointee.pageCount
        let device = Int(group.pointee.device)
        let key = Int(group.pointee.key)
        let tag = UInt64(device) << 48 | sequence
        let epoch = words.pointee.epochs[key].load(ordering: .relaxed)  // see lookForUnbind()
        let header =
            plan.pages[page].header | UInt64(group.pointee.index) << PageRequest.indexShift
            | (isLast ? PageRequest.lastBit : 0)
        let meant = startTicks &+ plan.pages[page].offsetTicks
        intended[Int(sequence)] = isLast ? max(meant, 1) : 0
        let outcome = ring.enqueue(
            PageRequest(
                header: header, address: sequence << 12, privateData0: tag,
                privateData1: isLast
                    ? UInt64(group.pointee.pageCount) | UInt64(key) << 16 | epoch << 32 : 0))
        guard outcome == .enqueued else { return drop(number, plan, now) }
        if overflowTicks != 0 {
            recoveries.record(from: overflowTicks, to: Ticks.now())
            overflowTicks = 0
        }
        sequence &+= 1
        sent &+= 1
        devices[device].sent &+= 1
        group.pointee.sent &+= 1
        if isLast {
            close(number, plan)
            group.pointee.state = .done
            groups &+= 1
            pages &+= Int(group.pointee.pageCount)
            keys[key].groups &+= 1
        }
    }

    // MARK: Open groups

    private mutating func open(_ number: Int, _ plan: PlannedBurst) {
        let group = plan.groups + number
        let device = Int(group.pointee.device)
        var index = Int(devices[device].nextIndex)
        while indexInUse[device &* 512 &+ index] { index = (index &+ 1) & 511 }
        devices[device].nextIndex = UInt16((index &+ 1) & 511)
        group.pointee.index = UInt16(index)
        if group.pointee.pageCount > 1 {
            indexInUse[device &* 512 &+ index] = true
            group.pointee.openPlace = Int32(openCount)
            openGroups[openCount] = Int32(number)
            openCount &+= 1
        }
    }

    private mutating func close(_ number: Int, _ plan: PlannedBurst) {
        let group = plan.groups + number
        let place = Int(group.pointee.openPlace)
        if place < 0 { return }
        group.pointee.openPlace = -1
        indexInUse[Int(group.pointee.device) &* 512 &+ Int(group.pointee.index)] = false
        openCount &-= 1
        let moved = openGroups[openCount]
        openGroups[place] = moved
        if Int(moved) != number { plan.groups[Int(moved)].openPlace = Int32(place) }
    }

    /// Takes back what was sent of a group: nobody will answer it.
    private mutating func giveUp(_ number: Int, _ plan: PlannedBurst) {
        let group = plan.groups + number
        devices[Int(group.pointee.device)].sent &-= UInt64(group.pointee.sent)
        close(number, plan)
        group.pointee.sent = 0
    }

    private mutating func cancel(_ number: Int, _ plan: PlannedBurst) {
        if plan.groups[number].state == .done { return }
        giveUp(number, plan)
        plan.groups[number].state = .done
        cancelled &+= 1
    }

    // MARK: Overflow

    private mutating func drop(_ number: Int, _ plan: PlannedBurst, _ now: UInt64) {
        dropped &+= 1
        if overflowTicks == 0 {
            overflowTicks = now
            overflows &+= 1
        }
        while openCount > 0 { retry(Int(openGroups[openCount &- 1]), plan, now) }
        if plan.groups[number].state == .fresh { retry(number, plan, now) }
    }

    private mutating func retry(_ number: Int, _ plan: PlannedBurst, _ now: UInt64) {
        giveUp(number, plan)
        plan.groups[number].state = .retrying
        let due = max(now &+ retryTicks, startTicks &+ plan.groups[number].lastOffsetTicks)
        retries[retryCount] = Retry(group: Int32(number), dueTicks: due)
        retryCount &+= 1
        earliestRetry = min(earliestRetry, due)
    }

    /// Sends groups again whose time has come. They are taken off the list first: one that is
    /// dropped again goes to its end.
    private mutating func sendAgain(_ plan: PlannedBurst, _ now: UInt64) {
        let count = retryCount
        var kept = 0
        var place = 0
        earliestRetry = .max
        // Entries below `place` have been looked at, and those kept lie before them; what a drop
        // appends lies behind `count`.
        while place < count {
            let entry = retries[place]
            place &+= 1
            let number = Int(entry.group)
            let group = plan.groups[number]
            if keys[Int(group.key)].isStopped {
                cancel(number, plan)
                continue
            }
            let isDue = entry.dueTicks <= now
            if !isDue || !hasCredit(Int(group.device), UInt64(group.pageCount)) {
                retries[kept] = entry
                kept &+= 1
                earliestRetry = min(earliestRetry, isDue ? now : entry.dueTicks)
                continue
            }
            retried &+= 1
            sendWhole(number, plan, now)
        }
        let appended = retryCount &- count
        for offset in 0..<appended { retries[kept &+ offset] = retries[count &+ offset] }
        retryCount = kept &+ appended
    }

    private mutating func sendWhole(_ number: Int, _ plan: PlannedBurst, _ now: UInt64) {
        plan.groups[number].state = .fresh
        let first = Int(plan.groups[number].firstPlace)
        for place in first..<first &+ Int(plan.groups[number].pageCount) {
            send(Int(plan.order[place]), plan, now)
            if plan.groups[number].state == .retrying { return }
        }
    }

    // MARK: Standstill

    private mutating func lookForStandstill(_ plan: PlannedBurst, _ now: UInt64) {
        if blockedCount == 0 && retryCount == 0 {
            waitTicks = 0
        } else if waitTicks == 0 || sent != sentBeforeWait {
            waitTicks = now
            sentBeforeWait = sent
        } else if now > waitTicks &+ patienceTicks {
            hasGivenUp = true
            next = plan.pageCount
            for place in 0..<blockedCount { devices[Int(blocked[place])].firstWaiting = -1 }
            blockedCount = 0
            retryCount = 0
            earliestRetry = .max
        }
    }

    // MARK: Unbinds

    private mutating func lookForUnbind(_ plan: PlannedBurst) {
        // ORDER pipeline.unbind, acquire side. Pairs with the stores in Unbinder.unbind().
        // Keeps: the key's new epoch before the request that ends its unbind.
        // If relaxed: a request after the unbind can carry the epoch from before it.
        let found = words.pointee.request.value.load(ordering: .acquiring)
        if found == request { return }
        if let key = UnbindWords.key(of: request) { keys[key].isStopped = false }
        request = found
        guard let key = UnbindWords.key(of: found) else { return }
        keys[key].isStopped = true
        var place = openCount
        while place > 0 {
            place &-= 1
            let number = Int(openGroups[place])
            if Int(plan.groups[number].key) == key { cancel(number, plan) }
        }
        words.pointee.sentAtStop.value.store(sent, ordering: .relaxed)  // published below
        words.pointee.groupsAtStop.value.store(
            keys[key].groups, ordering: .relaxed)  // published below
        // ORDER pipeline.stopped, release side. Pairs with the load in Unbinder.unbind().
        // Keeps: the counts above before the word that announces them.
        // If relaxed: the drain can wait for too few requests and the flush come too early.
        words.pointee.stopped.value.store(found, ordering: .releasing)
    }

    /// Ends the burst unless an unbind is under way.
    private mutating func close() -> Bool {
        if request == UnbindWords.closed { return true }
        guard UnbindWords.key(of: request) == nil else { return false }
        let (exchanged, _) = words.pointee.request.value.compareExchange(
            expected: UnbindWords.idle, desired: UnbindWords.closed,
            ordering: .relaxed)  // says nothing about other memory
        if exchanged { request = UnbindWords.closed }
        return exchanged
    }
}
