import Results

/// A run as text: what it ran on, a table per workload, and what its reader must know.
public enum RunReport {
    /// The whole report, with a line break at its end. No line is wider than the style says.
    ///
    /// Rows are schemes, the best headline first. `spsc-c` is the control that the others are
    /// compared with. A cell of which a check failed has
    /// no figure: its violations stand below its table.
    public static func text(_ document: RunDocument, _ style: Style) -> String {
        let summary = RunSummary(of: document)
        var blocks = [RunHeader.lines(document, summary, style)]
        blocks += summary.groups.filter { !$0.rows.isEmpty }.map { section($0, style) }
        blocks += KneeTable.sections(document, summary, style)
        if summary.groups.isEmpty { blocks.append(["No cell was run."]) }
        if !summary.notes.isEmpty {
            let notes = summary.notes.flatMap { bullet($0, style) }
            blocks.append([Emphasis.heading.applied(to: "Notes", style: style)] + notes)
        }
        return blocks.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    /// One group's title, table and the lines below it.
    static func section(_ group: WorkloadGroup, _ style: Style) -> [String] {
        let title = TextWidth.cutEnd(
            TextWidth.printable(self.title(of: group.key)), to: style.width)
        let isThroughput = group.key.measure == .throughput
        let table = isThroughput ? ThroughputTable.table(group) : LatencyTable.table(group)
        var lines = [Emphasis.heading.applied(to: title, style: style)]
        lines += table.lines(style)
        let legend = isThroughput ? ThroughputTable.legend(group) : LatencyTable.legend(group)
        if !legend.isEmpty {
            lines += TextWidth.wrapped(legend, to: style.width, indent: "")
                .map { Emphasis.faint.applied(to: $0, style: style) }
        }
        for row in group.rows {
            lines += remarks(on: row.summary).flatMap { bullet($0, style) }
        }
        return lines + SideTables.lines(group, style)
    }

    private static func title(of key: WorkloadGroup.Key) -> String {
        func count(_ number: Int, _ noun: String) -> String {
            "\(number) \(noun)\(number == 1 ? "" : "s")"
        }
        let measure =
            switch key.measure {
            case .throughput: "throughput"
            case .roundTrip: "round trip"
            case .openLoop: "open loop"
            case .latency: "latency"
            }
        let threads = "\(count(key.producers, "producer")), \(count(key.consumers, "consumer"))"
        return [key.subject, key.workload, measure, key.placement, threads]
            .joined(separator: " · ")
    }

    /// What replaces the figures of a row that has none.
    private static func remarks(on summary: CellSummary) -> [String] {
        switch summary.outcome {
        case .throughput, .latency: return []
        case .missing(let reason): return ["\(summary.key.label): \(reason)."]
        case .failed(let violations):
            let shown = violations.prefix(3)
            let rest = violations.count - shown.count
            return shown.map { "\(summary.key.label) failed a check: \($0)" }
                + (rest > 0 ? ["\(summary.key.label): and \(rest) more."] : [])
        }
    }

    private static func bullet(_ text: String, _ style: Style) -> [String] {
        TextWidth.wrapped("- " + TextWidth.printable(text), to: style.width, indent: "  ")
    }
}

/// The block above the tables.
enum RunHeader {
    private static let labelWidth = 9

    static func lines(
        _ document: RunDocument, _ summary: RunSummary, _ style: Style
    ) -> [String] {
        let rounds = document.suite.rounds == 1 ? "1 round" : "\(document.suite.rounds) rounds"
        let entries = [
            ("fqbench", "suite \(document.suite.name), \(rounds), started \(document.startedAt)"),
            ("machine", machine(document)),
            ("kernel", document.environment["kernel.release"] ?? "not recorded"),
            ("build", build(document)),
            ("seed", "\(document.seed)"),
            ("clock", clock(document.clock)),
            ("floor", floor(document.floor)),
            ("rounds", usable(summary.states)),
        ]
        return entries.flatMap { label, text in
            let padded = TextWidth.padded(label, to: labelWidth, alignRight: false)
            let indent = String(repeating: " ", count: labelWidth)
            return TextWidth.wrapped(
                TextWidth.printable(text), to: style.width - labelWidth, indent: ""
            )
            .enumerated().map { $0.offset == 0 ? padded + $0.element : indent + $0.element }
        }
    }

    private static func machine(_ document: RunDocument) -> String {
        let model = document.environment["cpu.model"].map { [$0] } ?? []
        return (model + [document.topology.summary]).joined(separator: "; ")
    }

    private static func build(_ document: RunDocument) -> String {
        let commit = document.build["commit"].map { "commit \($0)" } ?? "commit not recorded"
        let dirty = document.build["dirty"] == "true" ? ", with uncommitted changes" : ""
        let configuration = document.build["configuration"].map { ", \($0)" } ?? ""
        return commit + dirty + configuration
    }

    private static func clock(_ clock: ClockRecord) -> String {
        let invariant = clock.isInvariant ? "" : "; its rate is not invariant: do not trust times"
        return "step \(Figures.time(ns: clock.stepNs)), "
            + "one reading \(Figures.time(ns: clock.costNs))" + invariant
    }

    private static func floor(_ floor: FloorRecord) -> String {
        let trips = floor.roundTripNs.sorted { $0.key < $1.key }
            .map { "round trip \($0.key) \(Figures.time(ns: $0.value))" }
        let transfers = floor.transferNs.sorted { $0.key < $1.key }
            .map { "transfer \($0.key) \(Figures.time(ns: $0.value))" }
        let local = [
            "empty loop \(Figures.time(ns: floor.emptyLoopNs))",
            "null scheme \(Figures.time(ns: floor.nullSchemeNs))",
            "atomic add \(Figures.time(ns: floor.localAtomicAddNs))",
            "stamping \(Figures.time(ns: floor.stampingNs))",
        ]
        return (local + trips + transfers).joined(separator: ", ")
    }

    private static func usable(_ states: MachineStates) -> String {
        guard let share = states.usableShare else { return "none finished" }
        return "\(states.usableRounds) of \(states.rounds) usable (\(Figures.percent(share)))"
    }
}
