import FaultModel
import Foundation
import Results
import Testing

@testable import Reports

@Suite("A gate's findings, as text") struct GateReportTests {
    /// A gate of three figures: one slower by a fifth, one the same, one too noisy to tell.
    static let findings: GateFindings = {
        let cells = ["spsc", "mpsc", "<a&\"b\">"].map {
            GateCell(key: SyntheticRun.key($0, workload: "drain"), figure: .throughput)
        }
        var generator = SeededGenerator(seed: 4)
        var gate = GateProcedure(cells: cells)
        var block = 0.0
        while gate.phase != .finished {
            block += 1
            var samples: [GateCell: GateSample] = [:]
            for (place, cell) in cells.enumerated() where gate.wanted.contains(cell) {
                let noise = place == 2 ? 3.0 : 0.01
                func value() -> Double { noise * (generator.nextUnit() - 0.5) }
                let planted = place == 0 ? 0.2 : 0
                samples[cell] = GateSample(
                    base: [value(), value()], head: [value() + planted, value() + planted])
            }
            gate.add(samples, spent: block / 80)
        }
        return GateFindings(
            verdict: GateVerdict(of: gate), base: "main", head: "this program", suite: "quick",
            seed: 4, seconds: 80, budgetSeconds: 80, visits: 500, notes: ["A note."],
            violations: [],
            deterministic: [
                DeterministicFinding(
                    name: "spsc enqueue, instructions", expected: 40, found: 44, tolerance: 0.01,
                    isFailure: true)
            ])
    }()

