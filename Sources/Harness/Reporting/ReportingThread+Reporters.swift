import FaultModel
import FaultOracle
import FaultQueues
import Measurement

extension ReportingThread {
    /// A reporter, which may also answer what it completes, or flush.
    func report(_ lane: Int, _ instance: ReportingInstance, _ outcome: inout ReportingOutcome) {
        let end = shared.alone { instance.makeReporter() }
        let pattern = RequestPattern(workload, lane: lane)
        let isFlush = workload.observe == .flushLatency
        // A rate needs no samples, only the place where they would be.
        let samples = LatencySamples(
            capacity: workload.observe == .reports ? 1 : trial.samplesPerBurst)
        samples.touch()
        var side = SideFigures()
        var burst = ReporterBurst(
            words: shared.words, pattern: pattern, port: shared.port, lane: lane,
            credits: workload.credits, wait: wait,
            samples: workload.observe == .reportLatency ? samples : nil)
        var handler = handlerBurst()
        var flush = flushBurst(backlog: workload.backlog, device: 0, samples)
        var churned: ChurnedReports?
        if let phases = shared.phases {
            churned = ChurnedReports(
                phases: phases, openGroups: workload.openGroups,
                entries: ReportingTrial.entriesPerLane, wait: wait)
        }
        var answers = AnswerCheck(
            port: shared.port, pattern: pattern, workload: workload, failing: shared.failing,
            silent: shared.silent)
        var dropped: UInt64 = 0
        var start: UInt64 = 0
        var before = (tag: burst.tag, place: 0, failedTries: 0, operations: 0)
        var operations: Int {
            isFlush ? flush.done : churned?.accepted ?? Int(burst.tag.sequence)
        }
        let run = runBursts {
            samples.reset()
            flush.begin()
            before = (burst.tag, burst.place, burst.failedTries, operations)
            burst.sequenceLimit = burst.tag.sequence + UInt64(ReportingTrial.entriesPerLane)
            if lane == 0 { shared.words.pointee.prepare() }
        } body: {
            start = Ticks.now()
            burst.deadlineTicks =
                lane == 0
                ? start &+ trial.clock.ticks(fromNanoseconds: UInt64(trial.burstNs)) : .max
            if isFlush {
                end.flush(&burst, &flush)
            } else if churned != nil {
                end.reportChurned(&burst, &churned!)
            } else if workload.workers > 0 {
                end.report(&burst)
            } else if workload.isVaried {
                end.reportInlineVaried(&burst, &handler)
            } else {
                end.reportInline(&burst, &handler)
            }
        } check: {
            // Workers return only when nothing is queued, so every group has been answered.
            if let churned, let seen = shared.seen {
                answers.check(from: before.tag, place: before.place, to: burst.tag, churned, seen)
            } else {
                answers.check(from: before.tag, place: before.place, to: burst.tag)
            }
        } end: { part in
            let isWarmUp = part == nil
            part?.operations = operations - before.operations
            part?.failedTries = burst.failedTries - before.failedTries
            part?.durationTicks = burst.endTicks &- start
            part?.latenciesNs = samples.samples.map { trial.clock.nanoseconds(fromTicks: $0) }
            if !isWarmUp { dropped += samples.dropped }
            side.collect(isWarmUp: isWarmUp, counts: counts(churned, answers), trial.clock)
        }
        end.release()
        outcome.keep(run)
        outcome.groups = (churned?.queued ?? Int(burst.groups)) + Int(flush.sent)
        outcome.handledGroups = handler.groups
        outcome.settledGroups = flush.settled + answers.settled
        outcome.lateAnswers = handler.late
        side.end(&outcome)
        outcome.violations +=
            (churned?.violations ?? burst.violations) + handler.violations + answers.violations
            + flush.violations + lateness(handler.late) + SideFigures.violations(dropped: dropped)
        pattern.deallocate()
        samples.deallocate()
        churned?.deallocate()
        handler.service.deallocate()
        flush.deallocate()
    }

