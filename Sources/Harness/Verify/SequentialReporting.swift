import FaultModel
import FaultOracle
import FaultQueues

/// Runs lists of operations on one structure and compares it with `ReportingModel` after each.
final class SequentialReporting {
    private let devices: Int
    private let port: ResponsePort
    private let queue: VerifiedReporting
    private var reporter: VerifiedReporter
    private var worker: VerifiedWorker
    /// What this thread, and one that flushes, are doing.
    let board = TrialBoard(names: ["the worker", "the flusher"], capacity: 1)
    /// PASIDs by their numbers in a list.
    private let pasids: [PASID?]
    private var model: ReportingModel
    /// Groups that were kept, by the number of their last request.
    private var kept: [Int: UnsafeMutablePointer<FaultGroup>] = [:]
    /// Answers that lists before this one were given.
    private var answeredBefore = 0

    /// Longest list, in requests.
    private static var entries: Int { 128 }

    init(
        _ make: (ReportingConfiguration) -> VerifiedReporting, devices: Int = 2,
        pasids: [PASID?] = [PASID(1), PASID(2)]
    ) {
        self.devices = devices
        self.pasids = pasids
        port = ResponsePort(lanes: 1, entries: Self.entries)
        queue = make(
            ReportingConfiguration(
                maximumDevices: devices, maximumPages: Self.entries, port: port))
        reporter = queue.makeReporter()
        worker = queue.makeWorker()
        model = ReportingModel(devices: devices)
        board.begin(0)
    }

    deinit {
        reporter.retire()
        worker.retire()
        port.deallocate()
    }

    /// Runs a list from the state in which every device has just been added.
    ///
    /// - Returns: The operations and what differed from the model first, each ended by a semicolon
    ///   but the last; nil where nothing differed.
    func firstDifference(_ list: [ReportingOperation]) -> String? {
        model = ReportingModel(devices: devices)
        for device in 0..<devices {
            guard queue.addDevice(requester(device)) == .added else { return "a device is busy" }
        }
        for (step, operation) in list.enumerated() {
            board.advance(0)
            if let difference = apply(operation) {
                return Self.story(list) + "step \(step): \(difference)"
            }
        }
        return end().map { Self.story(list) + "at the end: \($0)" }
    }

    private static func story(_ list: [ReportingOperation]) -> String {
        list.map { "\($0); " }.joined()
    }

    /// Compares the census, empties the structure, and compares every answer.
    private func end() -> String? {
        renewEndpoints()
        let census = queue.census()
        if census.partialPages != model.partialPages {
            return "\(census.partialPages) partial pages, expected \(model.partialPages)"
        }
        if census.queuedGroups != model.queuedGroups {
            return "\(census.queuedGroups) queued groups, expected \(model.queuedGroups)"
        }
        for device in 0..<devices {
            if let difference = apply(.remove(device: device)) { return difference }
        }
        while !model.queued.isEmpty {
            if let difference = apply(.handle) { return difference }
        }
        while !model.kept.isEmpty {
            if let difference = apply(.answerKept) { return difference }
        }
        renewEndpoints()
        let left = queue.census()
        if left != ReportingCensus() { return "left behind: \(left)" }
        for number in 0..<model.requestCount {
            let found = port.takeAnswers(tag: UInt64(number))
            let code = model.groups[number]?.code
            guard found.count == (code == nil ? 0 : 1), found.codes == Int(code?.rawValue ?? 0)
            else { return "request \(number) was answered \(found), expected \(code as Any)" }
        }
        answeredBefore += model.answeredCount
        return nil
    }

    private func renewEndpoints() {
        reporter.retire()
        worker.retire()
        reporter = queue.makeReporter()
        worker = queue.makeWorker()
    }

    private func apply(_ operation: ReportingOperation) -> String? {
        let difference: String?
        switch operation {
        case .page(let device, let pasid, let index):
            difference = report(.init(device: device, pasid: pasid, index: index), isLast: false)
        case .last(let device, let pasid, let index):
            difference = report(.init(device: device, pasid: pasid, index: index), isLast: true)
        case .handle:
            difference = take(keeping: false)
        case .keep:
            difference = take(keeping: true)
        case .answerKept:
            difference = answerKept()
        case .flush(let device, let pasid):
            difference = flush(device, pasid)
        case .discard:
            difference = compare("dropped", queue.discardPartial(), model.discard())
        case .remove(let device):
            let found = queue.removeDevice(requester(device))
            difference = compare("remove", found, model.remove(device))
        case .add(let device):
            difference = compare("add", queue.addDevice(requester(device)), model.add(device))
        }
        let answered = Int(port.answeredCount(lane: 0)) - answeredBefore
        return difference ?? compare("answers", answered, model.answeredCount)
    }

    private func compare<Value: Equatable>(
        _ what: String, _ found: Value, _ expected: Value
    ) -> String? {
        found == expected ? nil : "\(what) \(found), expected \(expected)"
    }