    @Test("what is slower comes first, nothing is too wide", arguments: [80, 110, 240])
    func text(width: Int) throws {
        let text = GateReport.text(Self.findings, Style(width: width))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { TextWidth.columns(String($0)) <= width })
        #expect(lines[0].hasPrefix("gate      fail: 3 figures, 1 slower, 1 not decided"))
        let order = ["Slower, confirmed: 1", "Not decided: 1", "Not slower: 1"].map { title in
            lines.firstIndex { $0 == title }
        }
        #expect(
            order.allSatisfy { $0 != nil }
                && order.compactMap { $0 }
                    == order.sorted {
                        ($0 ?? 0) < ($1 ?? 0)
                    }.compactMap { $0 }
        )
        #expect(text.contains("equal builds fail in at most 0.5 % of gates"))
    }

    @Test("JUnit is well formed, whatever names hold")
    func junit() throws {
        let text = GateOutputs.junit(Self.findings)
        let parser = XMLCheck()
        #expect(parser.isWellFormed(text))
        #expect(!parser.isWellFormed(text.replacing("&lt;", with: "<")))
        #expect(text.contains("tests=\"4\" failures=\"2\" skipped=\"1\""))
    }

    /// Enough of XML to see a name that breaks out of its attribute: tags are balanced, and their
    /// attributes hold no quote or angle bracket.
    struct XMLCheck {
        func isWellFormed(_ text: String) -> Bool {
            var open: [Substring] = []
            let tag = #/<(\/?)([a-z]+)((?: [a-z]+="[^"<>]*")*)(\/?)>|<\?xml[^>]*\?>|<|>/#
            for match in text.matches(of: tag) {
                guard let name = match.2 else {
                    if match.0.hasPrefix("<?") { continue }
                    return false
                }
                if match.1 == "/" {
                    guard open.popLast() == name else { return false }
                } else if match.4 != "/" {
                    open.append(name)
                }
            }
            return open.isEmpty
        }
    }

    @Test("annotations are one line each, with their signs escaped")
    func annotations() {
        let lines = GateOutputs.annotations(Self.findings).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("::error ") }.count == 2)
        #expect(lines.filter { $0.hasPrefix("::warning ") }.count == 1)
        #expect(lines.last?.hasPrefix("::notice ") == true)
        #expect(lines.allSatisfy { !$0.contains(" % ") })
    }

    @Test("JSON has the outcome and every figure")
    func json() throws {
        let data = try JSONEncoder().encode(GateOutputs.Document(Self.findings))
        let object = try #require(
            try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object["outcome"] as? String == "fail")
        #expect((object["figures"] as? [Any])?.count == 3)
    }

    @Test("what is faster is marked in the text too", arguments: [false, true])
    func faster(colour: Bool) {
        let cells = ["spsc", "mpsc"].map {
            GateCell(key: SyntheticRun.key($0, workload: "drain"), figure: .throughput)
        }
        var generator = SeededGenerator(seed: 4)
        var gate = GateProcedure(cells: cells)
        while gate.phase != .finished {
            func value() -> Double { 0.01 * (generator.nextUnit() - 0.5) }
            let samples = cells.enumerated().map { place, cell in
                let change = place == 0 ? -0.2 : 0
                return (
                    cell,
                    GateSample(
                        base: [value(), value()], head: [value() + change, value() + change])
                )
            }
            gate.add(
                Dictionary(uniqueKeysWithValues: samples).compactMapValues { $0 }, spent: 0.1)
        }
        let findings = GateFindings(
            verdict: GateVerdict(of: gate), base: "main", head: "this program", suite: "quick",
            seed: 4, seconds: 80, budgetSeconds: 80, visits: 500, notes: [], violations: [],
            deterministic: [])
        let lines = GateReport.text(findings, Style(colour: colour)).split(separator: "\n")
        #expect(findings.verdict.rows.map(\.isFaster) == [true, false])
        #expect(lines.filter { $0.contains("*-") }.count == 1, "\(lines)")
        #expect(lines.contains { $0.contains("spsc") && $0.contains("*-18 %") }, "\(lines)")
        #expect(lines.contains { $0.contains("*: faster") })
    }

    @Test("the self-test's table has an interval for every count")
    func selfTest() {
        var row = SelfTestTable.Row(plant: "nothing")
        for _ in 0..<10 {
            row.add(
                .init(outcome: .pass, seconds: 60, failed: []), isFound: false, isFalseAlarm: false)
        }
        let table = SelfTestTable(
            title: "recorded rounds", seed: 1, budgetSeconds: 600, figures: [99], rows: [row])
        let text = table.text(Style())
        #expect(text.contains("0…31 %"), "\(text)")
        #expect(!text.contains("measured"))
        #expect(text.split(separator: "\n").allSatisfy { TextWidth.columns(String($0)) <= 80 })
    }

    @Test(
        "the self-test's table cuts nothing at 80 columns",
        arguments: [
            (["nothing", "median +5.0 %", "p99 +100 %"], false),
            (["nothing", "lock held +10 %", "2 % stalled, p99 ×2"], true),
        ])
    func selfTestWidth(plants: [String], isReal: Bool) {
        let rows = plants.map { plant in
            var row = SelfTestTable.Row(plant: plant)
            for place in 0..<1000 {
                row.add(
                    .init(
                        outcome: place % 2 == 0 ? .inconclusive : .fail, seconds: 5000,
                        slowdown: isReal && plant != "nothing" ? 1.05 : nil, failed: []),
                    isFound: place % 3 == 0, isFalseAlarm: place % 2 == 0)
            }
            return row
        }
        let table = SelfTestTable(
            title: "gates", seed: 1, budgetSeconds: 6000, figures: [], rows: rows)
        let lines = table.text(Style()).split(separator: "\n")
        #expect(lines.allSatisfy { TextWidth.columns(String($0)) <= 80 })
        for plant in plants {
            let row = lines.first { $0.hasPrefix(plant + " ") }
            #expect(row?.contains("30…36 %") == true, "\(lines)")
            #expect(row?.hasSuffix("1 h 23 min") == true, "\(lines)")
        }
        #expect(lines.contains { $0.hasPrefix("planted ") && $0.contains(" interval ") })
    }

    @Test("real gates show what they measured of the planted figure")
    func measuredSlowdown() {
        var row = SelfTestTable.Row(plant: "lock held +10 %")
        for slowdown in [0.07, 0.08, 0.2] {
            row.add(
                .init(outcome: .fail, seconds: 60, slowdown: slowdown, failed: ["a, b, p50"]),
                isFound: true, isFalseAlarm: false)
        }
        let table = SelfTestTable(
            title: "real gates", seed: 1, budgetSeconds: 100, figures: [], rows: [row])
        #expect(table.text(Style()).contains("+8.0 %"), "\(table.text(Style()))")
    }
}
