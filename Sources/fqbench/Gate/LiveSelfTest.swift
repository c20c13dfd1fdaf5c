import ArgumentParser
import Foundation
import Harness
import Measurement
import Reports
import Results
import SchemeCatalogue

/// `fqbench gate --self-test`: real gates of this program against itself, and against itself with a
/// slowdown planted in the head.
struct LiveSelfTest {
    let setup: GateSetup
    let rules: GateRules
    let budgetSeconds: Double
    /// Of each planted slowdown.
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

    /// Equal builds get twice as many gates: a false alarm is rarer than what is planted.
    ///
    /// Stopped between two gates or in one, it returns what it has, marked as cut short.
    func run(progress: ProgressPrinter) throws -> SelfTestTable {
        var table = SelfTestTable(
            title: "real gates on this machine", seed: seed, budgetSeconds: budgetSeconds,
            figures: [], machine: EnvironmentRecord.capture(), build: BuildRecord.capture())
        do {
            try play(SelfTestTable.Row(plant: "nothing"), gates: 2 * gates, into: &table) {
                try gate($0, [], progress)
            } judge: { failed in
                (isFound: !failed.isEmpty, isFalseAlarm: false)
            } note: {
                progress.note("nothing planted, " + $0)
            }
            for (place, plant) in Self.plants.enumerated() {
                let delayNs = try delay(of: plant)
                let options = ["--plant", "\(plant.kind.rawValue):\(delayNs)"]
                try play(SelfTestTable.Row(plant: plant.name), gates: gates, into: &table) {
                    try gate((place + 1) << 20 + $0, options, progress)
                } judge: {
                    judge($0, plant)
                } note: {
                    progress.note("\(plant.name), \(Figures.time(ns: delayNs)) each, " + $0)
                }
            }
        } catch let exit as Exit where StopSignal.isRequested {
            table.isCutShort = true
            if table.gates == 0 { throw exit }
        }
        return table
    }

    /// Runs the gates of one row, which is in the table after each of them.
    private func play(
        _ row: SelfTestTable.Row, gates: Int, into table: inout SelfTestTable,
        _ gate: (Int) throws -> LiveGate.Result,
        judge: ([CellKey]) -> (isFound: Bool, isFalseAlarm: Bool), note: (String) -> Void
    ) throws {
        table.rows.append(row)
        for number in 0..<gates {
            let result = try gate(number)
            let failed = result.verdict.rows.filter { $0.status == .failed }
            let (isFound, isFalseAlarm) = judge(failed.map(\.cell.key))
            table.rows[table.rows.count - 1].add(
                SelfTestTable.Gate(
                    outcome: result.verdict.outcome, seconds: result.seconds,
                    failed: failed.map {
                        "\($0.cell.key.scheme), \($0.cell.key.workload), \($0.cell.figure.rawValue)"
                    }),
                isFound: isFound, isFalseAlarm: isFalseAlarm)
            note("gate \(number + 1) of \(gates): \(result.verdict.outcome.rawValue)")
        }
    }

    private func gate(
        _ number: Int, _ headOptions: [String], _ progress: ProgressPrinter
    ) throws -> LiveGate.Result {
        try setup.gate(
            rules: rules, budgetSeconds: budgetSeconds, seed: seed &+ UInt64(number),
            headOptions: headOptions
        ).run(progress: progress)
    }

    /// The plant is in every scheme that has room for it, of which one is looked for: only what
    /// has no room is a false alarm.
    private func judge(
        _ failed: [CellKey], _ plant: Plant
    ) -> (isFound: Bool, isFalseAlarm: Bool) {
        let delayed = Set(SchemeCatalogue.planted.names)
        return (
            failed.contains { $0.scheme == plant.scheme && $0.workload == plant.workload },
            failed.contains { !delayed.contains($0.scheme) }
        )
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
