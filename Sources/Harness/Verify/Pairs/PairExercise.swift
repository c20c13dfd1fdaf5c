import FaultModel
import FaultOracle
import FaultQueues

/// A small pipeline in which address spaces end under load: a scheme of PASID ownership, one of
/// release, and a reporting structure.
///
/// Two callers each begin an address space, bind it, let devices fault in it, and end it: the
/// process exits and its last put goes through release, then the file is closed: devices stop, the
/// ring is drained, the structure flushed, the entry let go, and the PASID freed, to be allocated
/// to whoever comes next, for there are hardly more than callers. Devices, a fault thread and two
/// workers go on meanwhile. No group of an old owner may be handled under a new one, from the take
/// to the answer.
struct PairExercise<Release: SpaceReleasing>: Sendable {
    static var callers: Int { 2 }
    static var workers: Int { 2 }
    /// Three PASIDs.
    static var bits: Int { 2 }
    /// Address spaces of each caller.
    private static var lives: Int { 40 }
    private static var ringCapacity: Int { 32 }
    static var requester: RequesterID { RequesterID(1) }

    let round: LifetimeRound
    let mistake: PairMistake?
    let ownership: any PASIDLifetime
    let release: Release
    let reporting: VerifiedReporting
    let port: ResponsePort
    let ring: SPSCRing
    let board: PairBoard

    init(
        _ round: LifetimeRound, _ mistake: PairMistake?, ownership: any PASIDLifetime.Type,
        reporting make: (ReportingConfiguration) -> VerifiedReporting
    ) {
        self.round = round
        self.mistake = mistake
        let pasids = 1 << Self.bits - 1
        self.ownership = ownership.init(
            PASIDConfiguration(
                bits: Self.bits, devices: 1, lastDeviceBits: Self.bits, spaces: Self.callers,
                tasks: Self.callers))
        release = Release(
            ReleaseConfiguration(
                spaces: pasids, endpoints: Self.workers, queueCapacity: 64,
                invalidationPasses: 20, servicePasses: 50))
        port = ResponsePort(lanes: 1, entries: PairDevices<Release>.entries)
        reporting = make(
            ReportingConfiguration(maximumDevices: 1, maximumPages: 4096, port: port))
        ring = SPSCRing(RingConfiguration(capacity: Self.ringCapacity))
        board = PairBoard(callers: Self.callers, pasids: pasids)
    }

    func run(watch: (LifetimeRun) -> Void) -> LifetimeRun {
        let run = LifetimeRun(
            threads: (0..<Self.callers).map { "caller \($0)" } + ["devices", "fault thread"]
                + (0..<Self.workers).map { "worker \($0)" })
        watch(run)
        _ = reporting.addDevice(Self.requester)
        run.run(cpus: round.cpus) { thread in
            switch thread {
            case 0..<Self.callers:
                call(run, thread)
                board.callersLeft.endOne()
            case Self.callers:
                var devices = PairDevices(self, run, thread)
                devices.work()
                board.devicesLeft.endOne()
            case Self.callers + 1:
                report(run, thread)
                board.reporterLeft.endOne()
            default: PairWorker(self, run, thread).work()
            }
        }
        run.expectNothingLeft(release.census(), ReleaseCensus(), .invariant(38))
        run.expectNothingLeft(ownership.census(), PASIDCensus())
        run.expectNothingLeft(reporting.census(), ReportingCensus())
        port.deallocate()
        return run
    }

    // MARK: Callers

    private func call(_ run: LifetimeRun, _ thread: Int) {
        var random = SeededGenerator(seed: round.seed, stream: UInt64(thread))
        for _ in 0..<Self.lives where !run.hasFailed(thread) {
            guard let (key, pasid) = begin(run, thread) else { return }
            let slot = board.slots + thread
            let wanted =
                slot.pointee.sent.value.load(ordering: .relaxed) + random.next() % 12
            show(key.word, thread)
            var wait = SpinWait()
            while slot.pointee.sent.value.load(ordering: .relaxed) < wanted { wait.wait() }
            end(run, thread, key, pasid)
            run.advance(thread)
        }
    }

