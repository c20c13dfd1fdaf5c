import FaultModel
import FaultQueues
import Measurement

extension ReportingThread {
    /// A worker, which answers what it handled, holds it for a while, or hands it over.
    func work(_ number: Int, _ instance: ReportingInstance, _ outcome: inout ReportingOutcome) {
        let end = shared.alone { instance.makeWorker() }
        var side = SideFigures()
        var burst = handlerBurst()
        var handOver: HandOverBurst?
        if let all = shared.handOvers {
            handOver = HandOverBurst(
                first: all + number * workload.responders, responders: workload.responders)
        }
        var answers: AnswerBurst?
        if handOver == nil, let plan = workload.answers {
            answers = answerBurst(plan, sources: nil, &side)
        }
        var before = (pages: 0, failedTries: 0)
        let run = runBursts {
            before = (burst.check.pages, burst.failedTries)
        } body: {
            if handOver != nil {
                end.handOver(&burst, &handOver!)
            } else if answers != nil {
                end.hold(&burst, &answers!)
            } else if workload.isVaried {
                end.handleVaried(&burst)
            } else {
                end.handle(&burst)
            }
        } end: { part in
            part?.operations = burst.check.pages - before.pages
            part?.failedTries = burst.failedTries - before.failedTries
            let counts = answers?.counts ?? (mayBeLate ? ["late-answers": burst.late] : [:])
            side.collect(isWarmUp: part == nil, counts: counts, trial.clock)
        }
        end.release()
        outcome.keep(run)
        outcome.handledGroups = burst.groups
        outcome.lateAnswers = burst.late + (answers?.late ?? 0)
        side.end(&outcome)
        outcome.violations += burst.violations
        if !mayBeLate { outcome.violations += lateness(outcome.lateAnswers) }
        burst.service.deallocate()
        answers?.held.deallocate()
    }

    /// A responder, which answers what the workers hand over.
    func respond(_ number: Int, _ instance: ReportingInstance, _ outcome: inout ReportingOutcome) {
        guard let plan = workload.answers, let handOvers = shared.handOvers else { return }
        let end = shared.alone { instance.makeWorker() }
        var side = SideFigures()
        var answers = answerBurst(plan, sources: handOvers + number, &side)
        var before = (answered: 0, failedTries: 0)
        let run = runBursts {
            before = (answers.answered, answers.failedTries)
        } body: {
            end.answer(&answers)
        } end: { part in
            part?.operations = answers.answered - before.answered
            part?.failedTries = answers.failedTries - before.failedTries
            side.collect(isWarmUp: part == nil, counts: answers.counts, trial.clock)
        }
        end.release()
        outcome.keep(run)
        outcome.lateAnswers = answers.late
        side.end(&outcome)
        if !mayBeLate { outcome.violations += lateness(answers.late) }
        answers.held.deallocate()
    }

    /// Whether a group can have been answered when its owner answers it.
    private var mayBeLate: Bool {
        workload.observe == .flushLatency || workload.flusher != nil || workload.churn != nil
    }

    func lateness(_ late: Int) -> [String] {
        late > 0 ? ["\(late) answers to groups that were answered already"] : []
    }

    private func answerBurst(
        _ plan: AnswerPlan, sources: UnsafeMutablePointer<GroupHandOver>?, _ side: inout SideFigures
    ) -> AnswerBurst {
        AnswerBurst(
            words: shared.words,
            held: HeldGroups(
                window: plan.window, isRandom: plan.order == .random,
                seed: shared.seed(of: place)),
            sources: sources, stride: workload.responders,
            workers: sources == nil ? 0 : workload.workers, wait: wait, silent: shared.silent,
            delayTicks: trial.clock.ticks(fromNanoseconds: UInt64(plan.delayNs)),
            timeoutTicks: trial.clock.ticks(fromNanoseconds: UInt64(plan.timeoutNs)),
            samples: side.samples("answer", capacity: trial.answersPerBurst))
    }
}

extension AnswerBurst {
    fileprivate var counts: [String: Int] {
        ["timeouts": timeouts, "late-answers": late, "out-of-order": disordered]
    }
}

extension HandlerBurst {
    var violations: [String] {
        check.violations + Violations.sentences([(afterFlush, "groups handled after their flush")])
    }
}
