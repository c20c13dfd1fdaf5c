import FaultModel
import Foundation
import Measurement
import Reports
import Results

/// Measures two builds in turn and feeds the gate's procedure.
///
/// A block has four processes of its own, two of each build. They take turns at each cell, in the
/// order A B B A or B A A B that the block drew, so that a change of the machine's state meets
/// both. While few cells are left a block makes several passes, so that starting processes does not
/// take longer than measuring.
struct LiveGate {
    struct Side {
        let program: String
        let name: String
        /// Options beside those that both sides have.
        var extra: [String] = []
    }

    let base: Side
    let head: Side
    let arguments: [String]
    let stepNs: Double
    let rules: GateRules
    let budgetSeconds: Double
    let seed: UInt64
    let scratch: String
    let shouldStop: () -> Bool

    /// Shortest time of a block's visits, in seconds.
    private static let shortestBlock = 1.5

    struct Result {
        let verdict: GateVerdict
        let seconds: Double
        /// Visits, and those of them that met the machine in its slow state.
        let visits: Int
        let slowVisits: Int
        /// Figures that could not be gated, and cells that only one build has.
        let notes: [String]
        /// Failed checks of the head, and of the base.
        let violations: [String]
        /// Bytes per request, of each cell.
        let allocations: [DeterministicFinding]
    }

