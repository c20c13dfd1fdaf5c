import CPlatform
import FaultOracle
import FaultQueues
import SchemeCatalogue
import Testing

@testable import Harness

/// The checks themselves, in this process: no twin here crashes or stands still.
@Suite(.serialized)
struct VerifyTests {
    private static let seed: UInt64 = 20_261_121

    private func outcome(
        _ subject: VerifySubject, _ check: VerifyCheck, operations: Int = 2000, seconds: Double = 60
    ) -> TrialOutcome {
        let trial = VerifyTrial(
            area: subject.subject, subject: subject.name, check: check, seed: Self.seed,
            operations: operations,
            seconds: seconds, cpus: [])
        return subject.outcome(
            of: trial, TrialClock(seconds: seconds) { Issue.record("\($0.violations)") })
    }

    @Test func namesAreUniqueAndTwinsSayWhereTheyWereFound() {
        // Two subjects may have a scheme of one name.
        let names =
            SchemeCatalogue.verified.map { $0.subject + " " + $0.name }
            + SchemeCatalogue.twins.map(\.subject.name)
        #expect(Set(names).count == names.count)
        #expect(Set(SchemeCatalogue.verified.map(\.subject)) == Set(VerifySubject.areas))
        for twin in SchemeCatalogue.twins {
            #expect(!twin.source.isEmpty && !twin.base.isEmpty, "\(twin.subject.name)")
        }
    }

    @Test func everyHazardThatIsABugHasATwin() {
        let hazards = SchemeCatalogue.twins.map(\.hazard).joined(separator: ", ")
            .split(separator: ", ").map(String.init)
        let wanted = [
            1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 17, 18, 19, 22, 24, 25, 26, 27, 28, 31,
        ]
        for number in wanted { #expect(hazards.contains("H\(number)")) }
    }

    @Test(arguments: [
        "device-lock/futex", "rcu-refcount/ttas", "sharded/futex", "slot-table", "single-owner",
        "lazy-refcount/futex", "reader-slots", "dummy-table/ttas", "drain-in-release/futex",
        "per-bind+drain-in-release", "lazy-refcount+quiet",
    ])
    func soundSchemesPass(_ name: String) throws {
        let scheme = try #require(SchemeCatalogue.verified.first { $0.name == name })
        for check in scheme.checks where check != .lists {
            let found = outcome(scheme, check)
            #expect(found.holds, "\(name), \(check): \(found.violations)")
            #expect(found.operations >= 2000)
        }
    }

    @Test(arguments: [
        ("flush-break", VerifyCheck.lists), ("grpid-only", .lists), ("removal-leaks", .lists),
        ("discard-keeps", .lists), ("pages-reversed", .lists), ("answers-twice", .lists),
        ("stale-partial", .memory), ("answers-each-page", .memory),
        ("late-answer-warns", .silent), ("ring-drops", .lists), ("ring-clears-early", .lists),
        ("fork-inherits", .lists), ("lost-reference", .lists), ("entry-left", .lists),
    ])
    func twinsAreKilled(_ name: String, _ check: VerifyCheck) throws {
        let twin = try #require(SchemeCatalogue.twins.first { $0.subject.name == name })
        let found = outcome(twin.subject, check, operations: 5_000_000, seconds: 30)
        #expect(!found.holds, "\(name)")
    }

    /// Lists by chance, which have checked locks and memory, and rounds of every kind come however
    /// few operations are asked for, and however little time there is.
    @Test func nothingIsLeftOutForBeingBrief() throws {
        func scheme(_ subject: String, _ name: String) throws -> VerifySubject {
            try #require(
                SchemeCatalogue.verified.first { $0.subject == subject && $0.name == name })
        }
        let reporting = try scheme("reporting", "slot-table")
        let brief = outcome(reporting, .lists, operations: 1, seconds: 0)
        let longer = outcome(reporting, .lists, operations: 12_000, seconds: 3600)
        #expect(longer.operations - brief.operations == 6000)
        #expect(longer.rounds - brief.rounds == 100)
        for name in ["rcu-refcount/futex", "rcu-section/futex"] {
            let handles = try scheme("attach-handle", name)
            #expect(outcome(handles, .threads, operations: 1, seconds: 0).rounds == 2)
        }
        let ring = try scheme("ring", "spsc")
        #expect(outcome(ring, .threads, operations: 1, seconds: 0).rounds == 8)
    }