    private func report(_ key: ReportingModel.Key, isLast: Bool) -> String? {
        let request = PageRequest(
            requester: requester(key.device), pasid: pasid(key.pasid), index: PRGIndex(key.index)!,
            address: UInt64(model.requestCount) << 12, permissions: .read, isLast: isLast,
            privateData0: UInt64(model.requestCount))
        let found = board.perform(isLast ? .last : .page, by: 0, device: request.requester) {
            reporter.report(request)
        }.result
        return compare("report", found, model.report(key, isLast: isLast))
    }

    private func take(keeping: Bool) -> String? {
        guard let group = board.perform(.take, by: 0, { worker.take() }).result else {
            // Groups that a flush or a removal has answered need not come out.
            model.queued = model.queued.filter { model.groups[$0]?.code == nil }
            return compare("groups to take", 0, model.queued.count)
        }
        if let difference = compare(group) {
            // What a group that nobody answers keeps is never freed.
            _ = respond(group, .failure)
            worker.finish()
            return difference
        }
        let number = Int(truncatingIfNeeded: group.pointee.last.privateData0)
        model.queued.remove(number)
        if keeping {
            model.kept.append(number)
            kept[number] = group
            worker.finish()
            return nil
        }
        let found = respond(group, .success)
        worker.finish()
        return compare("respond", found, model.respond(number, .success))
    }

    private func respond(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
    ) -> RespondOutcome {
        let device = group.pointee.last.requester
        return board.perform(.respond, by: 0, device: device) { worker.respond(group, code) }.result
    }

    /// Whether a group that was taken is one that is queued, with its pages.
    private func compare(_ group: UnsafeMutablePointer<FaultGroup>) -> String? {
        let number = Int(truncatingIfNeeded: group.pointee.last.privateData0)
        guard let expected = model.groups[number], model.queued.contains(number) else {
            return "a group that ends with \(number) is not queued"
        }
        var numbers: [Int] = []
        var keys: Set<ReportingModel.Key> = []
        group.pointee.forEachPage { page in
            numbers.append(Int(truncatingIfNeeded: page.privateData0))
            keys.insert(
                .init(
                    device: Int(page.requester.rawValue) - 1,
                    pasid: pasids.firstIndex(of: page.pasid) ?? -1,
                    index: Int(page.index.rawValue)))
        }
        return compare("pages", numbers, expected.requests)
            ?? compare("keys", keys, [expected.key])
            ?? compare("page count", group.pointee.pageCount, expected.requests.count)
    }

    private func answerKept() -> String? {
        guard let number = model.kept.first else { return nil }
        model.kept.removeFirst()
        guard let group = kept.removeValue(forKey: number) else { return "\(number) is not kept" }
        let found = respond(group, .failure)
        return compare("late respond", found, model.respond(number, .failure))
    }

    /// Flushes on a thread of its own where there is something to wait for, and works meanwhile.
    /// The flush may answer a group of its PASID before the worker comes to it.
    private func flush(_ device: Int, _ number: Int) -> String? {
        let requester = requester(device)
        let pasid = pasid(number)
        let bits = HistoryEvent.bits(of: pasid)
        if model.queued.isEmpty {
            board.perform(.flush, by: 0, device: requester, pasidBits: bits) {
                queue.flush(requester, pasid)
            }
            model.flush(device: device, pasid: number)
            return nil
        }
        let hasReturned = Flag()
        let flusher = DedicatedThread { [queue, board] in
            board.begin(1)
            board.perform(.flush, by: 1, device: requester, pasidBits: bits) {
                queue.flush(requester, pasid)
            }
            hasReturned.set()
        }
        var difference: String?
        var wait = SpinWait()
        while true {
            let isLast = hasReturned.isSet
            if let group = worker.take() {
                difference = difference ?? work(group, during: device, number)
                worker.finish()
            } else if isLast {
                break
            } else {
                wait.wait()
            }
        }
        flusher.join()
        model.flush(device: device, pasid: number)
        model.queued = model.queued.filter { model.groups[$0]?.code == nil }
        return difference ?? compare("groups left by a flush", model.queued.count, 0)
    }

    /// Answers a group while a flush is under way.
    private func work(
        _ group: UnsafeMutablePointer<FaultGroup>, during device: Int, _ pasid: Int
    ) -> String? {
        let difference = compare(group)
        let number = Int(truncatingIfNeeded: group.pointee.last.privateData0)
        let found = respond(group, .success)
        guard difference == nil, let key = model.groups[number]?.key else { return difference }
        model.queued.remove(number)
        let wasOpen = model.groups[number]?.code == nil
        if found == .notPending, wasOpen, key.device == device, key.pasid == pasid {
            _ = model.respond(number, .invalid)
            return nil
        }
        return compare("respond", found, model.respond(number, .success))
    }

    private func requester(_ device: Int) -> RequesterID { RequesterID(UInt16(device + 1)) }

    private func pasid(_ number: Int) -> PASID? { pasids[number] }
}

/// A flag that one thread sets and others see.
final class Flag: Sendable {
    private let value = SharedAtomic<Bool>(false)

    // ORDER verify.flag, both sides.
    func set() { value.store(true, ordering: .releasing) }
    var isSet: Bool { value.load(ordering: .acquiring) }
}
