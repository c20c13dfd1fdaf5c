import Results

/// What changed between two runs, as a JSON object.
///
/// Ratios are after / before; times are nanoseconds, rates per second.
public struct ComparisonDocument: Encodable, Sendable {
    struct Run: Encodable, Sendable {
        let startedAt: String
        let suite: String
        let commit: String?
    }

    struct Ratio: Encodable, Sendable {
        let ratio: Double
        let lower: Double?
        let upper: Double?

        init(_ estimate: RatioEstimate) {
            ratio = estimate.ratio
            lower = estimate.interval?.lower
            upper = estimate.interval?.upper
        }
    }

    struct Change: Encodable, Sendable {
        let figure: CellFigure
        let before: Double
        let after: Double
        let change: Ratio
        let changeToControl: Ratio?
        let roundsBefore: Int
        let roundsAfter: Int
        let verdict: RunComparison.Verdict
    }

    struct Cell: Encodable, Sendable {
        let key: CellKey
        let measure: CellMeasure
        let changes: [Change]
        /// Why there are none.
        let reason: String?
    }

    let tool = "fqbench compare"
    let before: Run
    let after: Run
    let acrossMachines: Bool
    let level: Double
    let tolerance: Double
    let cells: [Cell]
    let notes: [String]

    public init(_ comparison: RunComparison) {
        func run(_ document: RunDocument) -> Run {
            Run(
                startedAt: document.startedAt, suite: document.suite.name,
                commit: document.build["commit"])
        }
        before = run(comparison.before)
        after = run(comparison.after)
        acrossMachines = comparison.options.acrossMachines
        level = comparison.options.level
        tolerance = comparison.options.tolerance
        notes = comparison.notes
        cells = comparison.rows.map { row in
            switch row.outcome {
            case .incomparable(let reason):
                Cell(key: row.key, measure: row.measure, changes: [], reason: reason)
            case .changes(let changes):
                Cell(
                    key: row.key, measure: row.measure,
                    changes: changes.map {
                        Change(
                            figure: $0.figure, before: $0.before, after: $0.after,
                            change: Ratio($0.ratio),
                            changeToControl: $0.controlled.map { Ratio($0) },
                            roundsBefore: $0.roundsBefore, roundsAfter: $0.roundsAfter,
                            verdict: $0.verdict)
                    }, reason: nil)
            }
        }
    }
}
