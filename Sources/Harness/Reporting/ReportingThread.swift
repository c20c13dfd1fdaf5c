import FaultModel
import FaultOracle
import FaultQueues
import Measurement

/// A thread of a reporting trial. The first thread, a worker or the only reporter, owns the
/// structure's memory; the first reporter keeps the time.
struct ReportingThread {
    let trial: ReportingTrial
    let shared: ReportingState
    let place: Int

    var workload: ReportingWorkload { trial.workload }
    var wait: PollWait { PollWait(isOversubscribed: trial.isOversubscribed) }

    func run() {
        if place == 0 { makeStructure() }
        shared.meet()
        let role = trial.role(of: place)
        var outcome = ReportingOutcome(place: place, role: role, cpu: trial.allCPUs[place])
        if let instance = shared.instance {
            switch role {
            case .worker(let number): work(number, instance, &outcome)
            case .reporter(let lane): report(lane, instance, &outcome)
            case .responder(let number): respond(number, instance, &outcome)
            case .flusher: flush(instance, &outcome)
            case .churner: churn(instance, &outcome)
            }
        }
        shared.finish(outcome)
        shared.meet()
    }

    private func makeStructure() {
        let hasOwnDevice = workload.flusher?.device == .other
        let devices = workload.devices + (hasOwnDevice ? 1 : 0)
        let configuration = ReportingConfiguration(
            maximumDevices: devices, maximumPages: min(max(pagesInUse * 2, 1024), 1 << 20),
            port: shared.port)
        let instance = trial.scheme.make(configuration)
        for number in 0..<devices {
            let added = instance.addDevice(RequestPattern.device(number))
            precondition(added == .added, "a new structure takes every device of its configuration")
        }
        shared.instance = instance
    }

    /// The most requests that are in the structure at the same time.
    private var pagesInUse: Int {
        let isFlush = workload.observe == .flushLatency
        let unanswered = isFlush ? workload.backlog : workload.reporters * workload.credits
        // Each removal gives credit back for groups that workers still have before them.
        let groups = unanswered * (workload.churn == nil ? 1 : 8)
        // What a flush answered is kept by whoever holds it.
        let window = workload.answers?.window ?? 0
        let held =
            window * (workload.workers + workload.responders * (1 + workload.workers))
        // And by the workqueue, where a flush does not wait for it.
        let flushed = trial.flushesPerBurst * FlushBurst.ownRequests
        return (groups + held + workload.reporters * (workload.openGroups + 64))
            * workload.groupSize + flushed
    }

    private func runCanary() {
        let role: TrialMeeting.CanaryRole =
            !trial.hasCanary || place > 1 ? .waits : place == 0 ? .measures(trial.clock) : .serves
        shared.runCanary(role)
    }

    func handlerBurst() -> HandlerBurst {
        HandlerBurst(
            words: shared.words, reporters: workload.reporters + (workload.flusher == nil ? 0 : 1),
            flushes: shared.flushes,
            service: ServiceTimes(
                workload.serviceShape, passes: workload.serviceNs * trial.passesPerNs,
                seed: shared.seed(of: place)),
            failing: shared.failing, pageStride: workload.openGroups, seen: shared.seen,
            wait: wait)
    }

    /// The warm-up burst and the counted ones, with a canary on both sides.
    ///
    /// - Parameters:
    ///   - begin: Before the threads meet for a burst.
    ///   - body: The burst.
    ///   - check: When all threads have ended it, and before any begins the next.
    ///   - end: Puts figures into the thread's part of a counted burst; the warm-up has `nil`.
    /// - Returns: The counted bursts, and the bytes allocated in all.
    func runBursts(
        begin: () -> Void, body: () -> Void, check: () -> Void = {},
        end: (inout BurstOutcome?) -> Void
    ) -> (bursts: [BurstOutcome], allocatedBytes: UInt64?) {
        var probe = BurstProbe(cpus: place == 0 ? Array(Set(trial.allCPUs)) : [])
        var bursts: [BurstOutcome] = []
        runCanary()
        for number in 0...trial.bursts {
            begin()
            probe.begin()
            shared.meet()
            body()
            let part = probe.end()
            shared.meet()
            check()
            shared.meet()
            var counted = number == 0 ? nil : part
            end(&counted)
            if let counted { bursts.append(counted) }
        }
        runCanary()
        return (bursts, probe.allocatedBytes)
    }
}

extension ReportingOutcome {
    /// Takes over what a thread was seen to do.
    mutating func keep(_ run: (bursts: [BurstOutcome], allocatedBytes: UInt64?)) {
        bursts = run.bursts
        allocatedBytes = run.allocatedBytes
    }
}