    /// What the threads' histories alone show, with no list and no poison.
    @Test(arguments: [
        ("grpid-only", 5), ("pages-reversed", 4), ("flush-takes-all", 12),
    ])
    func historiesNameTheInvariant(_ name: String, _ number: Int) throws {
        let twin = try #require(SchemeCatalogue.twins.first { $0.subject.name == name })
        let found = outcome(twin.subject, .threads, operations: 5_000_000, seconds: 30)
        #expect(found.violations.contains { $0.rule == .invariant(number) }, "\(found.violations)")
        #expect(!found.steps.isEmpty)
    }

    @Test func stallsStopWhoNeedsTheLockAndNobodyElse() throws {
        let scheme = try #require(SchemeCatalogue.verified.first { $0.name == "slot-table" })
        let sound = outcome(scheme, .stalls, operations: 400_000)
        #expect(sound.holds, "\(sound.violations)")
        let stalls = try #require(sound.stalls)
        #expect(stalls.reduce(0) { $0 + $1.stalls } == 32)
        #expect(stalls.allSatisfy { $0.stopped["respond"] == nil && $0.stopped["finish"] == nil })
        let twin = try #require(
            SchemeCatalogue.twins.first { $0.subject.name == "locks-promise-progress" })
        let found = outcome(twin.subject, .stalls, operations: 5_000_000)
        #expect(found.violations.contains { $0.rule == .progress }, "\(found.violations)")
    }

    @Test func promisesHoldButForTheirExceptions() {
        let promise = ProgressPromise([.take: [.report], .finish: []])
        #expect(promise.holds(for: .finish, whileHaltedIn: .report))
        #expect(promise.holds(for: .take, whileHaltedIn: .flush))
        #expect(!promise.holds(for: .take, whileHaltedIn: .report))
        #expect(!promise.holds(for: .report, whileHaltedIn: .finish))
        for action in ReportingAction.allCases {
            #expect(!ProgressPromise.blocking.holds(for: action, whileHaltedIn: .finish))
        }
    }

    /// What threads alone show, beside what lists show; each has its window opened by a yield. A
    /// twin's races are what ThreadSanitizer would report.
    @Test(
        .enabled(if: !fq_tsan_enabled()),
        arguments: [
            ("free-on-failed-bind", Violation.Rule.invariant(35)),
            ("free-while-used", .invariant(37)), ("no-drain", .memory),
            ("late-device", .invariant(31)), ("half-built", .invariant(31)),
            ("flush-early", .invariant(9)),
            ("no-invalidation", .memory),
            ("unbind-without-drain", .invariant(38)), ("reuse-before-drain", .invariant(37)),
            ("flush-before-drain", .invariant(38)), ("flush-before-stop", .invariant(38)),
            ("no-flush", .invariant(38)),
        ])
    func threadsNameTheRule(_ name: String, _ rule: Violation.Rule) throws {
        let twin = try #require(SchemeCatalogue.twins.first { $0.subject.name == name })
        let found = outcome(twin.subject, .threads, operations: 5_000_000, seconds: 30)
        #expect(found.violations.contains { $0.rule == rule }, "\(found.violations)")
        #expect(!found.steps.isEmpty)
    }

    /// A process that others end, or that leaves nothing, shows nothing about a twin; one that dies
    /// of what it did does.
    @Test(arguments: [
        ("kill -9 $$", Violation.Rule.unfinished), ("kill -TERM $$", .unfinished),
        ("exit 3", .unfinished), ("kill -SEGV $$", .crash),
    ])
    func deathsAreToldApart(_ script: String, _ rule: Violation.Rule) throws {
        let trial = VerifyTrial(
            area: "ring", subject: "spsc", check: .lists, seed: 1, operations: 1, seconds: 60,
            cpus: [])
        let outcome = try #require(
            try TrialProcess.run(
                trial, program: "/bin/sh", arguments: ["-c", script], isStopped: { false }))
        #expect(outcome.violations.map(\.rule) == [rule])
        #expect(!outcome.holds && outcome.kills == (rule == .crash))
    }

    @Test func seedsFollowFromNames() {
        let plan = VerifyPlan(
            seed: 7, cpus: [0], effort: .init(operations: 1, seconds: 1, twinSeconds: 1))
        let (first, second) = (SchemeCatalogue.verified[0], SchemeCatalogue.verified[1])
        #expect(plan.trial(first, .lists) == plan.trial(first, .lists))
        #expect(plan.trial(first, .lists).seed != plan.trial(second, .lists).seed)
        #expect(plan.trial(first, .lists, pass: 1).seed != plan.trial(first, .lists).seed)
    }
}
