import FaultModel
import FaultOracle
import FaultQueues
import Measurement

// The measured loops of the reporting subject; see MeasuredLoops.swift for what they may hold.

/// Reports as fast as credits allow until the timekeeper ends the burst.
@inlinable @inline(never)
public func measuredReports<Reporter: FaultReporter>(
    _ endpoint: inout Reporter, _ burst: inout ReporterBurst
) {
    var passesToClock: UInt32 = 32
    while burst.words.pointee.stop.value.load(ordering: .relaxed) == 0 {  // only ends the loop
        if burst.isOver(&passesToClock) { break }
        if !burst.hasCredit() {
            burst.failedTries &+= 1
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        let request = burst.nextRequest()
        let start = burst.samples == nil ? 0 : Ticks.now()
        let outcome = endpoint.report(request)
        if let samples = burst.samples { samples.record(from: start, to: Ticks.now()) }
        _ = burst.note(outcome, request)
    }
    burst.endTicks = Ticks.now()
    burst.words.pointee.finishProducer()
}

/// Reports while devices come and go. A group whose page finds no device is given up; its other
/// pages are passed over.
@inlinable @inline(never)
public func measuredChurnedReports<Reporter: FaultReporter>(
    _ endpoint: inout Reporter, _ burst: inout ReporterBurst, _ churned: inout ChurnedReports
) {
    var passesToClock: UInt32 = 32
    while burst.words.pointee.stop.value.load(ordering: .relaxed) == 0 {  // only ends the loop
        if burst.isOver(&passesToClock) { break }
        if !burst.hasCredit() {
            burst.failedTries &+= 1
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        let place = burst.pattern.place(burst.place)
        let request = burst.nextRequest()
        guard let before = churned.begin(place) else { continue }
        let start = burst.samples == nil ? 0 : Ticks.now()
        let outcome = endpoint.report(request)
        let end = burst.samples == nil ? 0 : Ticks.now()
        if churned.end(outcome, request, place, before: before), let samples = burst.samples {
            samples.record(from: start, to: end)
        }
        _ = burst.note(outcome, request)
    }
    burst.endTicks = Ticks.now()
    burst.words.pointee.finishProducer()
}

/// Reports, and answers what is complete on the same thread: a group for every group. A try that
/// finds none, because another reporter's hand-over stands before this one's, is made up for later.
@inlinable @inline(never)
public func measuredInlineReports<
    Reporter: FaultReporter, Worker: FaultWorker, Handling: HandlingKind
>(
    _ endpoint: inout Reporter, _ worker: inout Worker, _ burst: inout ReporterBurst,
    _ handler: inout HandlerBurst, _ handling: Handling.Type
) {
    var passesToClock: UInt32 = 32
    while burst.words.pointee.stop.value.load(ordering: .relaxed) == 0 {  // only ends the loop
        if burst.isOver(&passesToClock) { break }
        let hasCredit = burst.hasCredit()
        if hasCredit {
            let request = burst.nextRequest()
            let start = burst.samples == nil ? 0 : Ticks.now()
            let outcome = endpoint.report(request)
            if let samples = burst.samples { samples.record(from: start, to: Ticks.now()) }
            if burst.note(outcome, request) { handler.owed &+= 1 }
            burst.wait.succeeded()
        } else {
            burst.failedTries &+= 1
            burst.wait.failed()
        }
        while !hasCredit || handler.owed > 0, let group = worker.take() {
            handler.owed = max(0, handler.owed &- 1)
            let code = Handling.handle(group, &handler)
            if worker.respond(group, code) != .answered { handler.late &+= 1 }
            worker.finish()
        }
    }
    burst.endTicks = Ticks.now()
    handler.owed = 0
    burst.words.pointee.finishProducer()
    measuredHandling(&worker, &handler, handling)
}

/// Takes, handles and answers groups until the reporters have finished and nothing is queued.
@inlinable @inline(never)
public func measuredHandling<Worker: FaultWorker, Handling: HandlingKind>(
    _ endpoint: inout Worker, _ burst: inout HandlerBurst, _ handling: Handling.Type
) {
    var reportersAreDone = false
    while true {
        guard let group = endpoint.take() else {
            burst.failedTries &+= 1
            if reportersAreDone { break }
            reportersAreDone = burst.reportersAreDone
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        let code = Handling.handle(group, &burst)
        if endpoint.respond(group, code) != .answered { burst.late &+= 1 }
        endpoint.finish()
    }
}

/// Takes and handles groups, and holds them for a while before it answers them.
@inlinable @inline(never)
public func measuredHolding<Worker: FaultWorker>(
    _ endpoint: inout Worker, _ burst: inout HandlerBurst, _ answers: inout AnswerBurst
) {
    var reportersAreDone = false
    while true {
        if answers.mustAnswer {
            if let held = answers.held.take(Ticks.now()) {
                let outcome = endpoint.respond(held.group, held.code)
                answers.note(outcome, held)
                answers.mustAnswer = false
                burst.wait.succeeded()
                continue
            }
            if answers.held.isFull {
                burst.failedTries &+= 1
                burst.wait.failed()
                continue
            }
        }
        guard let group = endpoint.take() else {
            burst.failedTries &+= 1
            if reportersAreDone && answers.held.count == 0 { break }
            if !reportersAreDone { reportersAreDone = burst.reportersAreDone }
            if answers.mustAnswer { burst.wait.failed() }
            answers.mustAnswer = true
            continue
        }
        burst.wait.succeeded()
        let taken = Ticks.now()
        let code = burst.handleVaried(group)
        endpoint.finish()
        let now = Ticks.now()
        answers.hold(HeldGroup(group, code, takenTicks: taken), now: now)
        answers.mustAnswer = answers.held.isFull || answers.held.hasTimedOut(now)
    }
}

/// Takes and handles groups, and hands them to responders.
@inlinable @inline(never)
public func measuredHandingOver<Worker: FaultWorker>(
    _ endpoint: inout Worker, _ burst: inout HandlerBurst, _ handOver: inout HandOverBurst
) {
    var reportersAreDone = false
    while true {
        if !handOver.hasRoom() {
            burst.failedTries &+= 1
            burst.wait.failed()
            continue
        }
        guard let group = endpoint.take() else {
            burst.failedTries &+= 1
            if reportersAreDone { break }
            reportersAreDone = burst.reportersAreDone
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        let taken = Ticks.now()
        let code = burst.handleVaried(group)
        handOver.push(HeldGroup(group, code, takenTicks: taken))
        endpoint.finish()
    }
    burst.words.pointee.finishWorker()
}

/// Answers what the workers hand over, until they have finished and nothing is held.
@inlinable @inline(never)
public func measuredAnswering<Worker: FaultWorker>(
    _ endpoint: inout Worker, _ answers: inout AnswerBurst
) {
    var workersAreDone = false
    while true {
        let now = Ticks.now()
        let isNew = answers.receive(now: now)
        if !isNew || answers.held.isFull || answers.held.hasTimedOut(now) {
            if let held = answers.held.take(now) {
                let outcome = endpoint.respond(held.group, held.code)
                answers.note(outcome, held)
                answers.wait.succeeded()
                continue
            }
        }
        if isNew { continue }
        answers.failedTries &+= 1
        if workersAreDone && answers.held.count == 0 { break }
        if !workersAreDone { workersAreDone = answers.workersAreDone }
        answers.wait.failed()
    }
}

/// Keeps a backlog of other PASIDs unanswered and flushes one PASID over and over, each time with
/// complete groups and a partial one of its own.
@inlinable @inline(never)
public func measuredFlushes<Structure: FaultReporting>(
    _ structure: Structure, _ endpoint: inout Structure.Reporter, _ burst: inout ReporterBurst,
    _ own: inout FlushBurst
) {
    while true {
        while burst.groups &- burst.port.answeredCount(lane: burst.lane) < own.backlog {
            let request = burst.nextRequest()
            _ = burst.note(endpoint.report(request), request)
        }
        var number = 0
        while own.hasRequest(number) {
            own.note(endpoint.report(own.request(number)), number)
            number &+= 1
        }
        let start = Ticks.now()
        structure.flush(own.device, own.pasid)
        let end = Ticks.now()
        own.samples.record(from: start, to: end)
        own.finishOne()
        if end >= burst.deadlineTicks || own.done == own.limit
            || burst.tag.sequence &+ 1 << 15 >= burst.sequenceLimit
        {
            break
        }
    }
    burst.endTicks = Ticks.now()
    burst.words.pointee.stop.value.store(1, ordering: .relaxed)  // only ends loops
    burst.words.pointee.finishProducer()
}

/// Flushes one PASID at intervals beside the reporters, each time with complete groups and a
/// partial one of its own.
@inlinable @inline(never)
public func measuredBystanderFlushes<Structure: FaultReporting>(
    _ structure: Structure, _ endpoint: inout Structure.Reporter, _ own: inout FlushBurst,
    _ pace: inout BystanderPace
) {
    repeat {
        var number = 0
        while own.hasRequest(number) {
            own.note(endpoint.report(own.request(number)), number)
            number &+= 1
        }
        let start = Ticks.now()
        structure.flush(own.device, own.pasid)
        own.samples.record(from: start, to: Ticks.now())
        own.finishOne()
    } while pace.goesOnSlow()
    own.words.pointee.finishProducer()
}

/// Removes devices and adds them again at intervals, in turn. Leaves every device served.
@inlinable @inline(never)
public func measuredChurn<Structure: FaultReporting>(
    _ structure: Structure, _ burst: inout ChurnBurst
) {
    while true {
        burst.phases.step(burst.device)
        let start = Ticks.now()
        if burst.isOut {
            let outcome = structure.addDevice(burst.requester)
            burst.additions.record(from: start, to: Ticks.now())
            burst.phases.step(burst.device)
            burst.noteAddition(outcome)
        } else {
            let outcome = structure.removeDevice(burst.requester)
            burst.removals.record(from: start, to: Ticks.now())
            burst.phases.step(burst.device)
            burst.noteRemoval(outcome)
        }
        if !burst.pace.goesOnSlow() && !burst.isOut { break }
    }
}
