import FaultModel
import FaultOracle
import FaultQueues

/// What one round of an exercise is given.
struct LifetimeRound: Sendable {
    let seed: UInt64
    /// Rounds differ in shape by this.
    let number: Int
    /// Rises by one every second round, from where the trial's seed begins: what takes turns by it
    /// does not have the same one first in each trial.
    let turn: Int
    let cpus: [Int]
}

/// The checks of a scheme about lifetimes: lists of operations by chance beside a model, and an
/// exercise of threads.
struct LifetimeTrialCheck: Sendable {
    typealias List = @Sendable (_ seed: UInt64, _ run: LifetimeRun) -> Void
    typealias Exercise =
        @Sendable (LifetimeRound, _ watch: (LifetimeRun) -> Void) -> LifetimeRun

    /// One list, on one thread; counts and fails in the run's only thread. Nil where there is
    /// none.
    let list: List?
    let exercise: Exercise
    /// The same source with checked locks, whose users are delayed.
    let checkedExercise: Exercise

    /// A list's operations: what a list shows, it shows in a few of this length.
    static let listLength = 2000
    private static let leastLists = 5
    /// One as it is measured, and one with checked locks.
    private static let leastRounds = 2
    /// Of 1024 points in checked locks.
    private static let disturbance = 48

    func run(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        let dog = Watchdog(clock)
        defer { dog.stop() }
        let cpus = trial.check == .oneCPU ? Array(trial.cpus.prefix(1)) : trial.cpus
        let least = trial.check == .lists ? Self.leastLists : Self.leastRounds
        while outcome.rounds < least || (outcome.operations < trial.operations && !clock.isOver) {
            let round = LifetimeRound(
                seed: trial.seed &+ UInt64(outcome.rounds) &* 0x9E37_79B9, number: outcome.rounds,
                turn: Int(trial.seed % 1024) + outcome.rounds / 2, cpus: cpus)
            let run = one(trial.check, round) { dog.watch($0.board, before: outcome) }
            dog.watch(nil, before: outcome)
            outcome.operations += run.operations
            outcome.rounds += 1
            outcome.violations =
                run.violations + ComplaintRules.violations(Complaints.take())
            if !outcome.holds {
                outcome.steps = outcome.violations.enumerated().map {
                    FailureStep(
                        atUs: 0,
                        sentence: "round \(round.number), seed \(round.seed): "
                            + $0.element.sentence, violations: [$0.offset])
                }
                break
            }
        }
        return outcome
    }

    private func one(
        _ check: VerifyCheck, _ round: LifetimeRound, watch: (LifetimeRun) -> Void
    ) -> LifetimeRun {
        if check == .lists, let list {
            let run = LifetimeRun(threads: ["list"])
            watch(run)
            list(round.seed, run)
            return run
        }
        // Every second round as it is measured, every other with delays at the locks.
        guard round.number % 2 == 1 else { return exercise(round, watch) }
        Disturbance.set(rate: Self.disturbance, seed: round.seed)
        defer { Disturbance.set(rate: 0, seed: 0) }
        return checkedExercise(round, watch)
    }
}

extension VerifySubject {
    /// A PASID scheme.
    ///
    /// - Parameter checked: The same structure with `CheckedLock`.
    public init<Structure: PASIDLifetime, Checked: PASIDLifetime>(
        pasid _: Structure.Type, checked: Checked.Type
    ) {
        self.init(
            name: LockKind.schemeName(Structure.structure, Structure.lockKind), area: "pasid",
            LifetimeTrialCheck(
                list: { PASIDLists<Structure>().run(seed: $0, $1) },
                exercise: { PASIDExercise<Structure>($0).run(watch: $1) },
                checkedExercise: { PASIDExercise<Checked>($0).run(watch: $1) }))
    }

    /// An attach-handle scheme.
    ///
    /// - Parameter checked: The same structure with `CheckedLock`.
    public init<Structure: AttachHandling, Checked: AttachHandling>(
        attachHandle _: Structure.Type, checked: Checked.Type
    ) {
        self.init(
            name: LockKind.schemeName(Structure.structure, Structure.lockKind),
            area: "attach-handle",
            LifetimeTrialCheck(
                list: { HandleLists<Structure>().run(seed: $0, $1) },
                exercise: { HandleExercise<Structure>($0).run(watch: $1) },
                checkedExercise: { HandleExercise<Checked>($0).run(watch: $1) }))
    }

    /// A release scheme.
    ///
    /// - Parameters:
    ///   - checked: The same structure with `CheckedLock`.
    ///   - holdsHandlersLock: Whether last puts are made with a lock held that handlers take. Nil
    ///     for where the scheme promises that they may.
    public init<Structure: SpaceReleasing, Checked: SpaceReleasing>(
        release _: Structure.Type, checked: Checked.Type,
        holdsHandlersLock: Bool? = nil
    ) {
        let holds = holdsHandlersLock ?? !Structure.waitsForHandlers
        self.init(
            name: LockKind.schemeName(Structure.structure, Structure.lockKind), area: "release",
            LifetimeTrialCheck(
                list: { ReleaseLists<Structure>().run(seed: $0, $1) },
                exercise: {
                    ReleaseExercise<Structure>($0, holdsHandlersLock: holds).run(watch: $1)
                },
                checkedExercise: {
                    ReleaseExercise<Checked>($0, holdsHandlersLock: holds).run(watch: $1)
                }))
    }
}
