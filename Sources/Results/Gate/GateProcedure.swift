import Foundation

/// How a gate decides, as a pure state machine: blocks go in, the figures to measure next and in
/// the end the verdict come out.
///
/// 1. Screening measures every figure. At each look a figure that may be slower than the tolerance
///    becomes a suspect, and one whose slowdown is surely below the margin passes; the others are
///    measured on, until screening has used its share of the budget.
/// 2. Confirmation measures the suspects and what is still open, in new processes: where the rest
///    of the budget is too short for all of them, the most suspicious. It judges only what it
///    measured itself: a figure fails where Wilcoxon's test says that it is slower than the
///    tolerance, at a p-value corrected by Holm for all figures that are confirmed, at the part of
///    the false-alarm rate that this look may spend, and where the slowdown exceeds what the two
///    processes of the base show against each other.
/// 3. Exclusion measures on what confirmation had no room for, as long as the budget lasts: it may
///    pass, and no more.
///
/// However freely screening suspects, a gate of equal builds fails at most as often as
/// `falseAlarmRate` says: blocks of confirmation are independent of those that chose its figures,
/// Holm's correction covers the figures, and the parts of the looks add up to the whole.
public struct GateProcedure: Sendable {
    public enum Status: String, Sendable, Codable {
        /// Still measured in screening.
        case open
        /// Waits for confirmation, or is in it.
        case suspect
        /// A slowdown by the margin is excluded.
        case passed
        /// Slower than the tolerance, confirmed.
        case failed
        /// The budget ended before either.
        case undecided
    }

    public enum Phase: String, Sendable, Codable {
        case screening, confirmation, exclusion, finished
    }

    /// What is known about one figure.
    struct Record: Sendable {
        var status = Status.open
        var screening: [GateSample] = []
        var confirmation: [GateSample] = []
        /// Adjusted, of the look that decided or of the last one; nil before confirmation.
        var adjustedP: Double?

        var all: [GateSample] { screening + confirmation }
    }

    public let rules: GateRules
    /// In the order of reports.
    public let cells: [GateCell]
    public private(set) var phase = Phase.screening
    /// Blocks measured, by phase; those of exclusion are screening's.
    public private(set) var screeningBlocks = 0
    public private(set) var confirmationBlocks = 0
    private(set) var records: [GateCell: Record]
    private var looks = 0
    /// Those of screening, which exclusion goes on from.
    private var screeningLooks = 0
    /// Cells of the blocks so far, each block's counted: what the spent budget was spent on.
    private var measuredCells = 0

    public init(cells: [GateCell], rules: GateRules = GateRules()) {
        self.cells = cells
        self.rules = rules
        records = Dictionary(
            cells.map { ($0, Record()) }, uniquingKeysWith: { first, _ in first })
    }

    /// What the next block shall measure; empty once finished.
    public var wanted: [GateCell] {
        switch phase {
        case .screening, .exclusion: cells.filter { records[$0]?.status == .open }
        case .confirmation: cells.filter { records[$0]?.status == .suspect }
        case .finished: []
        }
    }

    public func status(of cell: GateCell) -> Status { records[cell]?.status ?? .undecided }

    /// Takes in a block: what it measured of the figures that were wanted. Figures without a sample
    /// (the machine was in its slow state, too few requests) are absent.
    ///
    /// - Parameter spent: Share of the budget that is gone, from 0; at 1 the gate finishes.
    public mutating func add(_ block: [GateCell: GateSample], spent: Double) {
        guard phase != .finished else { return }
        measuredCells += Set(wanted.map(\.key)).count
        for cell in wanted {
            guard let sample = block[cell] else { continue }
            if phase == .confirmation {
                records[cell]?.confirmation.append(sample)
            } else {
                records[cell]?.screening.append(sample)
            }
        }
        if phase == .confirmation { confirmationBlocks += 1 } else { screeningBlocks += 1 }
        let blocks = phase == .confirmation ? confirmationBlocks : screeningBlocks
        let isOver = spent >= 1
        let isScreened = phase == .screening && spent >= rules.screeningShare
        if blocks >= rules.blocks(beforeLook: looks + 1, in: phase) || isOver || isScreened {
            looks += 1
            if phase == .confirmation { confirm() } else { screen() }
        }
        if phase == .screening, isOver || isScreened || wanted.isEmpty {
            beginConfirmation(spent: spent)
        }
        if phase == .confirmation, wanted.isEmpty {
            phase = .exclusion
            looks = screeningLooks
        }
        if isOver || wanted.isEmpty { finish() }
    }

    private mutating func screen() {
        for cell in wanted {
            guard var record = records[cell] else { continue }
            let values = record.screening.map(\.slowdown)
            let tolerance = rules.toleranceLog(cell.figure)
            if SignedRank.pValue(of: values, above: tolerance) <= rules.suspicion {
                // Exclusion confirms nothing: it stays open.
                if phase == .screening { record.status = .suspect }
            } else if isBelowMargin(cell, values) {
                record.status = .passed
            }
            records[cell] = record
        }
    }

