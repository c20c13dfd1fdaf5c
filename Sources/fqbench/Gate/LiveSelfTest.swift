import Foundation
import Harness
import Measurement
import Reports
import Results

/// `fqbench gate --self-test`: real gates of this program against itself, and against itself with a
/// slowdown planted in the head.
struct LiveSelfTest {
    let setup: GateSetup
    let rules: GateRules
    let budgetSeconds: Double
    /// Of each kind.
    let gates: Int
    let seed: UInt64

    /// A planted slowdown of one scheme, sized in shares of the operation that it delays.
    struct Plant {
        let name: String
        let kind: PlantedSlowdown.Kind
        /// The delay as a share of what the base takes for the workload's figure.
        let share: Double
        let scheme: String
        let workload: String
        /// Delayed operations in one operation of the figure.
        let perOperation: Double
    }

    static let plants = [
        Plant(
            name: "enqueue +5 %", kind: .operation, share: 0.05, scheme: "mpsc",
            workload: "round-trip", perOperation: 2),
        Plant(
            name: "enqueue +10 %", kind: .operation, share: 0.10, scheme: "mpsc",
            workload: "round-trip", perOperation: 2),
        Plant(
            name: "lock held +10 %", kind: .lockHold, share: 0.10, scheme: "locked/ticket",
            workload: "round-trip", perOperation: 4),
        Plant(
            name: "2 % stalled, p99 ×2", kind: .tail, share: 1, scheme: "spsc",
            workload: "round-trip", perOperation: 1),
    ]

    func run(progress: ProgressPrinter) throws -> SelfTestTable {
        var table = SelfTestTable(
            title: "real gates on this machine", seed: seed, budgetSeconds: budgetSeconds,
            figures: [], rows: [])
        var equal = SelfTestTable.Row(plant: "nothing")
        for number in 0..<gates {
            let result = try gate(number, [], progress)
            equal.add(
                isFound: result.verdict.outcome == .fail, isFalseAlarm: false,
                isInconclusive: result.verdict.outcome == .inconclusive, seconds: result.seconds)
            progress.note(
                "nothing planted, gate \(number + 1) of \(gates): "
                    + result.verdict.outcome.rawValue)
        }
        table.rows.append(equal)
        for (place, plant) in Self.plants.enumerated() {
            let delayNs = try delay(of: plant)
            var row = SelfTestTable.Row(plant: plant.name)
            for number in 0..<gates {
                let result = try gate(
                    (place + 1) << 20 + number,
                    ["--plant", "\(plant.kind.rawValue):\(delayNs)"], progress)
                add(result, plant, to: &row)
                progress.note(
                    "\(plant.name), \(Figures.time(ns: delayNs)) each, gate \(number + 1) of "
                        + "\(gates): \(result.verdict.outcome.rawValue)")
            }
            table.rows.append(row)
        }
        return table
    }

    private func gate(
        _ number: Int, _ headOptions: [String], _ progress: ProgressPrinter
    ) throws -> LiveGate.Result {
        try setup.gate(
            rules: rules, budgetSeconds: budgetSeconds, seed: seed &+ UInt64(number),
            headOptions: headOptions
        ).run(progress: progress)
    }

    private func add(
        _ result: LiveGate.Result, _ plant: Plant, to row: inout SelfTestTable.Row
    ) {
        let failed = result.verdict.rows.filter { $0.status == .failed }.map(\.cell.key)
        row.add(
            isFound: failed.contains {
                $0.scheme == plant.scheme && $0.workload == plant.workload
            },
            // The plant is in every scheme that has room for it, not in the others.
            isFalseAlarm: false,
            isInconclusive: result.verdict.outcome == .inconclusive, seconds: result.seconds)
    }

    /// Nanoseconds of one delay, from what the base takes now.
    private func delay(of plant: Plant) throws -> Double {
        let figure: CellFigure = plant.kind == .tail ? .p99 : .p50
        let timeNs = try setup.gate(rules: rules, budgetSeconds: budgetSeconds, seed: seed)
            .median(of: figure, scheme: plant.scheme, workload: plant.workload)
        guard let timeNs else {
            throw CommandFailure(
                .badInput, "the self-test needs \(plant.scheme) under \(plant.workload)")
        }
        return timeNs * plant.share / plant.perOperation
    }
}
