import CPlatform
import FaultModel
import FaultOracle
import FaultQueues

/// A reporter of an exercise. It uses a key again only when its last group was answered, as a
/// device does.
struct ExerciseReporter {
    /// One (device, PASID, index).
    private struct Key {
        let device: Int
        let number: Int
        let index: Int
        /// The tag of the last request, until it is seen answered.
        var outstanding: UInt64?
        /// Flushes of the PASID when it was last looked for.
        var flushesSeen = 0
    }

    private let shared: ReportingRun
    private let lane: Int
    private var random: SeededGenerator
    private let reporter: VerifiedReporter
    private var keys: [Key]
    private var reported = 0

    init(_ shared: ReportingRun, lane: Int) {
        self.shared = shared
        self.lane = lane
        random = SeededGenerator(seed: shared.exercise.seed, stream: 300 + UInt64(lane))
        reporter = shared.subject.makeReporter()
        keys = (0..<ReportingExercise.devices).flatMap { device in
            shared.exercise.numbers(of: lane).flatMap { number in
                (0..<ReportingExercise.indices).map {
                    Key(device: device, number: number, index: $0)
                }
            }
        }
    }

    mutating func run() {
        var wait = SpinWait()
        var stepsLeft = shared.exercise.requests * 400
        while reported < shared.exercise.requests, stepsLeft > 0 {
            stepsLeft -= 1
            if step() {
                wait = SpinWait()
            } else {
                wait.wait()
            }
        }
        reporter.retire()
    }

    /// Reports one request, if its key waits neither for an answer nor for a flush.
    private mutating func step() -> Bool {
        let place = Int.random(in: 0..<keys.count, using: &random)
        let key = keys[place]
        let gate = ReportingExercise.place(key.device, key.number)
        guard isAnswered(place, gate), shared.enter(gate) else { return false }
        let isLast = random.next() % 3 == 0
        let tag = UInt64(lane) << 48 | UInt64(reported)
        let pasid = ReportingExercise.pasid(key.number)
        let request = PageRequest(
            requester: ReportingExercise.requester(key.device), pasid: pasid,
            index: PRGIndex(key.index)!, address: tag << 12, permissions: .write, isLast: isLast,
            privateData0: tag)
        let bits = HistoryEvent.bits(of: pasid)
        let (outcome, begin, end) = shared.board.perform(
            isLast ? .last : .page, by: lane, device: request.requester, pasidBits: bits
        ) { reporter.report(request) }
        shared.leave(gate)
        reported += 1
        shared.board.logs[lane].append(
            HistoryEvent(
                isLast ? .last : .page, begin: begin, end: end, tag: tag,
                device: request.requester.rawValue, pasidBits: bits, index: UInt16(key.index),
                outcome: outcome.rawValue, thread: UInt8(lane)))
        shared.board.advance(lane)
        if isLast && outcome == .queued {
            keys[place].outstanding = tag
            keys[place].flushesSeen = shared.flushCount(gate)
        }
        // The device is given time to come back.
        if outcome == .noDevice { shared.pause(&random) }
        return true
    }

    /// Whether the key's last group was answered, as far as the device sees.
    private mutating func isAnswered(_ place: Int, _ gate: Int) -> Bool {
        guard let tag = keys[place].outstanding else { return true }
        let flushes = shared.flushCount(gate)
        let isNew = flushes != keys[place].flushesSeen
        keys[place].flushesSeen = flushes
        guard shared.look(tag, by: lane, logsNone: isNew) else { return false }
        keys[place].outstanding = nil
        return true
    }
}
