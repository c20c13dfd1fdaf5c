import FaultModel
import Foundation
import Testing

@testable import Results

@Suite("How a gate decides") struct GateProcedureTests {
    static let cells = (0..<20).map {
        GateCell(key: Sample.key("scheme\($0)"), figure: .throughput)
    }

    /// Plays a gate on normal noise; `spent` rises by one block's share each time.
    static func play(
        seed: UInt64, slowdown: Double = 0, noise: Double = 0.03, blocks: Int = 200,
        cells: [GateCell] = cells, rules: GateRules = GateRules()
    ) -> GateVerdict {
        var generator = SeededGenerator(seed: seed)
        func normal() -> Double {
            (0..<12).reduce(-6) { sum, _ in sum + generator.nextUnit() }
        }
        var gate = GateProcedure(cells: cells, rules: rules)
        var done = 0
        while gate.phase != .finished {
            done += 1
            var block: [GateCell: GateSample] = [:]
            for cell in gate.wanted {
                let planted = cell == cells[0] ? log1p(slowdown) : 0
                let base = [normal() * noise, normal() * noise] as [Double?]
                let head = [normal() * noise + planted, normal() * noise + planted] as [Double?]
                block[cell] = GateSample(base: base, head: head)
            }
            gate.add(block, spent: Double(done) / Double(blocks))
            #expect(done <= blocks)
        }
        return GateVerdict(of: gate)
    }

    @Test("equal builds pass")
    func falseAlarms() {
        let outcomes = (0..<60).map { Self.play(seed: $0).outcome }
        #expect(outcomes.count { $0 == .fail } <= 2)
        #expect(outcomes.count { $0 == .pass } >= 56)
    }

    /// Without a tolerance nothing but the test's own level keeps false alarms down.
    @Test("equal builds fail as rarely as promised, with no tolerance to help")
    func levelAlone() {
        var rules = GateRules()
        rules.tolerance = 0
        rules.margin = 0.001
        rules.falseAlarmRate = 0.5
        let alarms = (0..<100).count {
            Self.play(seed: $0, blocks: 60, rules: rules).outcome == .fail
        }
        // 50 expected at most; 65 would be three standard deviations more.
        #expect(alarms <= 65, "\(alarms) of 100")
        #expect(alarms > 0, "a test that never fails has no power either")
    }

    @Test("a slowdown beyond the tolerance fails, on its own figure and no other")
    func power() {
        let verdicts = (0..<25).map { Self.play(seed: $0, slowdown: 0.10) }
        #expect(verdicts.count { $0.rows[0].status == .failed } >= 24)
        #expect(verdicts.allSatisfy { $0.rows.dropFirst().allSatisfy { $0.status != .failed } })
        let row = verdicts[0].rows[0]
        #expect(try! abs(#require(row.slowdown) - 0.10) < 0.04)
        #expect((row.adjustedP ?? 1) <= 0.0025)
    }

    @Test("too much noise for the budget is inconclusive, and says what it could have seen")
    func inconclusive() throws {
        let verdict = Self.play(seed: 1, noise: 0.5, blocks: 20)
        #expect(verdict.outcome == .inconclusive)
        let smallest = try #require(verdict.rows[0].smallestSeen)
        #expect(smallest > 0.3, "\(smallest)")
    }

    @Test("a budget too short for all of them confirms the most suspicious figures")
    func shortBudget() {
        let cells = (0..<60).map { Sample.key("scheme\($0)") }.flatMap { key in
            [CellFigure.p50, .p99].map { GateCell(key: key, figure: $0) }
        }
        // 60 cells take 3.3 % of the budget a block, and fewer in proportion.
        var generator = SeededGenerator(seed: 5)
        var gate = GateProcedure(cells: cells)
        var spent = 0.0
        while gate.phase != .finished {
            var block: [GateCell: GateSample] = [:]
            for cell in gate.wanted {
                let planted = cell.key == cells[0].key ? log1p(0.3) : 0
                let noise = { generator.nextUnit() * 0.25 }
                block[cell] = GateSample(
                    base: [noise(), noise()], head: [noise() + planted, noise() + planted])
            }
            spent += Double(Set(gate.wanted.map(\.key)).count) / 60 / 30
            gate.add(block, spent: spent)
        }
        let verdict = GateVerdict(of: gate)
        #expect(verdict.confirmed < cells.count)
        #expect(verdict.rows[0].status == .failed)
        #expect(verdict.rows.dropFirst(2).allSatisfy { $0.status != .failed })
        // What was not confirmed is measured on while there is time.
        #expect(spent >= 1 || verdict.rows.allSatisfy { $0.status != .undecided }, "\(spent)")
        let confirmed = gate.confirmed
        #expect(
            zip(cells, verdict.rows).contains {
                !confirmed.contains($0) && $1.status == .passed && $1.blocks > 15
            }, "something passed after screening's half of the budget")
    }

    @Test("a faster head is reported, and passes")
    func faster() {
        let one = Array(Self.cells.prefix(1))
        let verdict = Self.play(seed: 1, slowdown: -0.2, cells: one)
        #expect(verdict.outcome == .pass)
        #expect(verdict.rows.filter(\.isFaster).map(\.cell) == one)
        let same = Self.play(seed: 1, cells: one)
        #expect(!same.rows[0].isFaster)
    }

    @Test("a figure that is never seen is undecided")
    func missing() {
        var gate = GateProcedure(cells: Array(Self.cells.prefix(1)))
        for block in 1...100 { gate.add([:], spent: Double(block) / 100) }
        #expect(gate.phase == .finished)
        #expect(GateVerdict(of: gate).outcome == .inconclusive)
    }

    @Test("looks spend no more than the whole rate")
    func spending() {
        let spent = (1...1000).reduce(0) { $0 + GateRules.spent(0.01, look: $1) }
        #expect(spent <= 0.01 && spent > 0.0099)
        let looks = (1...12).map { GateRules().blocks(beforeLook: $0, in: .screening) }
        #expect(zip(looks, looks.dropFirst()).allSatisfy { $0 < $1 })
    }

    /// A pair's difference changes its sign with the builds, also where a process has no figure.
    @Test func samplesAreAntisymmetric() throws {
        let sides: [[Double?]] = [[1, 2], [nil, 5], [3, nil], [4, 8]]
        for left in sides {
            for right in sides {
                let one = try #require(GateSample(base: left, head: right))
                let other = try #require(GateSample(base: right, head: left))
                #expect(one.slowdown == -other.slowdown)
                #expect((one.calibration == nil) == left.contains { $0 == nil })
            }
        }
        #expect(GateSample(base: [nil, nil], head: [1, 2]) == nil)
    }

    @Test("recorded rounds of equal builds pass, planted slowdowns fail")
    func recorded() throws {
        var generator = SeededGenerator(seed: 5)
        let cells = ["a", "b", "c"].map { name in
            Sample.cell(
                name,
                rounds: ComparisonTests.rounds(
                    (0..<20).map { _ in Int(100_000 * (0.98 + 0.04 * generator.nextUnit())) }))
        }
        let gate = try RecordedGate(Sample.document(cells: cells, rounds: 20))
        #expect(gate.cells.count == 3)
        #expect(gate.play(.nothing, gates: 20, seed: 1).found == 0)
        let planted = gate.play(.median(0.1), gates: 20, seed: 1)
        #expect(planted.found >= 19 && planted.falseAlarms == 0)
        #expect(planted == gate.play(.median(0.1), gates: 20, seed: 1))
        #expect(throws: GateRecordingError.self) { try RecordedGate(Sample.document()) }
    }
}