    private func counts(_ churned: ChurnedReports?, _ answers: AnswerCheck) -> [String: Int] {
        if let churned {
            var counts = [
                "refused-reports": churned.refused, "answered-by-removal": answers.settled,
            ]
            // As a rule there is memory enough.
            if churned.withoutMemory > 0 { counts["refused-for-memory"] = churned.withoutMemory }
            return counts
        }
        return workload.errorShare > 0 ? ["failed-groups": answers.failed] : [:]
    }

    private func flushBurst(backlog: Int, device: Int, _ samples: LatencySamples) -> FlushBurst {
        FlushBurst(
            words: shared.words, device: RequestPattern.device(device), backlog: backlog,
            samples: samples, port: shared.port, lane: workload.reporters, flushes: shared.flushes)
    }

    // MARK: Beside the workload

    /// Flushes a PASID of its own at intervals.
    func flush(_ instance: ReportingInstance, _ outcome: inout ReportingOutcome) {
        guard let plan = workload.flusher else { return }
        let end = shared.alone { instance.makeReporter() }
        var side = SideFigures()
        let samples = side.samples("flush", capacity: bystanderSamples(plan.everyUs))
        var burst = flushBurst(
            backlog: 0, device: plan.device == .same ? 0 : workload.devices, samples)
        var pace = pace(plan.everyUs)
        var before = 0
        let run = runBursts {
            before = burst.done
        } body: {
            pace.begin()
            end.flushBeside(&burst, &pace)
        } end: { part in
            part?.operations = burst.done - before
            side.collect(isWarmUp: part == nil, counts: ["flushes": burst.done], trial.clock)
        }
        end.release()
        outcome.keep(run)
        outcome.groups = Int(burst.sent)
        outcome.settledGroups = burst.settled
        side.end(&outcome)
        outcome.violations += burst.violations
        burst.deallocate()
    }

    /// Removes devices and adds them again at intervals.
    func churn(_ instance: ReportingInstance, _ outcome: inout ReportingOutcome) {
        guard let plan = workload.churn, let phases = shared.phases else { return }
        var side = SideFigures()
        let capacity = bystanderSamples(plan.everyUs)
        var burst = ChurnBurst(
            phases: phases, devices: plan.devices, pace: pace(plan.everyUs),
            removals: side.samples("remove", capacity: capacity),
            additions: side.samples("add", capacity: capacity))
        var before = 0
        let run = runBursts {
            before = burst.done
        } body: {
            burst.pace.begin()
            instance.churn(&burst)
        } end: { part in
            part?.operations = burst.done - before
            side.collect(isWarmUp: part == nil, counts: [:], trial.clock)
        }
        outcome.keep(run)
        side.end(&outcome)
        if burst.failures > 0 {
            outcome.violations.append(
                "\(burst.failures) removals or additions of a device that were refused")
        }
    }

    private func pace(_ everyUs: Int) -> BystanderPace {
        BystanderPace(
            words: shared.words, everyUs: everyUs, burstNs: trial.burstNs, clock: trial.clock,
            isAlone: trial.bystander.isAlone)
    }

    /// As many actions as a burst's length has intervals, and those while it comes to its end.
    private func bystanderSamples(_ everyUs: Int) -> Int {
        Int(trial.burstNs) / (everyUs * 1000) + 65536
    }
}

extension ReporterBurst {
    var violations: [String] {
        (unknownDevice > 0 ? ["\(unknownDevice) reports of a device that was not there"] : [])
            + (refused > 0 ? ["\(refused) reports refused for want of memory"] : [])
    }
}

extension FlushBurst {
    var violations: [String] {
        (unanswered > 0 ? ["\(unanswered) groups not answered once when their flush returned"] : [])
            + (refused > 0 ? ["\(refused) requests of the flushed PASID not taken"] : [])
    }
}
