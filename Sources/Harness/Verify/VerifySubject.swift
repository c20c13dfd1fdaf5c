import FaultModel
import FaultOracle
import FaultQueues

/// A scheme, or a broken twin, as `fqbench verify` sees it.
public struct VerifySubject: Sendable {
    public let name: String
    /// One of `areas`.
    public let subject: String
    public let checks: [VerifyCheck]
    let run: @Sendable (VerifyTrial, TrialClock) -> TrialOutcome

    /// The subjects, in the order of tables.
    public static let areas = ["ring", "reporting", "pasid", "attach-handle", "release", "pairs"]

    /// A scheme about lifetimes.
    init(name: String, area: String, _ check: LifetimeTrialCheck) {
        self.init(
            name: name, subject: area,
            checks: VerifyCheck.ofRings.filter { $0 != .lists || check.list != nil }
        ) { check.run($0, $1) }
    }

    /// A reporting scheme.
    ///
    /// - Parameters:
    ///   - make: The scheme as it is measured.
    ///   - makeChecked: The same source with checked locks and memory.
    ///   - checks: All of them, but for a twin made for one.
    public init(
        reporting name: String,
        make: @escaping @Sendable (ReportingConfiguration) -> VerifiedReporting,
        makeChecked: @escaping @Sendable (ReportingConfiguration) -> VerifiedReporting,
        checks: [VerifyCheck] = VerifyCheck.allCases
    ) {
        self.name = name
        subject = "reporting"
        self.checks = checks
        run = { ReportingTrialCheck(make: make, makeChecked: makeChecked).run($0, $1) }
    }

    /// A ring that `make` makes.
    public init<Ring: PageRequestRing>(
        ring name: String, make: @escaping @Sendable (RingConfiguration) -> Ring
    ) {
        self.name = name
        subject = "ring"
        checks = VerifyCheck.ofRings
        run = { RingTrialCheck<Ring>(make: make).run($0, $1) }
    }

    /// The same under another name.
    public func named(_ name: String) -> VerifySubject {
        VerifySubject(name: name, subject: subject, checks: checks, run: run)
    }

    private init(
        name: String, subject: String, checks: [VerifyCheck],
        run: @escaping @Sendable (VerifyTrial, TrialClock) -> TrialOutcome
    ) {
        self.name = name
        self.subject = subject
        self.checks = checks
        self.run = run
    }

    /// Runs a trial in this process. A deadlock ends the process by `clock.onStandstill`.
    public func outcome(of trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        let start = ContinuousClock().now
        var outcome = run(trial, clock)
        outcome.seconds = (ContinuousClock().now - start) / .seconds(1)
        return outcome
    }
}

/// When a trial is over, and what happens where nothing moves any more.
public struct TrialClock: Sendable {
    private let start = ContinuousClock().now
    private let limit: Duration
    /// Looks of the watchdog without a change, 50 ms apart, after which a run counts as stuck.
    let patience: Int
    /// Called on another thread with the outcome so far; must not return to the trial.
    let onStandstill: @Sendable (TrialOutcome) -> Void

    public init(
        seconds: Double, patience: Int = 100,
        onStandstill: @escaping @Sendable (TrialOutcome) -> Void
    ) {
        limit = .seconds(seconds)
        self.patience = patience
        self.onStandstill = onStandstill
    }

    var isOver: Bool { ContinuousClock().now - start > limit }
}

/// A broken twin.
public struct VerifyTwin: Sendable {
    public let subject: VerifySubject
    /// The hazard that it has: `H9`, or `ring`.
    public let hazard: String
    /// The sound scheme whose source it is.
    public let base: String
    /// What is wrong, and where it was found.
    public let source: String

    public init(_ subject: VerifySubject, hazard: String, base: String, source: String) {
        self.subject = subject
        self.hazard = hazard
        self.base = base
        self.source = source
    }
}
