import Foundation

/// What a gate found.
public struct GateVerdict: Sendable, Equatable {
    public enum Outcome: String, Sendable, Codable { case pass, fail, inconclusive }

    /// One figure. Shares are slowdowns: 0.1 is 10 % more time, or as many operations in 1.1 times
    /// the time; below 0 the head is faster.
    public struct Row: Sendable, Equatable {
        public let cell: GateCell
        public let status: GateProcedure.Status
        /// Over the blocks that decided: those of confirmation where there are any.
        public let slowdown: Double?
        /// 95 %.
        public let lower: Double?
        public let upper: Double?
        /// What had to be exceeded: the tolerance, or what the base shows against itself.
        public let threshold: Double?
        /// What these blocks would have shown in four of five cases.
        public let smallestSeen: Double?
        /// Corrected for all figures; nil where there was nothing to confirm.
        public let adjustedP: Double?
        public let blocks: Int
        /// The head is faster than the tolerance, corrected for all figures.
        public let isFaster: Bool
    }

    public let outcome: Outcome
    /// In the order of the gate's figures.
    public let rows: [Row]
    public let screeningBlocks: Int
    public let confirmationBlocks: Int
    public let confirmed: Int
    public let rules: GateRules

    /// Of a gate that is finished.
    public init(of procedure: GateProcedure) {
        precondition(procedure.phase == .finished, "a gate that goes on has no verdict")
        rules = procedure.rules
        screeningBlocks = procedure.screeningBlocks
        confirmationBlocks = procedure.confirmationBlocks
        confirmed = procedure.confirmed.count
        let faster = Self.fasterFigures(procedure)
        rows = procedure.cells.map { Self.row($0, procedure, isFaster: faster.contains($0)) }
        outcome =
            rows.contains { $0.status == .failed }
            ? .fail : rows.contains { $0.status == .undecided } ? .inconclusive : .pass
    }

    private static func fasterFigures(_ procedure: GateProcedure) -> Set<GateCell> {
        let pValues = procedure.cells.map { cell in
            SignedRank.pValue(
                of: procedure.records[cell]?.all.map(\.slowdown) ?? [],
                below: -procedure.rules.toleranceLog(cell.figure))
        }
        let adjusted = Statistics.holmAdjusted(pValues)
        return Set(
            zip(procedure.cells, adjusted).filter { $0.1 <= procedure.rules.falseAlarmRate }
                .map(\.0))
    }

    private static func row(
        _ cell: GateCell, _ procedure: GateProcedure, isFaster: Bool
    ) -> Row {
        let record = procedure.records[cell] ?? GateProcedure.Record()
        let samples = record.confirmation.isEmpty ? record.screening : record.confirmation
        let values = samples.map(\.slowdown)
        let interval = SignedRank.interval(for: values, level: 0.95)
        let rules = procedure.rules
        let figures = max(procedure.confirmed.count, 1)
        let level = rules.falseAlarmRate / Double(2 * figures)
        let bound = procedure.calibratedBound(record, samples: values.count, level: level)
        let error = procedure.calibratedError(record, samples: values.count)
        let tolerance = rules.toleranceLog(cell.figure)
        let smallest = error.map {
            tolerance + $0 * (Normal.upperQuantile(level) + Normal.upperQuantile(0.2))
        }
        return Row(
            cell: cell, status: record.status,
            slowdown: SignedRank.centre(of: values).map { expm1($0) },
            lower: interval.map { expm1($0.lower) }, upper: interval.map { expm1($0.upper) },
            threshold: bound.map { expm1(max($0, tolerance)) },
            smallestSeen: smallest.map { expm1($0) }, adjustedP: record.adjustedP,
            blocks: values.count, isFaster: isFaster)
    }
}