    func run(progress: ProgressPrinter) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let cells = try commonCells()
        var notes = cells.notes
        var gate = GateProcedure(cells: cells.figures, rules: rules)
        var meter = GateMeter(stepNs: stepNs)
        var generator = SeededGenerator(seed: seed)
        var blockNumber = 0
        while gate.phase != .finished {
            let wanted = gate.wanted
            let block = try measure(
                wanted, cells, isHeadFirst: Bool.random(using: &generator), number: blockNumber,
                &meter, &generator)
            blockNumber += 1
            let spent = (clock.now - start) / .seconds(1) / budgetSeconds
            gate.add(block.samples(of: wanted), spent: shouldStop() ? 1 : spent)
            progress.update(
                done: Int(min(spent, 1) * 1000), total: 1000, resumed: 0,
                label: "\(gate.phase.rawValue), \(gate.wanted.count) of "
                    + "\(cells.figures.count) figures")
            if !meter.violations.isEmpty { break }
            if shouldStop() { throw Exit(code: StopSignal.exitCode ?? 130) }
        }
        progress.finish()
        while gate.phase != .finished { gate.add([:], spent: 1) }
        notes += meter.notes
        return Result(
            verdict: GateVerdict(of: gate), seconds: (clock.now - start) / .seconds(1),
            visits: meter.visits, slowVisits: meter.slowVisits, notes: notes,
            violations: meter.violations,
            allocations: meter.allocationFindings)
    }

    private struct CommonCells {
        let figures: [GateCell]
        let baseIndex: [CellKey: Int]
        let headIndex: [CellKey: Int]
        let notes: [String]
    }

    /// What both builds can run, told by one process of each.
    private func commonCells() throws -> CommonCells {
        let basis = try start(base)
        defer { basis.stop() }
        let left = basis.greeting
        let right = try start(head).greeting
        func index(_ greeting: GateProtocol.Greeting) -> [CellKey: Int] {
            Dictionary(
                greeting.cells.enumerated().map { ($0.element.key, $0.offset) },
                uniquingKeysWith: { first, _ in first })
        }
        let (baseIndex, headIndex) = (index(left), index(right))
        let gated = right.cells.flatMap { GateCell.gated($0.key, $0.measure) }
        let common = gated.filter { baseIndex[$0.key] != nil }
        let figures = try fit(common, in: basis, index: baseIndex)
        var notes: [String] = []
        let onlyHead = Set(gated.map(\.key)).subtracting(common.map(\.key))
        if !onlyHead.isEmpty { notes.append("\(onlyHead.count) cells are only in the head.") }
        let onlyBase = baseIndex.keys.filter { headIndex[$0] == nil }
        if !onlyBase.isEmpty { notes.append("\(onlyBase.count) cells are only in the base.") }
        let skipped = right.cells.count { GateCell.gated($0.key, $0.measure).isEmpty }
        if skipped > 0 {
            notes.append(
                "\(skipped) cells are not gated: open loops and threads that share CPUs vary too "
                    + "much on any machine.")
        }
        if figures.count < common.count {
            notes.append(
                "\(common.count - figures.count) figures are not gated: medians below "
                    + "\(Int(GateFitness.leastSteps)) steps of the clock, or too few samples.")
        }
        guard !figures.isEmpty else {
            let reasons = notes.isEmpty ? "" : ": " + notes.joined(separator: " ")
            throw CommandFailure(
                .badInput, "no figure that both builds have can be gated\(reasons)")
        }
        return CommonCells(
            figures: figures, baseIndex: baseIndex, headIndex: headIndex, notes: notes)
    }

    /// The figures that a few visits of the base have, and that the clock can tell apart.
    private func fit(
        _ figures: [GateCell], in process: GateProcess, index: [CellKey: Int]
    ) throws -> [GateCell] {
        var values: [GateCell: [Double]] = [:]
        var seen: Set<CellKey> = []
        for key in figures.map(\.key) where seen.insert(key).inserted {
            guard let cell = index[key] else { continue }
            for round in 0..<Self.pilotVisits {
                let record = try process.visit(cell: cell, round: round)
                for figure in figures where figure.key == key {
                    guard let value = record.value(of: figure.figure, stepNs: stepNs) else {
                        continue
                    }
                    values[figure, default: []].append(value)
                }
            }
        }
        return figures.filter { figure in
            // A loaded machine has visits without a clean burst; later ones will have some.
            if figure.figure == .throughput { return true }
            let found = values[figure] ?? []
            return 2 * found.count > Self.pilotVisits
                && GateFitness.isFit(figure.figure, found, stepNs: stepNs)
        }
    }

    private static let pilotVisits = 3

    /// What the base can run.
    func cellsOfBase() throws -> [CellKey] {
        let process = try start(base)
        defer { process.stop() }
        return process.greeting.cells.map(\.key)
    }

    /// How much slower the head is, the median over pairs of visits in turn: 0.1 is 10 % more time.
    /// Nil where a build does not have the cell, or the figure.
    func slowdown(of figure: CellFigure, scheme: String, workload: String) throws -> Double? {
        let processes = try startAll([base, head])
        defer { for process in processes { process.stop() } }
        let cells = processes.map { process in
            process.greeting.cells.firstIndex {
                $0.key.scheme == scheme && $0.key.workload == workload
            }
        }
        guard let below = cells[0], let above = cells[1] else { return nil }
        let ratios = try (0..<Self.calibrationVisits).compactMap { round -> Double? in
            let first = try processes[0].visit(cell: below, round: round)
            let second = try processes[1].visit(cell: above, round: round)
            guard let base = first.value(of: figure, stepNs: stepNs),
                let head = second.value(of: figure, stepNs: stepNs), base > 0, head > 0
            else { return nil }
            return figure.isHigherBetter ? base / head : head / base
        }
        return Statistics.median(ratios).map { $0 - 1 }
    }

    private static let calibrationVisits = 80

    /// All, or none and the error of the first that does not start.
    private func startAll(_ sides: [Side]) throws -> [GateProcess] {
        var processes: [GateProcess] = []
        do {
            for side in sides { processes.append(try start(side)) }
        } catch {
            for process in processes { process.stop() }
            throw error
        }
        return processes
    }

    private func start(_ side: Side) throws -> GateProcess {
        try GateProcess(
            program: side.program, name: side.name, arguments: arguments + side.extra,
            scratch: scratch)
    }

    /// The four processes' figures of one block, as logarithms of times.
    private func measure(
        _ wanted: [GateCell], _ cells: CommonCells, isHeadFirst: Bool, number: Int,
        _ meter: inout GateMeter, _ generator: inout SeededGenerator
    ) throws -> GateBlock {
        // A B B A: the outer two are one build, the inner two the other.
        let outer = isHeadFirst ? head : base
        let inner = isHeadFirst ? base : head
        let processes = try startAll([outer, inner, inner, outer])
        defer { for process in processes { process.stop() } }
        var keys: [CellKey] = []
        for cell in wanted where !keys.contains(cell.key) { keys.append(cell.key) }
        var block = GateBlock(isHeadFirst: isHeadFirst)
        let clock = ContinuousClock()
        let began = clock.now
        repeat {
            for key in keys.shuffled(using: &generator) {
                for (place, process) in processes.enumerated() {
                    let isHead = (place == 0 || place == 3) == isHeadFirst
                    guard let cell = (isHead ? cells.headIndex : cells.baseIndex)[key] else {
                        continue
                    }
                    let round = try process.visit(cell: cell, round: number)
                    meter.take(round, of: key, wanted, place: place, isHead: isHead, into: &block)
                }
                if shouldStop() || !meter.violations.isEmpty { return block }
            }
        } while (clock.now - began) / .seconds(1) < Self.shortestBlock
        return block
    }
}
