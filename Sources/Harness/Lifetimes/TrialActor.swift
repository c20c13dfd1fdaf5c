import Measurement

/// One thread's part of a lifetime trial, made on the thread that plays it. One thread.
public struct TrialActor {
    /// Loops until the burst ends.
    let burst: (inout ActorBurst) -> Void
    /// After all have ended their bursts, before any begins the next: puts things back, checks.
    let settle: () -> Void
    /// After the last burst, once.
    let finish: () -> ActorFindings

    @usableFromInline
    init(
        burst: @escaping (inout ActorBurst) -> Void, settle: @escaping () -> Void = {},
        finish: @escaping () -> ActorFindings
    ) {
        self.burst = burst
        self.settle = settle
        self.finish = finish
    }
}

/// What a thread found beside its figure.
public struct ActorFindings: Sendable {
    /// A sentence each.
    var violations: [String] = []
    /// Summed over threads.
    var counts: [String: Int] = [:]
    /// Nanoseconds, merged over threads.
    var latenciesNs: [String: [UInt64]] = [:]

    init(
        violations: [(Int, String)] = [], counts: [String: Int] = [:],
        latenciesNs: [String: [UInt64]] = [:]
    ) {
        self.violations = violations.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        self.counts = counts
        self.latenciesNs = latenciesNs
    }
}

/// A thread's place in a trial.
public struct ActorSeat: Sendable {
    /// 0 ..< the workload's counted, or background, threads.
    let lane: Int
    let isBackground: Bool
}

/// One structure with its type erased; the calls of this value happen outside measured loops.
public struct LifetimeInstance: Sendable {
    /// Any thread, one at a time.
    let makeActor: @Sendable (ActorSeat) -> TrialActor
    /// After every thread has been joined: what is left behind, a sentence each.
    let leftBehind: @Sendable () -> [String]
}
