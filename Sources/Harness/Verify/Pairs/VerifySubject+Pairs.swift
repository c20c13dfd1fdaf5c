import FaultQueues

extension VerifySubject {
    /// A scheme of PASID ownership and one of release, with every structure of a list in turn, the
    /// first by the trial's seed: what a pipeline in which address spaces end has to keep under
    /// each of them.
    ///
    /// - Parameters:
    ///   - checkedPASID: The same ownership with `CheckedLock`.
    ///   - checkedRelease: The same release with `CheckedLock`.
    ///   - mistake: What is wrong with the order in which an address space ends; nil for nothing.
    public init<Release: SpaceReleasing, CheckedRelease: SpaceReleasing>(
        pair name: String, _ pasid: any PASIDLifetime.Type, checkedPASID: any PASIDLifetime.Type,
        _: Release.Type, checkedRelease: CheckedRelease.Type, reporting: [ReportingScheme],
        mistake: PairMistake? = nil
    ) {
        let turn: @Sendable (LifetimeRound) -> ReportingScheme = {
            reporting[$0.turn % reporting.count]
        }
        self.init(
            name: name, area: "pairs",
            LifetimeTrialCheck(
                list: nil,
                exercise: { round, watch in
                    PairExercise<Release>(
                        round, mistake, ownership: pasid, reporting: turn(round).makeVerified
                    ).run(watch: watch)
                },
                checkedExercise: { round, watch in
                    PairExercise<CheckedRelease>(
                        round, mistake, ownership: checkedPASID,
                        reporting: turn(round).makeChecked
                    ).run(watch: watch)
                }))
    }
}
