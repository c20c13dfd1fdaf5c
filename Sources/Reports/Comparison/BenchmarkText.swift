import Results

/// Rounds in the text format of Go's benchmarks, which `benchstat` reads.
///
/// Every usable round is a line, so that `benchstat` sees how rounds spread. What tells the runs
/// apart is the configuration key `run`: `benchstat -col run FILE`. A slash in a scheme's name
/// becomes a colon, as slashes separate the parts of a benchmark's name there. Cells that cannot be
/// compared are left out; lines that begin with `#`, which `benchstat` skips, say which and why.
public enum BenchmarkText {
    public static func text(_ comparison: RunComparison) -> String {
        var lines: [String] = []
        var compared: Set<CellKey> = []
        for row in comparison.rows {
            switch row.outcome {
            case .changes: compared.insert(row.key)
            case .incomparable(let reason):
                let text = "\(row.key.label), \(row.key.workload), \(row.key.placement): \(reason)"
                lines.append("# left out: " + TextWidth.printable(text))
            }
        }
        lines.append("goos: linux")
        for (name, run) in [("before", comparison.before), ("after", comparison.after)] {
            lines.append("run: \(name)")
            if let model = run.environment["cpu.model"] {
                lines.append("cpu: \(TextWidth.printable(model))")
            }
            if let commit = run.build["commit"] { lines.append("commit: \(word(commit))") }
            lines.append("")
            let states = MachineStates(of: run)
            for cell in run.cells where compared.contains(cell.key) {
                lines += self.lines(of: cell, states, in: run)
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private static func lines(
        of cell: CellRecord, _ states: MachineStates, in run: RunDocument
    ) -> [String] {
        let figures = CellFigure.all(of: cell.measure).map { figure in
            (figure, cell.byRound(figure, states: states, stepNs: run.clock.stepNs))
        }
        return cell.rounds.compactMap { round in
            let values = figures.compactMap { figure, byRound in
                byRound[round.index].map { measurement(figure, $0) }
            }
            guard !values.isEmpty else { return nil }
            let operations = round.bursts.reduce(0) { sum, burst in
                let (total, overflowed) = sum.addingReportingOverflow(burst.operations)
                return overflowed ? .max : total
            }
            return "\(name(of: cell.key)) \(max(operations, 1)) \(values.joined(separator: " "))"
        }
    }

    private static func measurement(_ figure: CellFigure, _ value: Double) -> String {
        switch figure {
        case .throughput:
            "\(Figures.plain(1e9 / value)) ns/op \(Figures.plain(value)) op/s"
        case .p50, .p99: "\(Figures.plain(value)) \(figure.rawValue)-ns"
        }
    }

    private static func name(of key: CellKey) -> String {
        let subject = word(key.subject)
        return "Benchmark\(subject.prefix(1).uppercased())\(subject.dropFirst())"
            + "/workload=\(word(key.workload))/scheme=\(word(key.label))"
            + "/threads=\(key.producers):\(key.consumers)/placement=\(word(key.placement))"
    }

    /// One word without the characters that separate names there.
    private static func word(_ text: String) -> String {
        let plain = TextWidth.printable(text).map { character in
            character == "/" ? ":" : character.isWhitespace || character == "=" ? "_" : character
        }
        return plain.isEmpty ? "none" : String(plain)
    }
}
