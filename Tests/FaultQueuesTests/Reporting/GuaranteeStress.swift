import CPlatform
import FaultModel
import FaultQueues
import Testing

/// Reporters, workers, a flusher and a changer of devices at the same time, held to the caller's
/// duties and checked by what each leaves behind.
///
/// Devices 0 and 1 stay, device 2 comes and goes. A PASID belongs to one reporter, and a gate keeps
/// its reports and its flushes apart. Every flush of a device and PASID begins a new epoch for
/// them, which requests carry: a handler that sees another epoch than its requests' ran too late.
final class GuaranteeStress<Scheme: FaultReporting>: Sendable {
    static var devices: Int { 3 }
    static var pasids: Int { 4 }
    static var workers: Int { 2 }
    static var entries: Int { 1 << 14 }

    let scheme: Scheme
    let port: ResponsePort
    let reporters: Int
    let requests: Int
    let seed: UInt64
    /// One per device and PASID: 1 while somebody reports or flushes for them.
    private let gates: UnsafeSharedArray
    private let epochs: UnsafeSharedArray
    /// Written by handlers and read after flushes with no order but the scheme's: by worker, device
    /// and PASID.
    private let handled: PlainIntegers
    private let answered = SharedAtomic<Int>(0)
    private let faults = SharedAtomic<Int>(0)

    /// - Parameter requests: Requests of each reporter, below `entries`.
    init(seed: UInt64, reporters: Int, requests: Int) {
        self.seed = seed
        self.reporters = reporters
        self.requests = requests
        port = ResponsePort(lanes: reporters, entries: Self.entries)
        scheme = Scheme(
            ReportingConfiguration(maximumDevices: 4, maximumPages: 2048, port: port))
        gates = UnsafeSharedArray(count: Self.devices * Self.pasids)
        epochs = UnsafeSharedArray(count: Self.devices * Self.pasids)
        handled = PlainIntegers(
            repeating: 0, count: Self.workers * Self.devices * Self.pasids)
        for device in 0..<Self.devices {
            #expect(scheme.addDevice(requester(device)) == .added)
        }
    }

    deinit {
        port.deallocate()
        gates.free()
        epochs.free()
        handled.free()
    }

    func requester(_ device: Int) -> RequesterID { RequesterID(UInt16(0x100 + device)) }

    func key(_ device: Int, _ pasid: Int) -> Int { device * Self.pasids + pasid }

    /// Counts what must not be, so that no thread stops before the others.
    func require(_ condition: Bool) {
        if !condition { faults.wrappingAdd(1, ordering: .relaxed) }
    }

    func run() {
        let expected = SharedAtomic<Int>(0)
        let quiet = Milestone()
        let reported = Milestone()
        let workers = (0..<Self.workers).map { index in
            DedicatedThread { [self] in work(index, until: quiet) }
        }
        let controls = [
            DedicatedThread { [self] in flushLoop(until: reported) },
            DedicatedThread { [self] in changeLoop(until: reported) },
        ]
        DedicatedThread.run(reporters) { [self] lane in
            expected.wrappingAdd(report(lane), ordering: .relaxed)
        }
        reported.set()
        for control in controls { control.join() }
        quiet.set()
        for worker in workers { worker.join() }
        for device in 0..<Self.devices { _ = scheme.removeDevice(requester(device)) }

        #expect(faults.load(ordering: .relaxed) == 0, "seed \(seed)")
        #expect(scheme.census() == ReportingCensus(), "seed \(seed)")
        let total = (0..<reporters).reduce(0) { $0 + Int(port.answeredCount(lane: $1)) }
        #expect(total == expected.load(ordering: .relaxed), "seed \(seed)")
        #expect(answered.load(ordering: .relaxed) > 0, "seed \(seed)")
    }

    // MARK: Reporters

    /// Reports and checks every answer; how many answers were due.
    private func report(_ lane: Int) -> Int {
        var random = SeededGenerator(seed: seed, stream: UInt64(lane))
        var reporter = scheme.makeReporter()
        var due = [Bool](repeating: false, count: requests + 16)
        var number = 0
        var dueCount = 0
        var wait = SpinWait()
        while number < requests {
            let mine = (0..<Self.pasids).filter { $0 % reporters == lane }
            let device = Int.random(in: 0..<Self.devices, using: &random)
            // Two groups, their pages interleaved: of two PASIDs, or of two indices of one.
            let first = mine.randomElement(using: &random)!
            let second = mine.randomElement(using: &random)!
            let keys = Set([key(device, first), key(device, second)])
            guard open(keys) else {
                wait.wait()
                continue
            }
            wait = SpinWait()
            var left = (0..<2).map { _ in Int.random(in: 1...5, using: &random) }
            // Some groups never get their last request.
            let ends = (0..<2).map { _ in Int.random(in: 0..<8, using: &random) > 0 }
            while left != [0, 0] {
                let group = left[0] == 0 ? 1 : left[1] == 0 ? 0 : Int(random.next() & 1)
                let pasid = group == 0 ? first : second
                let isLast = left[group] == 1 && ends[group]
                left[group] -= 1
                number += 1
                let outcome = reporter.report(
                    pageRequest(
                        lane: lane, number, device: requester(device).rawValue, pasid: pasid,
                        index: group, isLast: isLast,
                        stamp: UInt64(epochs[key(device, pasid)])))
                due[number] = isLast && outcome != .noDevice
                if due[number] { dueCount += 1 }
                require(isLast ? outcome != .held : outcome != .queued)
                require(outcome != .noDevice || device == 2)
            }
            close(keys)
            while dueCount - Int(port.answeredCount(lane: lane)) > 64 { wait.wait() }
        }
        while dueCount > Int(port.answeredCount(lane: lane)) { wait.wait() }
        for number in 1...number {
            let tag = UInt64(lane) << 48 | UInt64(number)
            require(port.takeAnswers(tag: tag).count == (due[number] ? 1 : 0))
        }
        scheme.retire(reporter)
        return dueCount
    }

