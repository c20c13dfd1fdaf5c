import FaultQueues
import Harness

extension SchemeCatalogue {
    /// Every PASID scheme with every release scheme, each under one reporting structure after the
    /// other, as `fqbench verify` checks them.
    static var verifiedPairs: [VerifySubject] {
        pairs(PerBind.self) + pairs(LazyRefcount.self) + pairs(PerMM.self) + pairs(GlobalIDA.self)
    }

    /// The order in which an address space ends, with one step wrong.
    static var pairTwins: [VerifyTwin] {
        [
            twin(
                "reuse-before-drain", .reusesBeforeDrain,
                "the PASID is free before its devices have stopped and its faults are drained"),
            twin(
                "flush-before-drain", .flushesBeforeDrain,
                "the flush does not wait for what the stopped devices have left in the ring"),
            twin("flush-before-stop", .flushesBeforeStop, "flushed, and then the devices stop"),
            twin("no-flush", .skipsFlush, "stopped and drained from the ring, and never flushed"),
        ]
    }

    /// One of each structure: futex locks where there are locks, nodes from a pool.
    private static let structures = reporting.filter {
        !$0.name.contains("/") || ($0.name.hasSuffix("/futex"))
    }

    private static func pairs<Policy: PASIDPolicy>(_ policy: Policy.Type) -> [VerifySubject] {
        [
            pair(policy, DrainInRelease.self), pair(policy, DummyTable.self),
            pair(policy, ClearAndFlush.self), pair(policy, QuietEntry.self),
        ]
    }

    private static func pair<Policy: PASIDPolicy, Release: ReleasePolicy>(
        _: Policy.Type, _: Release.Type, name: String? = nil, mistake: PairMistake? = nil
    ) -> VerifySubject {
        VerifySubject(
            pair: name ?? "\(Policy.structure)+\(Release.structure)",
            PASIDOwnership<FutexLock, Policy, SoundPASID>.self,
            checkedPASID: PASIDOwnership<CheckedLock, Policy, SoundPASID>.self,
            SpaceRelease<FutexLock, Release, SoundRelease>.self,
            checkedRelease: SpaceRelease<CheckedLock, Release, SoundRelease>.self,
            reporting: structures, mistake: mistake)
    }

    private static func twin(_ name: String, _ mistake: PairMistake, _ source: String)
        -> VerifyTwin
    {
        VerifyTwin(
            pair(GlobalIDA.self, DummyTable.self, name: name, mistake: mistake), hazard: "–",
            base: "global-ida+dummy-table", source: source)
    }
}
