import FaultModel
import FaultQueues
import Measurement

/// A thread of a pipeline trial. The first worker owns the structure's memory; the fault thread
/// prepares bursts and checks answers between them.
struct PipelineThread {
    let trial: PipelineTrial
    let shared: PipelineState
    let place: Int

    private var workload: PipelineWorkload { trial.workload }
    private var role: PipelineRole { PipelineRole(place: place, of: workload) }
    private var wait: PollWait { PollWait(isOversubscribed: trial.isOversubscribed) }

    func run() {
        if place == 0 { makeStructure() }
        shared.meet()
        var outcome = PipelineOutcome(place: place, role: role, cpu: trial.allCPUs[place])
        switch role {
        case .worker: work(&outcome)
        case .faultThread: report(&outcome)
        case .devices: playDevices(&outcome)
        case .unbinder: unbind(&outcome)
        }
        shared.finish(outcome)
        shared.meet()
    }

    private func makeStructure() {
        let instance = trial.scheme.make(
            ReportingConfiguration(
                maximumDevices: trial.script.devices.count, maximumPages: trial.maximumPages,
                port: shared.port))
        for device in trial.script.devices {
            let added = instance.addDevice(device)
            precondition(added == .added, "a new structure takes every device of its configuration")
        }
        shared.instance = instance
    }

    private func runCanary() {
        let role: TrialMeeting.CanaryRole =
            !trial.hasCanary || place > 1 ? .waits : place == 0 ? .measures(trial.clock) : .serves
        shared.runCanary(role)
    }

    /// Every burst between its two meetings, the warm-up first. `after` runs when all threads have
    /// ended the burst and before any begins the next; what it returns is counted.
    private func runBursts(
        _ outcome: inout PipelineOutcome, prepare: (PlannedBurst) -> Void,
        _ body: (PlannedBurst) -> Void, after: (inout BurstOutcome, Bool) -> Void
    ) {
        var probe = BurstProbe(cpus: place == 0 ? Array(Set(trial.allCPUs)) : [])
        runCanary()
        for (number, burst) in trial.script.bursts.enumerated() {
            prepare(burst)
            probe.begin()
            shared.meet()
            body(burst)
            var part = probe.end()
            shared.meet()
            after(&part, number > 0)
            shared.meet()
            if number > 0 { outcome.bursts.append(part) }
        }
        runCanary()
        outcome.allocatedBytes = probe.allocatedBytes
    }

    private func nanoseconds(_ samples: LatencySamples) -> [UInt64] {
        samples.samples.map { trial.clock.nanoseconds(fromTicks: $0) }
    }

    private func work(_ outcome: inout PipelineOutcome) {
        guard let instance = shared.instance else { return }
        let end = shared.alone { instance.makeWorker() }
        let samples = LatencySamples(capacity: EmulatedDevices.sequences)
        samples.touch()
        var burst = ServingBurst(
            words: shared.words, unbinds: shared.unbinds, intended: shared.intended,
            servicePasses: trial.passes(workload.serviceNs), wait: wait,
            samples: workload.measure == .openLoop ? samples : nil)
        var before = (0, 0)
        var dropped: UInt64 = 0
        runBursts(
            &outcome,
            prepare: { _ in
                samples.reset()
                before = (burst.check.pages, burst.failedTries)
            }, { _ in end.serve(&burst) },
            after: { part, isCounted in
                part.operations = burst.check.pages - before.0
                part.failedTries = burst.failedTries - before.1
                part.endTicks = burst.endTicks
                guard isCounted else { return }
                part.latenciesNs = nanoseconds(samples)
                dropped += samples.dropped
            })
        shared.alone { end.release() }
        outcome.handledGroups = burst.groups
        outcome.groups = burst.groups - burst.late
        outcome.counts = burst.late > 0 ? ["late-answers": burst.late] : [:]
        outcome.violations =
            burst.check.violations
            + Violations.sentences([
                (burst.afterFlush, "groups handled after their flush"),
                (
                    workload.unbindEveryUs == nil ? burst.late : 0,
                    "answers to groups that were answered already"
                ), (Int(dropped), "latency samples did not fit their buffer"),
            ])
        samples.deallocate()
    }