    /// Keeps flushes of these away; false where one is under way.
    private func open(_ keys: Set<Int>) -> Bool {
        var taken: Set<Int> = []
        for key in keys {
            guard gates.take(key) else {
                close(taken)
                return false
            }
            taken.insert(key)
        }
        return true
    }

    private func close(_ keys: Set<Int>) {
        for key in keys { gates.give(key) }
    }

    // MARK: Workers

    private func work(_ index: Int, until quiet: Milestone) {
        var random = SeededGenerator(seed: seed, stream: UInt64(100 + index))
        var worker = scheme.makeWorker()
        var handedOff: [UnsafeMutablePointer<FaultGroup>] = []
        var wait = SpinWait()
        while true {
            let isLast = quiet.isSet
            guard let group = worker.take() else {
                for group in handedOff { answer(group, with: &worker) }
                handedOff = []
                if isLast { break }
                wait.wait()
                continue
            }
            wait = SpinWait()
            handle(group, index, pauses: UInt32(random.next() & 63))
            if random.next() & 7 == 0 {
                handedOff.append(group)
            } else {
                answer(group, with: &worker)
            }
            worker.finish()
        }
        scheme.retire(worker)
    }

    private func answer(
        _ group: UnsafeMutablePointer<FaultGroup>, with worker: inout Scheme.Worker
    ) {
        if worker.respond(group, .success) == .answered {
            answered.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func handle(_ group: UnsafeMutablePointer<FaultGroup>, _ index: Int, pauses: UInt32) {
        let last = group.pointee.last
        let place = key(Int(last.requester.rawValue) - 0x100, Int(last.pasidBits.rawValue))
        var before: UInt64 = 0
        var count = 0
        group.pointee.forEachPage { page in
            count += 1
            require(page.privateData0 > before)
            before = page.privateData0
            require(page.requester == last.requester && page.pasid == last.pasid)
            require(page.index == last.index)
            require(page.isLast == (page.privateData0 == last.privateData0))
            // A page that outlived a flush has an older stamp.
            require(page.privateData1 == last.privateData1)
        }
        require(count == group.pointee.pageCount)
        require(UInt64(epochs[place]) == last.privateData1)
        SpinWait.pause(times: pauses)
        handled[index * Self.devices * Self.pasids + place] += 1
        require(UInt64(epochs[place]) == last.privateData1)
    }

    // MARK: Control

    private func flushLoop(until reported: Milestone) {
        var random = SeededGenerator(seed: seed, stream: 200)
        var sum = 0
        while !reported.isSet {
            let device = Int.random(in: 0..<Self.devices, using: &random)
            let pasid = Int.random(in: 0..<Self.pasids, using: &random)
            let place = key(device, pasid)
            guard gates.take(place) else { continue }
            scheme.flush(requester(device), PASID(pasid)!)
            for worker in 0..<Self.workers {
                sum &+= handled[worker * Self.devices * Self.pasids + place]
            }
            epochs.increment(place)
            gates.give(place)
            SpinWait.pause(times: UInt32(random.next() & 0xFFF))
        }
        fq_opaque(UInt64(sum))
    }

    private func changeLoop(until reported: Milestone) {
        var random = SeededGenerator(seed: seed, stream: 300)
        while !reported.isSet {
            if random.next() & 3 == 0 {
                _ = scheme.discardPartial()
            } else if scheme.removeDevice(requester(2)) == .removed {
                SpinWait.pause(times: UInt32(random.next() & 0xFF))
                require(scheme.addDevice(requester(2)) == .added)
            }
            SpinWait.pause(times: UInt32(random.next() & 0xFFF))
        }
    }
}

/// Integers that a test's threads share.
struct UnsafeSharedArray: @unchecked Sendable {
    private let values: UnsafeMutablePointer<SharedAtomic<Int>>
    private let count: Int

    init(count: Int) {
        self.count = count
        values = allocateShared(count: count) { _ in SharedAtomic<Int>(0) }
    }

    func free() { freeShared(values, count: count) }

    /// Relaxed, so that it orders nothing that a scheme should.
    subscript(index: Int) -> Int { values[index].load(ordering: .relaxed) }

    func increment(_ index: Int) { values[index].wrappingAdd(1, ordering: .relaxed) }

    /// Turns 0 into 1.
    func take(_ index: Int) -> Bool {
        values[index].compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
    }

    func give(_ index: Int) { values[index].store(0, ordering: .releasing) }
}
