import Results

/// Runs over time and their change points, as a JSON object.
public struct HistoryDocument: Encodable, Sendable {
    struct Run: Encodable, Sendable {
        let file: String
        let startedAt: String
        let commit: String?
    }

    struct Change: Encodable, Sendable {
        /// Of the first run after the change.
        let run: Int
        let startedAt: String
        let commit: String?
        let ratio: Double
        let pValue: Double
        let confidence: Double
        let isSlower: Bool
    }

    struct Series: Encodable, Sendable {
        let key: CellKey
        let figure: CellFigure
        let reference: RunHistory.Reference
        /// Indices into `runs`.
        let runs: [Int]
        let plain: [Double]
        let relative: [Double]
        let changes: [Change]
    }

    let tool = "fqbench history"
    let runs: [Run]
    let series: [Series]
    let notes: [String]

    public init(_ history: RunHistory, notes: [String]) {
        runs = history.runs.map {
            Run(file: $0.file, startedAt: $0.startedAt, commit: $0.commit)
        }
        self.notes = notes + history.notes
        series = history.series.map { series in
            Series(
                key: series.key, figure: series.figure, reference: series.reference,
                runs: series.values.map(\.run), plain: series.values.map(\.plain),
                relative: series.values.map(\.relative),
                changes: series.changes.map { change in
                    let run = series.values[change.index].run
                    return Change(
                        run: run, startedAt: history.runs[run].startedAt,
                        commit: history.runs[run].commit, ratio: change.ratio,
                        pValue: change.pValue, confidence: change.confidence,
                        isSlower: (change.ratio > 1) != series.figure.isHigherBetter)
                })
        }
    }
}
