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
    /// Rows of the table; nil is that of equal builds.
    let plants: [Plant?]
    let isQuiet: Bool

    /// A planted slowdown, sized by what it does to one figure.
    struct Plant {
        let name: String
        let kind: PlantedSlowdown.Kind
        /// How much more time the workload's figure shall take.
        let share: Double
        let scheme: String
        let workload: String

        func option(_ delayNs: Double) -> [String] {
            ["--plant", "\(kind.rawValue):\(delayNs)"]
        }

        /// What it is sized by.
        var figure: CellFigure { kind == .tail ? .p99 : .p50 }

        /// The slowdown that its delay is set right at. Noise is some per cent of a figure, so a
        /// small one is taken from a larger; but a lock that is held longer slows down whom it
        /// makes wait, which is not in proportion.
        var calibratedShare: Double { kind == .lockHold ? share : max(share, 0.5) }
    }

    static let plants = [
        Plant(
            name: "enqueue +5 %", kind: .operation, share: 0.05, scheme: "mpsc",
            workload: "round-trip"),
        Plant(
            name: "enqueue +10 %", kind: .operation, share: 0.10, scheme: "mpsc",
            workload: "round-trip"),
        Plant(
            name: "lock held +10 %", kind: .lockHold, share: 0.10, scheme: "locked/ticket",
            workload: "round-trip"),
        Plant(
            name: "2 % stalled, p99 ×2", kind: .tail, share: 1, scheme: "spsc",
            workload: "round-trip"),
    ]

    private static let equal = "nothing"

    /// The rows that patterns name, all of them without a pattern.
    ///
    /// - Throws: `SuiteError` where one names none.
    static func select(_ patterns: [String]) throws -> [Plant?] {
        let all: [Plant?] = [nil] + plants
        if patterns.isEmpty { return all }
        return try NamePattern.select(
            patterns, from: all, name: { $0?.name ?? equal }, kind: "plant")
    }

    /// Equal builds get twice as many gates: a false alarm is rarer than what is planted.
    ///
    /// Stopped between two gates or in one, it returns what it has, marked as cut short.
    func run() throws -> SelfTestTable {
        var table = SelfTestTable(
            title: "real gates on this machine", seed: seed, budgetSeconds: budgetSeconds,
            figures: [], machine: EnvironmentRecord.capture(), build: BuildRecord.capture())
        try checkPlants()
        do {
            for plant in plants {
                if let plant {
                    try playDelayed(plant, into: &table)
                } else {
                    try play(nil, gates: 2 * gates, into: &table) {
                        try gate($0)
                    } judge: {
                        (isFound: !$0.isEmpty, isFalseAlarm: false)
                    }
                }
            }
        } catch let exit as Exit where StopSignal.isRequested {
            table.isCutShort = true
            if table.gates == 0 { throw exit }
        }
        return table
    }

    /// What a row needs has to be among what is measured: found before the first gate, not after
    /// an hour of them.
    private func checkPlants() throws {
        let cells = try setup.gate(rules: rules, budgetSeconds: budgetSeconds, seed: seed)
            .cellsOfBase()
        for plant in plants.compactMap({ $0 })
        where !cells.contains(where: { $0.scheme == plant.scheme && $0.workload == plant.workload })
        {
            throw CommandFailure(
                .badInput,
                "\"\(plant.name)\" needs \(plant.scheme) under \(plant.workload); --plants chooses "
                    + "other rows")
        }
    }

    private func playDelayed(_ plant: Plant, into table: inout SelfTestTable) throws {
        let delayNs = try delay(of: plant)
        say("\(plant.name): \(Figures.time(ns: delayNs)) each")
        let first = 1 + (Self.plants.firstIndex { $0.name == plant.name } ?? 0)
        try play(plant, gates: gates, into: &table) {
            // The base has room for it as well, and no delay: only the delay differs.
            try gate(first << 20 + $0, base: plant.option(0), head: plant.option(delayNs))
        } judge: {
            judge($0, plant)
        }
    }

    /// Runs the gates of one row, which is in the table after each of them.
    private func play(
        _ plant: Plant?, gates: Int, into table: inout SelfTestTable,
        _ gate: (Int) throws -> LiveGate.Result,
        judge: ([CellKey]) -> (isFound: Bool, isFalseAlarm: Bool)
    ) throws {
        table.rows.append(SelfTestTable.Row(plant: plant?.name ?? Self.equal))
        for number in 0..<gates {
            let result = try gate(number)
            let failed = result.verdict.rows.filter { $0.status == .failed }
            let target = result.verdict.rows.first {
                $0.cell.key.scheme == plant?.scheme && $0.cell.key.workload == plant?.workload
                    && $0.cell.figure == plant?.figure
            }
            let (isFound, isFalseAlarm) = judge(failed.map(\.cell.key))
            table.rows[table.rows.count - 1].add(
                SelfTestTable.Gate(
                    outcome: result.verdict.outcome, seconds: result.seconds,
                    slowdown: target?.slowdown,
                    failed: failed.map {
                        "\($0.cell.key.scheme), \($0.cell.key.workload), \($0.cell.figure.rawValue)"
                    }),
                isFound: isFound, isFalseAlarm: isFalseAlarm)
            say(
                "\(table.rows.last?.plant ?? ""), gate \(number + 1) of \(gates): "
                    + result.verdict.outcome.rawValue)
        }
    }

    private func say(_ text: String) { ProgressPrinter(isSilent: isQuiet).note(text) }

    /// Its progress has a clock of its own: what is left is told from what is gone.
    private func gate(
        _ number: Int, base: [String] = [], head: [String] = []
    ) throws -> LiveGate.Result {
        try setup.gate(
            rules: rules, budgetSeconds: budgetSeconds, seed: seed &+ UInt64(number),
            baseOptions: base, headOptions: head
        ).run(progress: ProgressPrinter(isSilent: isQuiet))
    }

    /// The plant is in every scheme that has room for it, of which one is looked for: what fails
    /// elsewhere is a false alarm.
    private func judge(
        _ failed: [CellKey], _ plant: Plant
    ) -> (isFound: Bool, isFalseAlarm: Bool) {
        let planted = SchemeCatalogue.planted
        let delayed = Set(
            plant.kind == .lockHold
                ? planted.names.filter { $0.contains("/") } : planted.rings.map(\.name))
        return (
            failed.contains { $0.scheme == plant.scheme && $0.workload == plant.workload },
            failed.contains { !delayed.contains($0.scheme) }
        )
    }

    /// Nanoseconds of one delay, such that the figure is slower by the share: how much of a delay
    /// arrives there depends on what waits for it, so it is measured and set right a few times.
    private func delay(of plant: Plant) throws -> Double {
        let aim = plant.calibratedShare
        var delayNs = Self.firstDelayNs
        for step in 1...Self.calibrations {
            let gate = try setup.gate(
                rules: rules, budgetSeconds: budgetSeconds, seed: seed,
                baseOptions: plant.option(0), headOptions: plant.option(delayNs))
            let slowdown = try gate.slowdown(
                of: plant.figure, scheme: plant.scheme, workload: plant.workload)
            guard let slowdown else {
                throw CommandFailure(
                    .unfit,
                    "\(plant.scheme) under \(plant.workload): "
                        + "no \(plant.figure.rawValue) was measured")
            }
            // What is too small to see says little about what to multiply it by; and later steps
            // are smaller, so that the noise of one measurement is not the last word.
            let factor = min(max(aim / max(slowdown, aim / 8), 1.0 / 8), 8)
            delayNs *= pow(factor, 1 / Double(step).squareRoot())
            if StopSignal.isRequested { throw Exit(code: StopSignal.exitCode ?? 130) }
        }
        return delayNs * plant.share / aim
    }

    private static let firstDelayNs = 20.0
    private static let calibrations = 5
}
