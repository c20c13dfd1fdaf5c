import FaultModel
import FaultOracle
import FaultQueues
import Measurement

/// A thread of a reporting trial: a worker, or a reporter. The first thread owns the structure's
/// memory; the first reporter keeps the time.
struct ReportingThread {
    let trial: ReportingTrial
    let shared: ReportingState
    let place: Int

    private var workload: ReportingWorkload { trial.workload }
    private var isWorker: Bool { place < workload.workers }
    private var lane: Int { place - workload.workers }
    private var wait: PollWait { PollWait(isOversubscribed: trial.isOversubscribed) }

    func run() {
        if place == 0 { makeStructure() }
        shared.meet()
        var outcome = ReportingOutcome(place: place, isWorker: isWorker, cpu: trial.cpus[place])
        if isWorker { work(&outcome) } else { report(&outcome) }
        shared.finish(outcome)
        shared.meet()
    }

    private func makeStructure() {
        let unanswered = workload.reporters * workload.credits + workload.backlog
        let pages =
            (unanswered + workload.reporters * (workload.openGroups + 64)) * workload.groupSize
        let configuration = ReportingConfiguration(
            maximumDevices: workload.devices, maximumPages: min(max(pages * 2, 1024), 1 << 20),
            port: shared.port)
        let instance = trial.scheme.make(configuration)
        for number in 0..<workload.devices {
            let added = instance.addDevice(RequestPattern.device(number))
            precondition(added == .added, "a new structure takes every device of its configuration")
        }
        shared.instance = instance
    }

    private func runCanary() {
        let role: TrialMeeting.CanaryRole =
            !trial.hasCanary || place > 1 ? .waits : place == 0 ? .measures(trial.clock) : .serves
        shared.runCanary(role)
    }

    private func handlerBurst() -> HandlerBurst {
        HandlerBurst(
            words: shared.words, reporters: workload.reporters, flushes: shared.flushes,
            servicePasses: trial.passes(workload.serviceNs), wait: wait)
    }

    private func work(_ outcome: inout ReportingOutcome) {
        guard let instance = shared.instance else { return }
        let end = shared.alone { instance.makeWorker() }
        var probe = BurstProbe(cpus: place == 0 ? Array(Set(trial.cpus)) : [])
        var burst = handlerBurst()
        runCanary()
        for number in 0...trial.bursts {
            let before = (burst.pages, burst.failedTries)
            probe.begin()
            shared.meet()
            end.handle(&burst)
            var part = probe.end()
            shared.meet()
            shared.meet()
            part.operations = burst.pages - before.0
            part.failedTries = burst.failedTries - before.1
            if number > 0 { outcome.bursts.append(part) }
        }
        runCanary()
        end.release()
        outcome.allocatedBytes = probe.allocatedBytes
        outcome.handledGroups = burst.groups
        outcome.violations = burst.violations(isFlush: workload.observe == .flushLatency)
    }

