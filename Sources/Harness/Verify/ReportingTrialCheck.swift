import FaultModel
import FaultOracle
import FaultQueues
import Measurement

/// The checks of a reporting scheme.
struct ReportingTrialCheck {
    let make: @Sendable (ReportingConfiguration) -> VerifiedReporting
    let makeChecked: @Sendable (ReportingConfiguration) -> VerifiedReporting

    func run(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        switch trial.check {
        case .lists: lists(trial, clock)
        case .threads, .oneCPU, .silent: exercise(trial, clock)
        case .stalls: StallCheck(make: make).run(trial, clock)
        case .memory: AllocationWalk(make: makeChecked).run(trial, clock)
        }
    }

    // MARK: Lists

    /// Two PASIDs, and a PASID and none: in both orders, for a list names the first one first.
    private static let pasids: [[PASID?]] = [
        [PASID(1), PASID(2)], [PASID(0), nil], [nil, PASID(0)],
    ]

    /// Operations of a list by chance, and how many are done in such lists however late it is.
    private static let longList = 60
    private static let leastByChance = 100 * longList

    /// Every list over two devices, PASIDs and indices up to a length that grows as long as there
    /// is time, every longer one over one device and index, then long ones by chance.
    private func lists(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        let dog = Watchdog(clock)
        defer { dog.stop() }
        /// A driver whose standstill is seen.
        func driver(
            _ make: (ReportingConfiguration) -> VerifiedReporting, _ pasids: [PASID?]
        ) -> SequentialReporting {
            let driver = SequentialReporting(make, pasids: pasids)
            dog.watch(driver.board, before: outcome)
            return driver
        }
        for pasids in Self.pasids {
            var run = driver(make, pasids)
            let depth = trial.operations > 1_000_000 ? 4 : 3
            for (length, devices, indices) in [(depth, 2, 2), (depth + 2, 1, 1)] {
                let found = ReportingLists.first(
                    upTo: length, devices: devices, pasids: 2, indices: indices
                ) { list in
                    outcome.operations += list.count
                    outcome.rounds += 1
                    // Endpoints are made anew after each list, and a structure may keep their
                    // places.
                    if outcome.rounds % 1000 == 0 { run = driver(make, pasids) }
                    return run.firstDifference(list)
                }
                if let difference = found.difference { return outcome.differing(difference) }
            }
        }
        var random = SeededGenerator(seed: trial.seed)
        let run = driver(makeChecked, Self.pasids[0])
        // These have a count of their own: the short lists above are more than a usual check asks
        // for.
        var byChance = 0
        while byChance < Self.leastByChance || (byChance < trial.operations && !clock.isOver) {
            if Complaints.number > 0 { break }
            byChance += Self.longList
            let list = ReportingLists.random(Self.longList, &random)
            outcome.operations += list.count
            outcome.rounds += 1
            if let difference = run.firstDifference(list) { return outcome.differing(difference) }
        }
        outcome.violations += ComplaintRules.violations(Complaints.take())
        return outcome
    }

    // MARK: Threads

    private func exercise(_ trial: VerifyTrial, _ clock: TrialClock) -> TrialOutcome {
        var outcome = TrialOutcome()
        let cpus = trial.check == .oneCPU ? Array(trial.cpus.prefix(1)) : trial.cpus
        let dog = Watchdog(clock)
        defer { dog.stop() }
        while outcome.operations < trial.operations, !clock.isOver {
            let exercise = Self.exercise(trial, round: outcome.rounds, cpus: cpus)
            let result = exercise.run(exercise.disturbance > 0 ? makeChecked : make) {
                dog.watch($0, before: outcome)
            }
            outcome.operations += result.operations
            outcome.rounds += 1
            if !result.violations.isEmpty {
                outcome.violations = result.violations
                outcome.steps = FailureStep.steps(of: result.history, result.violations)
                return outcome
            }
        }
        return outcome
    }

    /// Rounds differ in who runs beside whom, and whether delays are injected.
    static func exercise(_ trial: VerifyTrial, round: Int, cpus: [Int]) -> ReportingExercise {
        var exercise = ReportingExercise(
            seed: trial.seed &+ UInt64(round) &* 0x9E37_79B9, cpus: cpus)
        let isSilent = trial.check == .silent
        exercise.reporters = 1 + round / 2 % 2
        exercise.churns = round % 3 != 0
        exercise.discards = round / 3 % 2 == 1
        exercise.isSilent = isSilent
        exercise.requests = isSilent ? 400 : 2000
        exercise.disturbance = round % 2 == 0 ? 48 : 0
        return exercise
    }
}

extension TrialOutcome {
    /// With a difference from the sequential oracle, which tells its steps apart by semicolons.
    func differing(_ difference: String) -> TrialOutcome {
        var outcome = self
        outcome.violations = [Violation(.oracle, difference)]
        outcome.violations += ComplaintRules.violations(Complaints.take())
        outcome.steps = difference.split(separator: "; ").map {
            FailureStep(atUs: 0, sentence: String($0), violations: [])
        }
        return outcome
    }

    /// With a deadlock.
    func stuck(_ board: TrialBoard, _ sentences: [String]) -> TrialOutcome {
        var outcome = self
        outcome.operations += board.operations
        outcome.violations =
            ComplaintRules.violations(Complaints.take()) + [
                Violation(
                    .deadlock, "nothing moves any more: " + sentences.joined(separator: "; "))
            ]
        let history = board.history
        outcome.steps = FailureStep.steps(of: history, [])
        outcome.steps += sentences.map {
            FailureStep(atUs: 0, sentence: $0, violations: [outcome.violations.count - 1])
        }
        return outcome
    }
}

extension FailureStep {
    /// Longest story: what led there is in the last steps.
    private static let most = 4000

    /// The events that concern the same devices and PASIDs as the violations, in order; all of them
    /// where no event is named.
    static func steps(of history: ReportingHistory, _ violations: [Violation]) -> [FailureStep] {
        var cited: [Int: [Int]] = [:]
        for (number, violation) in violations.enumerated() {
            for place in violation.events { cited[place, default: []].append(number) }
        }
        let owners = Set(cited.keys.map { history.events[$0].owner })
        let last = cited.keys.max() ?? history.events.count - 1
        let ticksPerUs = (try? ClockCalibration.measure()).map { $0.ticksPerSecond / 1e6 } ?? 1
        let first = history.events.first?.begin ?? 0
        let steps = history.events.indices.filter { place in
            let event = history.events[place]
            let concernsAll = [.discard, .remove, .add].contains(event.kind)
            return place <= last && (owners.isEmpty || concernsAll || owners.contains(event.owner))
        }
        return steps.suffix(most).map { place in
            FailureStep(
                atUs: Double(history.events[place].begin &- first) / ticksPerUs,
                sentence: history.sentence(place), violations: cited[place] ?? [])
        }
    }
}
