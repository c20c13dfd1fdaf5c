import Results

/// Rounds in the text format of Go's benchmarks, which `benchstat` reads.
///
/// Every usable round is a line, so that `benchstat` sees how rounds spread. What tells the runs
/// apart is the configuration key `run`: `benchstat -col run FILE`. A slash in a scheme's name
/// becomes a colon, as slashes separate the parts of a benchmark's name there.
public enum BenchmarkText {
    public static func text(_ runs: [(name: String, document: RunDocument)]) -> String {
        var lines = ["goos: linux"]
        for run in runs {
            lines += ["run: \(word(run.name))"]
            if let model = run.document.environment["cpu.model"] {
                lines += ["cpu: \(TextWidth.printable(model))"]
            }
            if let commit = run.document.build["commit"] { lines += ["commit: \(word(commit))"] }
            lines.append("")
            lines += run.document.cells.flatMap { self.lines(of: $0, in: run.document) }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private static func lines(of cell: CellRecord, in run: RunDocument) -> [String] {
        guard cell.rounds.allSatisfy(\.check.holds) else { return [] }
        let states = MachineStates(of: run)
        let figures = CellFigure.all(of: cell.measure).map { figure in
            (figure, cell.byRound(figure, states: states, stepNs: run.clock.stepNs))
        }
        return cell.rounds.compactMap { round in
            let values = figures.compactMap { figure, byRound in
                byRound[round.index].map { measurement(figure, $0) }
            }
            guard !values.isEmpty else { return nil }
            let operations = round.bursts.reduce(0) { $0 + $1.operations }
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
