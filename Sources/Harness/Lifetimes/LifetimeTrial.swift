import FaultQueues
import Measurement
import Placement
import Results

/// One round of a cell of the subjects about lifetimes: threads pinned and started, a canary, a
/// warm-up burst, the counted bursts, a canary; then what must be left, which is nothing.
struct LifetimeTrial {
    let settings: TrialSettings
    let counted: Int
    let background: Int
    /// Whether the figure is the latency of an operation, not a rate.
    let isLatency: Bool
    /// The fewest nanoseconds between two samples of a thread: what its buffer is made for.
    let sampleNs: Double
    /// Called on the first thread, which owns the memory.
    let make: @Sendable (TrialSettings) -> LifetimeInstance

    func run(index: Int) throws -> RoundRecord {
        let shared = LifetimeState(self)
        try shared.run(
            cpus: settings.cpus, on: settings.topology,
            name: { $0 < background ? "other-\($0)" : "lane-\($0 - background)" }
        ) { place in
            LifetimeThread(trial: self, shared: shared, place: place).run()
        }
        return shared.record(index: index)
    }
}

/// What the threads of a lifetime trial share.
final class LifetimeState: TrialMeeting, @unchecked Sendable {
    let trial: LifetimeTrial
    /// Set by the first thread.
    var instance: LifetimeInstance?
    private var outcomes: [LifetimeOutcome] = []

    init(_ trial: LifetimeTrial) {
        self.trial = trial
        super.init(parties: trial.settings.cpus.count)
    }

    func finish(_ outcome: LifetimeOutcome) { alone { outcomes.append(outcome) } }

    /// The round, once every thread has been joined: the figures, and the last checks.
    func record(index: Int) -> RoundRecord {
        let all = outcomes.sorted { $0.place < $1.place }
        let counted = all.filter { !$0.isBackground }
        let figures = LatencyFigures(
            bursts: (0..<trial.settings.bursts).map { number in all.map { $0.bursts[number] } },
            canaryNs: canaryNs, isMeasured: trial.isLatency)
        var counts: [String: Int] = [:]
        var latencies: [String: [UInt64]] = [:]
        for findings in all.map(\.findings) {
            counts.merge(findings.counts, uniquingKeysWith: +)
            latencies.merge(findings.latenciesNs, uniquingKeysWith: +)
        }
        let encoded = latencies.compactMapValues(LatencyFigures.encoded)
        let operations = counted.reduce(0) { $0 + $1.operations }
        return RoundRecord(
            index: index, canaryBeforeNs: canaryNs.first ?? nil,
            canaryAfterNs: canaryNs.count > 1 ? canaryNs[1] : nil,
            bursts: (0..<trial.settings.bursts).map { burst($0, counted, all) },
            threads: (counted + all.filter(\.isBackground)).map {
                ThreadRecord(
                    role: $0.isBackground ? "consumer" : "producer", cpu: $0.cpu,
                    bursts: $0.bursts, allocatedBytes: $0.allocatedBytes)
            },
            latencyHistogram: figures.histogram, tailBlame: figures.blame,
            otherLatencies: encoded.isEmpty ? nil : encoded, counts: counts.isEmpty ? nil : counts,
            check: CheckRecord(
                accepted: operations, delivered: operations,
                violations: all.flatMap(\.findings.violations)
                    + (instance?.leftBehind() ?? [])))
    }

    private func burst(
        _ number: Int, _ counted: [LifetimeOutcome], _ all: [LifetimeOutcome]
    ) -> BurstRecord {
        let ticks = counted.map { $0.bursts[number].durationTicks }.max() ?? 0
        return BurstRecord(
            durationNs: Double(trial.settings.clock.nanoseconds(fromTicks: ticks)),
            operations: counted.reduce(0) { $0 + $1.bursts[number].operations },
            of: all.map { $0.bursts[number] })
    }
}

/// What one thread brings home.
struct LifetimeOutcome: Sendable {
    let place: Int
    let isBackground: Bool
    let cpu: Int
    /// Of all bursts, the warm-up included.
    var operations = 0
    var bursts: [BurstOutcome] = []
    var allocatedBytes: UInt64?
    var findings = ActorFindings()
}

/// A thread of a lifetime trial. The first one owns the structure's memory; the first of those that
/// count keeps the time.
struct LifetimeThread {
    let trial: LifetimeTrial
    let shared: LifetimeState
    let place: Int

    private var settings: TrialSettings { trial.settings }
    private var isBackground: Bool { place < trial.background }
    private var lane: Int { isBackground ? place : place - trial.background }

    func run() {
        if place == 0 { shared.instance = trial.make(settings) }
        shared.meet()
        guard let instance = shared.instance else { return }
        let actor = shared.alone {
            instance.makeActor(ActorSeat(lane: lane, isBackground: isBackground))
        }
        var outcome = LifetimeOutcome(
            place: place, isBackground: isBackground, cpu: settings.cpus[place])
        play(actor, &outcome)
        outcome.findings.merge(shared.alone { actor.finish() })
        shared.finish(outcome)
        shared.meet()
    }

    private func play(_ actor: TrialActor, _ outcome: inout LifetimeOutcome) {
        var probe = BurstProbe(cpus: place == 0 ? Array(Set(settings.cpus)) : [])
        let keepsTime = !isBackground && lane == 0
        let samples =
            trial.isLatency && !isBackground
            ? LatencySamples(capacity: Int(settings.burstNs / trial.sampleNs) + 4096) : nil
        defer { samples?.deallocate() }
        samples?.touch()
        var burst = ActorBurst(
            words: shared.words, wait: PollWait(isOversubscribed: settings.isOversubscribed),
            samples: samples)
        var dropped: UInt64 = 0
        runCanary()
        for number in 0...settings.bursts {
            samples?.reset()
            let before = (burst.operations, burst.failedTries)
            burst.passesToClock = 1
            probe.begin()
            if keepsTime { shared.words.pointee.prepare() }
            shared.meet()
            let start = Ticks.now()
            // A thread with samples ends the burst too: where another starves the timekeeper, they
            // would outgrow their buffer.
            burst.deadlineTicks =
                keepsTime || samples != nil
                ? start &+ settings.clock.ticks(fromNanoseconds: UInt64(settings.burstNs)) : .max
            actor.burst(&burst)
            var part = probe.end()
            shared.meet()
            actor.settle()
            shared.meet()
            part.operations = burst.operations - before.0
            part.failedTries = burst.failedTries - before.1
            part.durationTicks = burst.endTicks &- start
            if number == 0 { continue }
            dropped += samples?.dropped ?? 0
            part.latenciesNs =
                samples?.samples.map { settings.clock.nanoseconds(fromTicks: $0) } ?? []
            outcome.bursts.append(part)
        }
        runCanary()
        outcome.operations = burst.operations
        outcome.allocatedBytes = probe.allocatedBytes
        if dropped > 0 {
            outcome.findings.violations = ["\(dropped) latency samples did not fit their buffer"]
        }
    }

    private func runCanary() {
        let role: TrialMeeting.CanaryRole =
            !settings.hasCanary || place > 1
            ? .waits : place == 0 ? .measures(settings.clock) : .serves
        shared.runCanary(role)
    }
}

extension ActorFindings {
    /// Adds another's.
    mutating func merge(_ other: ActorFindings) {
        violations += other.violations
        counts.merge(other.counts, uniquingKeysWith: +)
        latenciesNs.merge(other.latenciesNs, uniquingKeysWith: +)
    }
}