    private func report(_ outcome: inout PipelineOutcome) {
        guard let instance = shared.instance else { return }
        let end = shared.alone { instance.makeReporter() }
        let buffer = allocateShared(zeroed: PageRequest.self, count: workload.batch)
        var burst = FaultThreadBurst(
            words: shared.words, unbinds: shared.unbinds, devices: shared.devices,
            playsDevices: !workload.deviceThread, ring: shared.ring.makeConsumer(),
            buffer: buffer, batch: workload.batch, wait: wait)
        var answers = SentCheck(port: shared.port, intended: shared.intended)
        var before = (0, 0)
        var startTicks: UInt64 = 0
        runBursts(
            &outcome,
            prepare: { plan in
                before = (burst.reported, burst.failedTries)
                shared.words.pointee.prepare()
                shared.unbinds.pointee.prepare()
            },
            { plan in
                startTicks = Ticks.now()
                if !workload.deviceThread { shared.devices.pointee.begin(plan) }
                end.pipeline(&burst)
            },
            after: { part, _ in
                // Workers return only when nothing is queued, so every group has been answered.
                answers.check(requests: shared.devices.pointee.sequence)
                part.operations = burst.reported - before.0
                part.failedTries = burst.failedTries - before.1
                part.startTicks = startTicks
                part.endTicks = burst.endTicks
            })
        shared.alone { end.release() }
        freeShared(buffer, count: workload.batch)
        outcome.groups = Int(burst.completed)
        outcome.counts = ["discarded": burst.discarded].filter { $0.value > 0 }
        outcome.violations =
            answers.violations(isFlushed: workload.unbindEveryUs != nil)
            + Violations.sentences([
                (burst.unknownDevice, "reports of a device that was not there"),
                (burst.refused, "reports refused for want of memory"),
            ])
        if !workload.deviceThread { bringHomeDevices(&outcome) }
    }

    private func playDevices(_ outcome: inout PipelineOutcome) {
        runBursts(
            &outcome, prepare: { _ in },
            { plan in
                shared.devices.pointee.begin(plan)
                playThrough(&shared.devices.pointee, shared.unbinds, wait)
            }, after: { _, _ in })
        bringHomeDevices(&outcome)
    }

    private func bringHomeDevices(_ outcome: inout PipelineOutcome) {
        let devices = shared.devices.pointee
        outcome.sentGroups = Int(devices.groups)
        outcome.counts.merge(
            [
                "overflows": devices.overflows, "dropped": devices.dropped,
                "retries": devices.retried, "cancelled": devices.cancelled,
                "blocked": devices.blockings,
            ].filter { $0.value > 0 }, uniquingKeysWith: +)
        outcome.otherLatenciesNs["recovery"] = nanoseconds(devices.recoveries)
        outcome.violations += Violations.sentences([
            (devices.unnumbered, "groups not sent for want of sequence numbers")
        ])
        if devices.hasGivenUp {
            outcome.violations.append("devices gave up: no answer for \(trial.patience) s")
        }
    }

    private func unbind(_ outcome: inout PipelineOutcome) {
        guard let instance = shared.instance, let everyUs = workload.unbindEveryUs else { return }
        var unbinder = Unbinder(
            words: shared.unbinds, port: shared.port, keys: trial.script.keys, everyUs: everyUs,
            flush: instance.flush)
        runBursts(
            &outcome, prepare: { _ in }, { plan in unbinder.run(plan) }, after: { _, _ in })
        outcome.otherLatenciesNs = [
            "unbind": nanoseconds(unbinder.unbinds), "flush": nanoseconds(unbinder.flushes),
        ]
        outcome.violations = Violations.sentences([
            (unbinder.unanswered, "unbinds with groups unanswered when their flush returned")
        ])
        unbinder.deallocate()
    }
}

/// Looks, between bursts, whether every complete group was answered exactly once and nothing else
/// was.
struct SentCheck {
    let port: ResponsePort
    let intended: UnsafeMutablePointer<UInt64>
    private var unanswered = 0
    private var repeated = 0
    private var failed = 0
    private var uncalledFor = 0

    init(port: ResponsePort, intended: UnsafeMutablePointer<UInt64>) {
        self.port = port
        self.intended = intended
    }

    mutating func check(requests: UInt64) {
        for sequence in 0..<requests {
            let answers = port.takeAnswers(tag: sequence)
            if intended[Int(sequence)] == 0 {
                uncalledFor += answers.count > 0 ? 1 : 0
            } else {
                unanswered += answers.count == 0 ? 1 : 0
                repeated += answers.count > 1 ? 1 : 0
                failed += answers.count == 1 && answers.codes != 0 ? 1 : 0
            }
        }
    }

    /// - Parameter isFlushed: A flush answers with an error what no handler has answered.
    func violations(isFlushed: Bool) -> [String] {
        Violations.sentences([
            (unanswered, "groups never answered"), (repeated, "groups answered more than once"),
            (isFlushed ? 0 : failed, "groups answered with an error"),
            (uncalledFor, "answers to requests that were not last"),
        ])
    }
}
