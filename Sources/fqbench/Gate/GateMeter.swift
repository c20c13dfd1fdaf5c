import Foundation
import Reports
import Results

/// The visits of one block: for each figure, what each of the four processes had, in their order.
struct GateBlock {
    let isHeadFirst: Bool
    /// Logarithms of times.
    var values: [GateCell: [[Double]]] = [:]

    init(isHeadFirst: Bool) { self.isHeadFirst = isHeadFirst }

    func samples(of cells: [GateCell]) -> [GateCell: GateSample] {
        cells.reduce(into: [:]) { $0[$1] = sample(of: $1) }
    }

    private func sample(of cell: GateCell) -> GateSample? {
        guard let visits = values[cell] else { return nil }
        let medians = visits.map { Statistics.median($0) }
        let outer = [medians[0], medians[3]]
        let inner = [medians[1], medians[2]]
        return GateSample(base: isHeadFirst ? inner : outer, head: isHeadFirst ? outer : inner)
    }
}

/// Turns rounds into figures, and leaves out what no figure should come from: visits that met the
/// machine in its slow state.
struct GateMeter {
    let stepNs: Double
    private(set) var visits = 0
    private(set) var slowVisits = 0
    /// Failed checks, a sentence each.
    private(set) var violations: [String] = []
    private var canaries: [String: [Double]] = [:]
    /// Bytes allocated in the measured loops, and requests, by cell.
    private var allocated: [CellKey: (base: Allocation, head: Allocation)] = [:]

    private struct Allocation {
        var bytes = 0.0
        var requests = 0.0
        var perRequest: Double? { requests > 0 ? bytes / requests : nil }
    }

    init(stepNs: Double) { self.stepNs = stepNs }

    mutating func take(
        _ round: RoundRecord, of key: CellKey, _ wanted: [GateCell], place: Int, isHead: Bool,
        into block: inout GateBlock
    ) {
        visits += 1
        if let violation = round.check.violations.first {
            violations.append(
                "\(key.scheme) under \(key.workload), \(isHead ? "head" : "base"): \(violation)")
            return
        }
        count(round, of: key, isHead: isHead)
        guard isUsable(round, placement: key.placement) else {
            slowVisits += 1
            return
        }
        for cell in wanted where cell.key == key {
            guard let value = round.value(of: cell.figure, stepNs: stepNs), value > 0 else {
                continue
            }
            let sign = cell.figure.isHigherBetter ? -1.0 : 1.0
            block.values[cell, default: [[], [], [], []]][place].append(sign * log(value))
        }
    }

    /// A slow machine allocates as much as a fast one: every visit counts.
    private mutating func count(_ round: RoundRecord, of key: CellKey, isHead: Bool) {
        let bytes = round.threads.compactMap(\.allocatedBytes)
        guard bytes.count == round.threads.count else { return }
        let requests = round.threads.filter { $0.role == "producer" }.reduce(0) {
            $0 + Double($1.operations)
        }
        let sum = bytes.reduce(0) { $0 + Double($1) }
        var sides = allocated[key] ?? (Allocation(), Allocation())
        if isHead {
            sides.head.bytes += sum
            sides.head.requests += requests
        } else {
            sides.base.bytes += sum
            sides.base.requests += requests
        }
        allocated[key] = sides
    }

    /// Bytes per request of the head against the base. What a request allocates is the same every
    /// time; a hundredth leaves room for what a thread allocates once.
    var allocationFindings: [DeterministicFinding] {
        allocated.sorted { ($0.key.workload, $0.key.label) < ($1.key.workload, $1.key.label) }
            .compactMap { key, sides in
                guard let before = sides.base.perRequest, let after = sides.head.perRequest else {
                    return nil
                }
                let isMore = after > before * (1 + Self.allocationTolerance) + 0.01
                return DeterministicFinding(
                    name: "\(key.label) under \(key.workload), bytes per request",
                    expected: before, found: after, tolerance: Self.allocationTolerance,
                    isFailure: isMore)
            }
    }

    private static let allocationTolerance = 0.01

    var notes: [String] {
        guard visits > 0, Double(slowVisits) > 0.4 * Double(visits) else { return [] }
        return ["\(slowVisits) of \(visits) visits met the machine in its slow state."]
    }

    /// As `MachineStates` says it for a whole run, with the canaries known so far.
    private mutating func isUsable(_ round: RoundRecord, placement: String) -> Bool {
        let own = [round.canaryBeforeNs, round.canaryAfterNs].compactMap { $0 }
        guard let slower = own.max() else { return true }
        canaries[placement, default: []] += own
        let known = canaries[placement] ?? []
        guard let low = Statistics.quantile(known, 0.1),
            let mode = Statistics.median(known.filter { $0 <= MachineStates.slowFactor * low })
        else { return true }
        return slower <= MachineStates.slowFactor * mode
    }
}
