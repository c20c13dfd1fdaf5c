import FaultModel
import FaultOracle
import FaultQueues
import Measurement
import Results

/// A device of a trial. Producer 0 also serves the canary, and measures round trips.
struct ProducerThread {
    let trial: RingTrial
    let shared: TrialState
    let number: Int

    private var isRoundTrip: Bool { trial.workload.measure == .roundTrip }

    func run() {
        shared.meet()
        var probe = BurstProbe(cpus: [])
        var outcome = ThreadOutcome(
            isConsumer: false, number: number, cpu: trial.cpus[trial.workload.consumers + number])
        var burst = ProducerBurst(
            words: shared.words, producer: number,
            wait: PollWait(isOversubscribed: trial.isOversubscribed),
            think: ThinkTime(
                bound: trial.thinkPasses, seed: trial.seed ^ 0x5DEE_CE66 &+ UInt64(number)),
            stamps: trial.stamps)
        if isRoundTrip {
            roundTrips(&burst, &probe, &outcome)
        } else {
            produce(&burst, &probe, &outcome)
        }
        outcome.requests = burst.tag.sequence
        outcome.overflowed = burst.overflowed
        outcome.allocatedBytes = probe.allocatedBytes
        shared.finish(outcome)
        shared.meet()
    }

    private func produce(
        _ burst: inout ProducerBurst, _ probe: inout BurstProbe, _ outcome: inout ThreadOutcome
    ) {
        let end = shared.alone { trial.scheme.makeProducer(shared.rings[0]) }
        runCanary()
        for index in 0...trial.bursts {
            let before = (burst.tag.sequence, burst.failedTries)
            probe.begin()
            shared.meet()
            burst.startTicks = shared.startTicks
            if trial.workload.measure == .openLoop {
                trial.schedules[index][number].withUnsafeBufferPointer { end.replay(&burst, $0) }
            } else {
                end.saturate(&burst)
            }
            var part = probe.end()
            shared.meet()
            part.operations = Int(burst.tag.sequence - before.0)
            part.failedTries = burst.failedTries - before.1
            if index > 0 { outcome.bursts.append(part) }
        }
        runCanary()
        end.release()
    }

    private func roundTrips(
        _ send: inout ProducerBurst, _ probe: inout BurstProbe, _ outcome: inout ThreadOutcome
    ) {
        let end = shared.alone {
            trial.scheme.makePair(shared.rings[0], shared.rings[1])
        }
        let buffer = allocateShared(zeroed: PageRequest.self, count: 1)
        let samples = LatencySamples(capacity: trial.samplesPerBurst)
        samples.touch()
        var receive = ConsumerBurst(
            words: shared.words, buffer: buffer, batch: 1, producers: 1, wait: send.wait,
            think: send.think, acknowledges: false, samples: samples)
        runCanary()
        for index in 0...trial.bursts {
            samples.reset()
            receive.failedTries = 0
            probe.begin()
            shared.meet()
            receive.deadlineTicks =
                shared.startTicks &+ trial.clock.ticks(fromNanoseconds: UInt64(trial.burstNs))
            let start = Ticks.now()
            end.roundTrip(&send, &receive)
            var part = probe.end()
            shared.meet()
            part.operations = receive.deliveredInTime
            part.failedTries = receive.failedTries
            part.durationTicks = receive.endTicks &- start
            part.latenciesNs = samples.samples.map { trial.clock.nanoseconds(fromTicks: $0) }
            if index == 0 { continue }  // the warm-up
            outcome.droppedSamples += samples.dropped
            outcome.bursts.append(part)
        }
        runCanary()
        outcome.view = receive.check.view
        samples.deallocate()
        freeShared(buffer, count: 1)
        end.release()
    }

    private func runCanary() {
        shared.runCanary(number == 0 && trial.hasCanary ? .serves : .waits)
    }
}
