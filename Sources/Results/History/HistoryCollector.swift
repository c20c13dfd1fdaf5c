import Foundation

/// Gathers each cell's figures run by run, and makes series of them.
struct HistoryCollector {
    private struct Name: Hashable {
        var key: CellKey
        let measure: CellMeasure
        let figure: CellFigure

        /// The same for all schemes of a workload.
        var group: Name {
            var group = self
            group.key.structure = ""
            group.key.lockKind = nil
            group.key.nodeMemory = nil
            return group
        }

        var isControl: Bool { key.structure == WorkloadGroup.controlStructure }
    }

    private let options: RunHistory.Options
    /// What the workload of each cell's newest run was.
    private let workloads: [CellKey: String]
    private let suites: Set<String>
    /// In the order of their first figures.
    private var order: [Name] = []
    private var figures: [Name: [Int: Double]] = [:]
    private var failedChecks = Omissions()
    private var otherWorkloads = Omissions()
    private var hasUnknownWorkload = false

    /// - Parameter documents: Ascending by their start.
    init(_ documents: [RunDocument], _ options: RunHistory.Options) {
        self.options = options
        suites = Set(documents.map(\.suite.fingerprint))
        workloads = documents.flatMap(\.cells).reduce(into: [:]) { newest, cell in
            if let fingerprint = cell.workloadFingerprint { newest[cell.key] = fingerprint }
        }
        for (run, document) in documents.enumerated() { add(document, run: run) }
    }

    private mutating func add(_ document: RunDocument, run: Int) {
        let states = MachineStates(of: document)
        for cell in document.cells {
            let key = cell.key
            // The control's absence shows in the series of others, too.
            let isNoted =
                options.isWanted(key) || key.structure == WorkloadGroup.controlStructure
            if cell.rounds.contains(where: { !$0.check.holds }) {
                if isNoted { failedChecks.add("\(key.label) under \(key.workload)", run: run) }
                continue
            }
            if let fingerprint = cell.workloadFingerprint {
                guard fingerprint == workloads[key] else {
                    if isNoted { otherWorkloads.add(key.workload, run: run) }
                    continue
                }
            } else if isNoted {
                hasUnknownWorkload = true
            }
            for figure in CellFigure.all(of: cell.measure) {
                let byRound = cell.byRound(figure, states: states, stepNs: document.clock.stepNs)
                guard let median = Statistics.median(Array(byRound.values)), median > 0,
                    median.isFinite
                else { continue }
                let name = Name(key: key, measure: cell.measure, figure: figure)
                if figures[name] == nil { order.append(name) }
                figures[name, default: [:]][run] = median
            }
        }
    }

    /// What was left out, or taken on trust.
    var notes: [String] {
        var notes: [String] = []
        if let text = failedChecks.text { notes.append("Left out, as a check failed: \(text).") }
        if let text = otherWorkloads.text {
            notes.append("Left out, as other work than the newest run's: \(text).")
        }
        if hasUnknownWorkload, suites.count > 1 {
            notes.append(
                "The suites differ in their rounds, cells or parameters, and the files do not say "
                    + "which: workloads of one name are taken to be equal.")
        }
        return notes
    }

    /// Those that are wanted, each beside every scheme of its workload; without change points.
    func series() -> [RunHistory.Series] {
        let wanted = order.filter { options.isWanted($0.key) }
        let groups = Dictionary(grouping: order, by: \.group)
        var relative: [Name: [Int: Double]] = [:]
        for group in Set(wanted.map(\.group)) {
            let members = groups[group] ?? []
            let shifts = RunShifts(
                members.map { name in
                    RunShifts.Member(
                        structure: name.key.structure,
                        logs: (figures[name] ?? [:]).mapValues { log($0) })
                }, seed: options.seed)
            for (index, name) in members.enumerated() {
                relative[name] = shifts.relative(index)?.mapValues { exp($0) }
            }
        }
        return wanted.map { name in
            let plain = figures[name] ?? [:]
            let control = (groups[name.group] ?? []).first(where: \.isControl)
            let found =
                toControl(name, control).map { (RunHistory.Reference.control, $0) }
                ?? relative[name].map { (.group, $0) } ?? (RunHistory.Reference.none, plain)
            return RunHistory.Series(
                key: name.key, measure: name.measure, figure: name.figure, reference: found.0,
                values: plain.sorted { $0.key < $1.key }.map { run, value in
                    RunHistory.Value(run: run, plain: value, relative: found.1[run] ?? value)
                }, changes: [])
        }
    }

    /// By run; nil unless every run has the control. One kind of value for the whole series, or a
    /// change of kind would look like a change.
    private func toControl(_ name: Name, _ control: Name?) -> [Int: Double]? {
        guard let control, control != name, let plain = figures[name] else { return nil }
        let below = figures[control] ?? [:]
        guard plain.keys.allSatisfy({ below[$0] != nil }) else { return nil }
        return plain.reduce(into: [:]) { ratios, figure in
            ratios[figure.key] = below[figure.key].map { figure.value / $0 }
        }
    }
}

/// In which runs something was left out, by its name.
private struct Omissions {
    private static let mostNames = 4
    private var runs: [String: Set<Int>] = [:]

    mutating func add(_ name: String, run: Int) { runs[name, default: []].insert(run) }

    /// `a in 1 run, b in 12 runs, and 3 more`; nil where nothing was.
    var text: String? {
        guard !runs.isEmpty else { return nil }
        let parts = runs.sorted { $0.key < $1.key }.map { name, runs in
            "\(name) in \(runs.count) \(runs.count == 1 ? "run" : "runs")"
        }
        let shown = parts.prefix(Self.mostNames).joined(separator: ", ")
        return parts.count > Self.mostNames
            ? "\(shown), and \(parts.count - Self.mostNames) more" : shown
    }
}
