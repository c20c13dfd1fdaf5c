import FaultModel
import FaultOracle
import FaultQueues
import Measurement
import Results

/// A fault thread of a trial. Consumer 0 also owns the ring's memory, the canary's measuring side
/// and the clock of each burst.
struct ConsumerThread {
    let trial: RingTrial
    let shared: TrialState
    let number: Int

    private var isTimekeeper: Bool { number == 0 }
    private var isRoundTrip: Bool { trial.workload.measure == .roundTrip }
    private var isReplay: Bool { trial.workload.measure == .openLoop }
    private var recordsLatency: Bool { isReplay || isRoundTrip || trial.stamps }

    func run() {
        if isTimekeeper {
            shared.rings = (0..<(isRoundTrip ? 2 : 1)).map { _ in
                trial.scheme.make(trial.configuration)
            }
        }
        shared.meet()
        var probe = BurstProbe(cpus: isTimekeeper ? Array(Set(trial.cpus)) : [])
        var outcome = ThreadOutcome(isConsumer: true, number: number, cpu: trial.cpus[number])
        let buffer = allocateShared(zeroed: PageRequest.self, count: trial.workload.batch)
        let samples = recordsLatency ? LatencySamples(capacity: trial.samplesPerBurst) : nil
        samples?.touch()
        var burst = ConsumerBurst(
            words: shared.words, buffer: buffer, batch: trial.workload.batch,
            producers: trial.workload.producers,
            wait: PollWait(isOversubscribed: trial.isOversubscribed),
            think: ThinkTime(bound: trial.thinkPasses, seed: trial.seed &+ UInt64(number)),
            acknowledges: trial.workload.overflow != .wait, samples: samples)
        if isRoundTrip {
            echo(&burst, &probe, &outcome)
        } else {
            drain(&burst, &probe, &outcome)
        }
        outcome.requests = UInt64(burst.delivered)
        outcome.allocatedBytes = probe.allocatedBytes
        outcome.view = burst.check.view
        shared.finish(outcome)
        samples?.deallocate()
        freeShared(buffer, count: trial.workload.batch)
        // Rings are released by the trial's state, after every thread has let go of its endpoint.
        shared.meet()
    }

    private func drain(
        _ burst: inout ConsumerBurst, _ probe: inout BurstProbe, _ outcome: inout ThreadOutcome
    ) {
        let end = shared.alone { trial.scheme.makeConsumer(shared.rings[0]) }
        runCanary()
        for number in 0...trial.bursts {
            begin(&burst, &probe)
            let start = shared.startTicks
            burst.deadlineTicks = isTimekeeper && !isReplay ? start &+ burstTicks : .max
            end.drain(&burst)
            finish(number, start, &burst, &probe, &outcome)
        }
        runCanary()
        end.release()
    }

    /// The far side of a round trip sends everything back.
    private func echo(
        _ burst: inout ConsumerBurst, _ probe: inout BurstProbe, _ outcome: inout ThreadOutcome
    ) {
        let end = shared.alone {
            trial.scheme.makePair(shared.rings[1], shared.rings[0])
        }
        runCanary()
        for number in 0...trial.bursts {
            begin(&burst, &probe)
            let start = shared.startTicks
            end.echo(&burst)
            finish(number, start, &burst, &probe, &outcome)
        }
        runCanary()
        end.release()
    }

    private var burstTicks: UInt64 {
        trial.clock.ticks(fromNanoseconds: UInt64(trial.burstNs))
    }

    private func runCanary() {
        shared.runCanary(isTimekeeper && trial.hasCanary ? .measures(trial.clock) : .waits)
    }

    private func begin(_ burst: inout ConsumerBurst, _ probe: inout BurstProbe) {
        burst.samples?.reset()
        burst.deliveredInTime = 0
        burst.failedTries = 0
        probe.begin()
        if isTimekeeper {
            shared.words.pointee.prepare()
            // A replay begins a little later, so that no producer is late before it could start.
            let leadNs: UInt64 = isReplay ? (trial.isOversubscribed ? 50_000 : 5_000) : 0
            shared.startTicks = Ticks.now() &+ trial.clock.ticks(fromNanoseconds: leadNs)
        }
        shared.meet()
    }

    private func finish(
        _ number: Int, _ start: UInt64, _ burst: inout ConsumerBurst, _ probe: inout BurstProbe,
        _ outcome: inout ThreadOutcome
    ) {
        var part = probe.end()
        shared.meet()
        part.operations = burst.deliveredInTime
        part.failedTries = burst.failedTries
        part.durationTicks = burst.endTicks > start ? burst.endTicks &- start : 0
        if number == 0 { return }  // the warm-up
        if let samples = burst.samples {
            outcome.droppedSamples += samples.dropped
            part.latenciesNs = samples.samples.map { trial.clock.nanoseconds(fromTicks: $0) }
        }
        outcome.bursts.append(part)
    }
}
