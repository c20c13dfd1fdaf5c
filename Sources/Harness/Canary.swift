import CPlatform
import FaultQueues
import Measurement

/// A spin ping-pong between two pinned CPUs, run before and after every round: the machine's own
/// state, on which every scheme's figures depend.
///
/// Overlap: one thread in `serve`, one in `measure`, each once per round and side.
struct Canary: ~Copyable, @unchecked Sendable {
    /// Odd: the server's turn; even: the measurer's. `stopWord` ends it.
    private let turn = PaddedAtomic<UInt64>(0)

    /// Round trips per reading of the clock, so that its step does not show.
    static let tripsPerBatch = 16
    static let durationNs: UInt64 = 5_000_000

    private static var stopWord: UInt64 { .max }

    /// The measurer's side: the median over batches of the round trip in nanoseconds. Resets the
    /// word, so it may be called again after a meeting.
    func measure(clock: ClockCalibration, durationNs: UInt64 = Canary.durationNs) -> Double? {
        var batches: [UInt64] = []
        batches.reserveCapacity(4096)
        let deadline = Ticks.now() &+ clock.ticks(fromNanoseconds: durationNs)
        var mine: UInt64 = 0
        var before = Ticks.now()
        while before < deadline && batches.count < 4096 {
            for _ in 0..<Self.tripsPerBatch {
                turn.value.store(mine &+ 1, ordering: .releasing)
                mine &+= 2
                var wait = PollWait(isOversubscribed: false)
                while turn.value.load(ordering: .acquiring) != mine { wait.failed() }
            }
            let after = Ticks.now()
            batches.append(after &- before)
            before = after
        }
        turn.value.store(Self.stopWord, ordering: .releasing)
        batches.sort()
        guard !batches.isEmpty else { return nil }
        let median = clock.nanoseconds(fromTicks: batches[batches.count / 2])
        return Double(median) / Double(Self.tripsPerBatch)
    }

    /// The other side; returns when the measurer has stopped.
    func serve() {
        var wait = PollWait(isOversubscribed: false)
        while true {
            let seen = turn.value.load(ordering: .acquiring)
            if seen == Self.stopWord { return }
            if seen & 1 == 1 {
                turn.value.store(seen &+ 1, ordering: .releasing)
                wait.succeeded()
            } else {
                wait.failed()
            }
        }
    }

    /// Ends the server where the measurer could not be started.
    func cancel() { turn.value.store(Self.stopWord, ordering: .releasing) }

    /// Back to the start, between two meetings.
    func reset() { turn.value.store(0, ordering: .releasing) }
}
