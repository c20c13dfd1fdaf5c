import FaultModel

@testable import FaultQueues

/// A reporter of `ReportingStress`, and what it knows of its own requests.
struct StressReporter<Queue: FaultReporting> {
    /// One (device, PASID, index).
    private struct Key {
        /// Pages held; above what is held where its device was removed meanwhile.
        var held = 0
        /// Flushes of the PASID when the pages were reported.
        var flushed = 0
        /// The last request, until it is seen answered.
        var outstanding: Int?
    }

    private let stress: ReportingStress
    private let lane: Int
    private let board: ReportingStress.Board<Queue>
    private var random: SeededGenerator
    private var reporter: Queue.Reporter
    private var keys: [Key]
    private var reported = 0

    init(_ stress: ReportingStress, _ lane: Int, _ board: ReportingStress.Board<Queue>) {
        self.stress = stress
        self.lane = lane
        self.board = board
        random = SeededGenerator(seed: stress.seed, stream: 256 + UInt64(lane))
        reporter = board.queue.makeReporter()
        keys = Array(
            repeating: Key(),
            count: ReportingStress.devices * ReportingStress.pasidsPerReporter
                * ReportingStress.indices)
    }

    mutating func run() {
        var wait = SpinWait()
        var stepsLeft = stress.requests * 200
        while reported < stress.requests, stepsLeft > 0 {
            stepsLeft -= 1
            // Discarding reaches the partial requests of other reporters, who would not know.
            if stress.reporters == 1, random.next() % 256 == 0 {
                discard()
            } else if step() {
                wait = SpinWait()
            } else {
                wait.wait()
            }
        }
        board.queue.retire(reporter)
    }

    private func tag(_ number: Int) -> UInt64 { UInt64(lane) << 48 | UInt64(number) }

    private mutating func discard() {
        let held = keys.reduce(0) { $0 + $1.held }
        if board.queue.discardPartial() > held { board.complain("more was dropped than was held") }
        for place in keys.indices { keys[place].held = 0 }
    }

    /// Reports one request, if its key is not waiting for an answer or a flush.
    private mutating func step() -> Bool {
        let place = Int.random(in: 0..<keys.count, using: &random)
        let device = place % ReportingStress.devices
        let ownPASID = place / ReportingStress.devices % ReportingStress.pasidsPerReporter
        let pasid = lane * ReportingStress.pasidsPerReporter + ownPASID
        let index = place / (ReportingStress.devices * ReportingStress.pasidsPerReporter)
        let gatePlace = ReportingStress.Board<Queue>.place(device, pasid)
        guard isAnswered(place, gatePlace) else { return false }
        guard board.gates[gatePlace].tryLock() else { return false }
        let flushed = board.flushed[gatePlace].load(ordering: .relaxed)  // under the gate
        if keys[place].flushed != flushed {
            keys[place].flushed = flushed
            keys[place].held = 0
        }
        let isLast = random.next() % 3 == 0
        let number = reported
        reported += 1
        let outcome = reporter.report(
            PageRequest(
                requester: RequesterID(UInt16(device + 1)), pasid: PASID(pasid + 1)!,
                index: PRGIndex(index)!, address: random.next(), permissions: .write,
                isLast: isLast, privateData0: tag(number),
                privateData1: UInt64(flushed) << 16 | UInt64(keys[place].held + 1)))
        board.gates[gatePlace].unlock()
        note(outcome, of: number, isLast, device, place)
        return outcome != .noDevice
    }

    private mutating func note(
        _ outcome: ReportOutcome, of number: Int, _ isLast: Bool, _ device: Int, _ place: Int
    ) {
        switch outcome {
        case .held where !isLast:
            keys[place].held += 1
        case .queued where isLast:
            board.requests[lane][number] += 1 << 16
            keys[place].outstanding = number
            keys[place].held = 0
        case .noDevice where device == 1 && stress.churns:
            keys[place].held = 0
            // Nothing was kept, so the number is free, and the device is given time to come back.
            reported -= 1
        default:
            board.complain("a request, last: \(isLast), of device \(device) was \(outcome)")
        }
    }

    /// Whether the key's last group was answered; it must be where a flush has returned since.
    private mutating func isAnswered(_ place: Int, _ gatePlace: Int) -> Bool {
        guard let number = keys[place].outstanding else { return true }
        // ORDER test.flushed, acquire side. Pairs with the addition in the stress's flush(_:).
        let flushed = board.flushed[gatePlace].load(ordering: .acquiring)
        let answers = board.port.takeAnswers(tag: tag(number)).count
        board.requests[lane][number] += answers
        if answers > 0 {
            keys[place].outstanding = nil
        } else if flushed != keys[place].flushed {
            board.complain("a flush returned before a group of its PASID was answered")
            keys[place].outstanding = nil
        }
        return answers > 0
    }
}