    /// A new address space under the PASID that is free.
    private func begin(_ run: LifetimeRun, _ thread: Int) -> (SpaceKey, PASID)? {
        let outcome = run.perform(.bind, by: thread) {
            ownership.begin(thread, task: thread, parent: nil)
            return ownership.bind(thread, device: 0, fails: false)
        }
        guard case .bound(let pasid) = outcome else {
            run.fail(Violation(.oracle, "a bind with a PASID free: \(outcome)"), by: thread)
            return nil
        }
        _ = ownership.firstUse(thread)
        guard let key = release.bind(under: pasid) else {
            run.fail(
                Violation(
                    .invariant(37), "\(pasid) was given away before its address space let it go"),
                by: thread)
            return nil
        }
        let before = board.give(pasid, to: key.word)
        if before != 0 {
            run.fail(
                Violation(.invariant(37), "\(pasid) was given to two address spaces"), by: thread)
        }
        return (key, pasid)
    }

    /// Tells the devices, and waits until they have seen it.
    private func show(_ word: UInt64, _ thread: Int) {
        let slot = board.slots + thread
        slot.pointee.target.value.store(word, ordering: .releasing)
        var wait = SpinWait()
        while slot.pointee.seen.value.load(ordering: .acquiring) != word { wait.wait() }
    }

    /// The process exits, then its file is closed.
    private func end(_ run: LifetimeRun, _ thread: Int, _ key: SpaceKey, _ pasid: PASID) {
        let early = ownership.exit(thread)
        if early != .kept {
            run.fail(
                Violation(.invariant(37), "the exit of a process that is bound: \(early)"),
                by: thread)
        }
        let outcome = run.perform(.exit, by: thread) { release.exit(key) }
        if outcome == .deadlocked {
            run.fail(Violation(.deadlock, "a release waits for its caller"), by: thread)
        }
        if mistake == .reusesBeforeDrain {
            free(run, thread, pasid)
            SpinWait.yieldProcessor()
        }
        if mistake == .flushesBeforeStop { flush(run, thread, pasid) }
        show(0, thread)
        if mistake != .flushesBeforeDrain { drain(thread) }
        if mistake != .flushesBeforeStop && mistake != .skipsFlush { flush(run, thread, pasid) }
        run.perform(.unbind, by: thread) { release.letGo(key) }
        if mistake != .reusesBeforeDrain { free(run, thread, pasid) }
    }

    /// Returns when what the devices had sent has been reported.
    private func drain(_ thread: Int) {
        let sent = board.slots[thread].sentAtStop.value.load(ordering: .relaxed)
        var wait = SpinWait()
        while board.reported.load(ordering: .acquiring) < sent { wait.wait() }
    }

    private func flush(_ run: LifetimeRun, _ thread: Int, _ pasid: PASID) {
        run.perform(.flush, by: thread) { reporting.flush(Self.requester, pasid) }
    }

    private func free(_ run: LifetimeRun, _ thread: Int, _ pasid: PASID) {
        _ = board.give(pasid, to: 0)
        let fate = run.perform(.unbind, by: thread) { ownership.unbind(thread, device: 0) }
        if fate != .freed {
            run.fail(
                Violation(.invariant(37), "the last unbind after the last exit: \(fate)"),
                by: thread)
        }
    }

    // MARK: The fault thread

    private func report(_ run: LifetimeRun, _ thread: Int) {
        var consumer = ring.makeConsumer()
        let reporter = run.make { reporting.makeReporter() }
        let buffer = UnsafeMutablePointer<PageRequest>.allocate(capacity: 8)
        defer { buffer.deallocate() }
        run.workOff(thread, after: board.devicesLeft) {
            let count = consumer.dequeue(into: buffer, limit: 8)
            for place in 0..<count {
                let outcome = run.perform(.report, by: thread) { reporter.report(buffer[place]) }
                if outcome != .held && outcome != .queued {
                    run.fail(Violation(.oracle, "a report came to \(outcome)"), by: thread)
                }
                board.reported.wrappingAdd(1, ordering: .releasing)
            }
            return count > 0
        }
        reporter.retire()
    }
}
