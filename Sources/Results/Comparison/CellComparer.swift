/// Compares cells of two runs by their keys.
struct CellComparer {
    let before: RunDocument
    let after: RunDocument
    let options: RunComparison.Options
    let statesBefore: MachineStates
    let statesAfter: MachineStates
    private let cellsBefore: [CellKey: CellRecord]
    private let cellsAfter: [CellKey: CellRecord]

    /// Farther apart than this, canaries of two runs say that the machine was in another state.
    static let stateFactor = MachineStates.slowFactor

    init(_ before: RunDocument, _ after: RunDocument, options: RunComparison.Options) {
        self.before = before
        self.after = after
        self.options = options
        statesBefore = MachineStates(of: before)
        statesAfter = MachineStates(of: after)
        cellsBefore = Dictionary(
            before.cells.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        cellsAfter = Dictionary(
            after.cells.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func row(of key: CellKey) -> RunComparison.Row {
        guard let old = cellsBefore[key], let new = cellsAfter[key] else {
            let cell = cellsBefore[key] ?? cellsAfter[key]
            let place = cellsBefore[key] == nil ? "second" : "first"
            return RunComparison.Row(
                key: key, measure: cell?.measure ?? .throughput,
                outcome: .incomparable("only in the \(place) run"))
        }
        if let reason = reasonNotToCompare(old, new) {
            return RunComparison.Row(
                key: key, measure: new.measure, outcome: .incomparable(reason))
        }
        let changes = CellFigure.all(of: new.measure).compactMap { change($0, old, new) }
        if changes.isEmpty {
            return RunComparison.Row(
                key: key, measure: new.measure, outcome: .incomparable(tooFew(old, new)))
        }
        return RunComparison.Row(key: key, measure: new.measure, outcome: .changes(changes))
    }

    private func reasonNotToCompare(_ old: CellRecord, _ new: CellRecord) -> String? {
        if old.measure != new.measure {
            return "other measure: \(old.measure.rawValue), then \(new.measure.rawValue)"
        }
        if let left = old.workloadFingerprint, let right = new.workloadFingerprint, left != right {
            return "other workload of the same name"
        }
        if before.suite.name != after.suite.name,
            old.workloadFingerprint == nil || new.workloadFingerprint == nil
        {
            return "other suite: \(before.suite.name), then \(after.suite.name)"
        }
        for (cell, run) in [(old, "first"), (new, "second")] {
            if cell.rounds.contains(where: { !$0.check.holds }) {
                return "a check failed in the \(run) run"
            }
        }
        if options.acrossMachines {
            let isControl = new.key.structure == WorkloadGroup.controlStructure
            if isControl { return "the control itself" }
            return control(of: old.key, cellsBefore) == nil
                || control(of: new.key, cellsAfter) == nil
                ? "no control scheme in this workload" : nil
        }
        let placement = new.key.placement
        if let left = statesBefore.lowerModeNs[placement],
            let right = statesAfter.lowerModeNs[placement],
            max(left, right) > Self.stateFactor * min(left, right)
        {
            return "other state of the machine: a round trip between the cores took "
                + "\(whole(left)) ns, then \(whole(right)) ns"
        }
        return nil
    }

    /// Without what is behind the point; with an exponent where the number is no time any more.
    private func whole(_ ns: Double) -> String { ns < 1e15 ? "\(Int(ns.rounded()))" : "\(ns)" }

    /// Nil where either run has too few rounds with the figure.
    private func change(
        _ figure: CellFigure, _ old: CellRecord, _ new: CellRecord
    ) -> RunComparison.Change? {
        let plainBefore = values(figure, old, before, statesBefore)
        let plainAfter = values(figure, new, after, statesAfter)
        let toControlBefore = ratios(
            plainBefore, figure, control(of: old.key, cellsBefore), before, statesBefore)
        let toControlAfter = ratios(
            plainAfter, figure, control(of: new.key, cellsAfter), after, statesAfter)
        let left = options.acrossMachines ? toControlBefore : Array(plainBefore.values)
        let right = options.acrossMachines ? toControlAfter : Array(plainAfter.values)
        guard let middleBefore = Statistics.median(left),
            let middleAfter = Statistics.median(right),
            let ratio = estimate(left, right), ratio.interval != nil
        else { return nil }
        return RunComparison.Change(
            figure: figure, before: middleBefore, after: middleAfter, ratio: ratio,
            roundsBefore: left.count, roundsAfter: right.count,
            verdict: verdict(ratio, figure),
            controlled: options.acrossMachines ? nil : estimate(toControlBefore, toControlAfter))
    }

    private func estimate(_ left: [Double], _ right: [Double]) -> RatioEstimate? {
        Statistics.ratioOfMedians(
            right, to: left, level: options.level, seed: before.seed ^ after.seed)
    }

    private func verdict(_ ratio: RatioEstimate, _ figure: CellFigure) -> RunComparison.Verdict {
        guard let interval = ratio.interval else { return .unclear }
        let (low, high) = (1 / (1 + options.tolerance), 1 + options.tolerance)
        if interval.lower > high { return figure.isHigherBetter ? .faster : .slower }
        if interval.upper < low { return figure.isHigherBetter ? .slower : .faster }
        return interval.lower >= low && interval.upper <= high ? .same : .unclear
    }

    private func values(
        _ figure: CellFigure, _ cell: CellRecord, _ run: RunDocument, _ states: MachineStates
    ) -> [Int: Double] {
        cell.byRound(figure, states: states, stepNs: run.clock.stepNs)
    }

    /// Ratios to the control, paired by round.
    private func ratios(
        _ values: [Int: Double], _ figure: CellFigure, _ control: CellRecord?, _ run: RunDocument,
        _ states: MachineStates
    ) -> [Double] {
        guard let control else { return [] }
        let reference = self.values(figure, control, run, states)
        return values.keys.sorted().compactMap { round in
            guard let below = reference[round], below > 0 else { return nil }
            return values[round].map { $0 / below }
        }
    }

    /// The control's cell beside `key`; nil for the control itself.
    private func control(of key: CellKey, _ cells: [CellKey: CellRecord]) -> CellRecord? {
        guard key.structure != WorkloadGroup.controlStructure else { return nil }
        var wanted = key
        wanted.structure = WorkloadGroup.controlStructure
        wanted.lockKind = nil
        wanted.nodeMemory = nil
        return cells[wanted]
    }

    private func tooFew(_ old: CellRecord, _ new: CellRecord) -> String {
        func count(_ cell: CellRecord, _ run: RunDocument, _ states: MachineStates) -> Int {
            CellFigure.all(of: cell.measure).map { values($0, cell, run, states).count }.max() ?? 0
        }
        return "too few clean rounds: \(count(old, before, statesBefore)), then "
            + "\(count(new, after, statesAfter)); "
            + "expected \(Statistics.minimumRoundsForInterval) of each"
    }
}