    private func report(_ outcome: inout ReportingOutcome) {
        guard let instance = shared.instance else { return }
        let end = shared.alone { instance.makeReporter() }
        var probe = BurstProbe(cpus: place == 0 ? Array(Set(trial.cpus)) : [])
        let pattern = RequestPattern(workload, lane: lane)
        let isFlush = workload.observe == .flushLatency
        // A rate needs no samples, only the place where they would be.
        let samples = LatencySamples(
            capacity: workload.observe == .reports ? 1 : trial.samplesPerBurst)
        samples.touch()
        var burst = ReporterBurst(
            words: shared.words, pattern: pattern, port: shared.port, lane: lane,
            credits: workload.credits, wait: wait,
            samples: workload.observe == .reportLatency ? samples : nil)
        var handler = handlerBurst()
        var flush = FlushBurst(
            device: RequestPattern.device(0), backlog: workload.backlog, samples: samples,
            port: shared.port, lane: workload.reporters, flushes: shared.flushes)
        var dropped: UInt64 = 0
        var answers = AnswerCheck(port: shared.port, pattern: pattern)
        runCanary()
        for number in 0...trial.bursts {
            samples.reset()
            let before = (burst.tag, burst.place, burst.failedTries, flush.done)
            prepare(&burst, &probe)
            shared.meet()
            let start = Ticks.now()
            burst.deadlineTicks =
                lane == 0
                ? start &+ trial.clock.ticks(fromNanoseconds: UInt64(trial.burstNs)) : .max
            if isFlush {
                end.flush(&burst, &flush)
            } else if workload.workers == 0 {
                end.reportInline(&burst, &handler)
            } else {
                end.report(&burst)
            }
            var part = probe.end()
            shared.meet()
            // Workers return only when nothing is queued, so every group has been answered.
            answers.check(from: before.0, place: before.1, to: burst.tag)
            shared.meet()
            part.operations =
                isFlush
                ? flush.done - before.3 : Int(burst.tag.sequence - before.0.sequence)
            part.failedTries = burst.failedTries - before.2
            part.durationTicks = burst.endTicks &- start
            if number == 0 { continue }
            dropped += samples.dropped
            part.latenciesNs = samples.samples.map { trial.clock.nanoseconds(fromTicks: $0) }
            outcome.bursts.append(part)
        }
        runCanary()
        end.release()
        outcome.allocatedBytes = probe.allocatedBytes
        outcome.groups = burst.groups + flush.sent
        outcome.handledGroups = handler.groups
        outcome.violations =
            burst.violations + handler.violations(isFlush: false) + answers.violations
            + flush.violations
            + (dropped > 0 ? ["\(dropped) latency samples did not fit their buffer"] : [])
        pattern.deallocate()
        samples.deallocate()
    }

    private func prepare(_ burst: inout ReporterBurst, _ probe: inout BurstProbe) {
        burst.sequenceLimit = burst.tag.sequence + UInt64(ReportingTrial.entriesPerLane)
        probe.begin()
        if lane == 0 { shared.words.pointee.prepare() }
    }
}

/// Looks, between bursts, whether every group of a reporter was answered exactly once.
struct AnswerCheck {
    let port: ResponsePort
    let pattern: RequestPattern
    private var unanswered = 0
    private var repeated = 0
    private var failed = 0
    private var uncalledFor = 0

    init(port: ResponsePort, pattern: RequestPattern) {
        self.port = port
        self.pattern = pattern
    }

    /// The requests from one tag up to another, the first at a place of the pattern.
    mutating func check(from first: SequenceTag, place: Int, to end: SequenceTag) {
        var tag = first
        var place = place
        while tag != end {
            let answers = port.takeAnswers(tag: tag.rawValue)
            if pattern.requests[place].isLast {
                if answers.count == 0 { unanswered += 1 }
                if answers.count > 1 { repeated += 1 }
                if answers.count == 1 && answers.codes != 0 { failed += 1 }
            } else if answers.count > 0 {
                uncalledFor += 1
            }
            tag.advance()
            place += 1
            if place == pattern.count { place = 0 }
        }
    }

    var violations: [String] {
        [
            (unanswered, "groups never answered"), (repeated, "groups answered more than once"),
            (failed, "groups answered with an error"),
            (uncalledFor, "answers to requests that were not last"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    }
}

extension ReporterBurst {
    var violations: [String] {
        (unknownDevice > 0 ? ["\(unknownDevice) reports of a device that was not there"] : [])
            + (refused > 0 ? ["\(refused) reports refused for want of memory"] : [])
    }
}

extension HandlerBurst {
    /// - Parameter isFlush: A flush answers groups before their handler does.
    func violations(isFlush: Bool) -> [String] {
        [
            (mixed, "pages in a group of another key"), (disordered, "pages out of order"),
            (incomplete, "groups with too few or too many pages"),
            (afterFlush, "groups handled after their flush"),
            (isFlush ? 0 : late, "answers to groups that were answered already"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    }
}

extension FlushBurst {
    var violations: [String] {
        unanswered > 0 ? ["\(unanswered) groups not answered once when their flush returned"] : []
    }
}
