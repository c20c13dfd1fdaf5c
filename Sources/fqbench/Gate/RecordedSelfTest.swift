import Foundation
import Reports
import Results

/// `fqbench gate --self-test --recorded FILE`: gates played out on recorded rounds.
struct RecordedSelfTest {
    let files: [String]
    let rules: GateRules
    let budgetSeconds: Double
    let gates: Int
    let seed: UInt64

    static let plants: [RecordedGate.Plant] = [
        .nothing, .median(0.05), .median(0.10), .median(0.20), .tail(1.0),
    ]

    func run(progress: ProgressPrinter) throws -> SelfTestTable {
        let recorded = try files.map { file in
            let document = try ResultStore.read(file)
            do throws(GateRecordingError) {
                return try RecordedGate(document, rules: rules, budgetSeconds: budgetSeconds)
            } catch {
                throw CommandFailure(.badInput, "\(file): \(error)")
            }
        }
        var table = SelfTestTable(
            title: "recorded rounds of \(files.count) file\(files.count == 1 ? "" : "s")",
            seed: seed, budgetSeconds: budgetSeconds,
            figures: recorded.map(\.cells.count), rows: [])
        let total = Self.plants.count * gates * recorded.count
        var done = 0
        for plant in Self.plants {
            var row = SelfTestTable.Row(plant: SelfTestTable.name(of: plant))
            for (place, gate) in recorded.enumerated() {
                progress.update(done: done, total: total, resumed: 0, label: row.plant)
                row.add(gate.play(plant, gates: gates, seed: seed &+ UInt64(place) << 32))
                done += gates
            }
            table.rows.append(row)
        }
        progress.update(done: done, total: total, resumed: 0, label: "")
        progress.finish()
        return table
    }
}