    private mutating func beginConfirmation(spent: Double) {
        phase = .confirmation
        screeningLooks = looks
        looks = 0
        let affordable = affordableCells(spent: spent)
        var keys: Set<CellKey> = []
        for cell in mostSuspicious {
            let hasRoom = keys.count < affordable || keys.contains(cell.key)
            if hasRoom { keys.insert(cell.key) }
            records[cell]?.status = hasRoom ? .suspect : .open
        }
        confirmed = wanted
    }

    /// What screening did not decide, the smallest p-value first; among equal ones, which few
    /// blocks have many of, the largest slowdown.
    private var mostSuspicious: [GateCell] {
        let ranked = cells.filter { [.open, .suspect].contains(records[$0]?.status) }.map { cell in
            let values = records[cell]?.screening.map(\.slowdown) ?? []
            let tolerance = rules.toleranceLog(cell.figure)
            return (
                cell: cell, pValue: SignedRank.pValue(of: values, above: tolerance),
                excess: (SignedRank.centre(of: values) ?? 0) - tolerance
            )
        }
        return ranked.sorted { ($0.pValue, $1.excess) < ($1.pValue, $0.excess) }.map(\.cell)
    }

    /// How many cells the rest of the budget can measure often enough for a verdict, at what a cell
    /// has taken so far. At least one: the most suspicious.
    private func affordableCells(spent: Double) -> Int {
        guard spent > 0, spent < 1, measuredCells > 0 else { return cells.count }
        let perCell = spent / Double(measuredCells)
        let blocks = rules.blocks(beforeLook: Self.looksForVerdict, in: .confirmation)
        return max(1, Int((1 - spent) / (perCell * Double(blocks))))
    }

    /// At the third look, after 24 blocks, the p-value of a slowdown in every block is far below
    /// what Holm's correction of a hundred figures leaves.
    private static let looksForVerdict = 3

    /// Every figure that confirmation began with: those that Holm's correction is for.
    private(set) var confirmed: [GateCell] = []

    private mutating func confirm() {
        let pValues = confirmed.map { cell -> Double in
            let record = records[cell]
            // What has failed already keeps its rank; what has passed cannot fail any more.
            if record?.status == .passed { return 1 }
            return SignedRank.pValue(
                of: record?.confirmation.map(\.slowdown) ?? [],
                above: rules.toleranceLog(cell.figure))
        }
        let adjusted = Statistics.holmAdjusted(pValues)
        let level = GateRules.spent(rules.falseAlarmRate, look: looks)
        for (cell, pValue) in zip(confirmed, adjusted) {
            guard var record = records[cell], record.status == .suspect else { continue }
            record.adjustedP = pValue
            let values = record.all.map(\.slowdown)
            if pValue <= level, exceedsCalibration(cell, record, level: level) {
                record.status = .failed
            } else if isBelowMargin(cell, values),
                SignedRank.pValue(of: values, above: rules.toleranceLog(cell.figure))
                    > rules.suspicion
            {
                record.status = .passed
            }
            records[cell] = record
        }
    }

    private mutating func finish() {
        for cell in cells where [.open, .suspect].contains(records[cell]?.status) {
            let values = records[cell]?.all.map(\.slowdown) ?? []
            let isBelow =
                SignedRank.pValue(of: values, below: rules.marginLog(cell.figure))
                <= rules.missRate
            records[cell]?.status = isBelow ? .passed : .undecided
        }
        phase = .finished
    }

    private func isBelowMargin(_ cell: GateCell, _ values: [Double]) -> Bool {
        SignedRank.pValue(of: values, below: rules.marginLog(cell.figure))
            <= GateRules.spent(rules.missRate, look: looks)
    }

    private func exceedsCalibration(
        _ cell: GateCell, _ record: Record, level: Double
    ) -> Bool {
        let values = record.confirmation.map(\.slowdown)
        guard let centre = SignedRank.centre(of: values),
            let bound = calibratedBound(
                record, samples: values.count, level: level / Double(max(confirmed.count, 1)))
        else { return false }
        return centre > bound
    }

    /// What the base shows against itself, one-sided, in as many blocks: nil with too few of them.
    func calibratedBound(_ record: Record, samples: Int, level: Double) -> Double? {
        calibratedError(record, samples: samples).map { $0 * Normal.upperQuantile(level) }
    }

    /// The standard error of a slowdown over `samples` blocks, from all A/A rounds of the figure.
    func calibratedError(_ record: Record, samples: Int) -> Double? {
        let calibrations = record.all.compactMap(\.calibration).map { $0 * GateSample.scale }
        let level = 0.8
        guard samples > 0, let interval = SignedRank.interval(for: calibrations, level: level)
        else { return nil }
        // Both signs are equally likely, so that half the width is the reach.
        let error =
            (interval.upper - interval.lower) / 2 / Normal.upperQuantile((1 - level) / 2)
        return error * (Double(calibrations.count) / Double(samples)).squareRoot()
    }
}
