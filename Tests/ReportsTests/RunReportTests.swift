import FaultModel
import Results
import Testing

@testable import Reports

struct RunReportTests {
    @Test(arguments: [(80, Golden.at80), (140, Golden.at140)])
    func theTextIsTheGoldenOne(width: Int, expected: String) {
        let text = RunReport.text(SyntheticRun.golden, Style(width: width))
        let found = text.split(separator: "\n", omittingEmptySubsequences: false)
        let wanted = expected.split(separator: "\n", omittingEmptySubsequences: false)
        for (line, pair) in zip(found, wanted).enumerated() where pair.0 != pair.1 {
            Issue.record("line \(line + 1): \"\(pair.0)\", expected \"\(pair.1)\"")
        }
        #expect(found.count == wanted.count)
    }

    @Test(arguments: [80, 140])
    func sideFiguresHaveTablesOfTheirOwn(width: Int) throws {
        var run = SyntheticRun()
        run.addRoundTrip("spsc", medianNs: 301, tailNs: 900, blame: TailBlame())
        run.addRoundTrip("mpsc", medianNs: 351, tailNs: 900, blame: TailBlame())
        let histogram = try #require(run.document.cells[0].rounds[0].latencyHistogram)
        for index in run.document.cells[0].rounds.indices {
            run.document.cells[0].rounds[index].otherLatencies = ["recovery": histogram]
            run.document.cells[0].rounds[index].counts = ["retries": 2, "timeouts\n": 1]
        }
        let lines = RunReport.text(run.document, Style(width: width)).split(separator: "\n")
        #expect(lines.contains { $0 == "ping · same-l3 · recovery" })
        #expect(lines.contains { $0 == "ping · same-l3 · counted over all rounds" })
        let counted = try #require(lines.last { $0.hasPrefix("spsc") })
        #expect(counted.split(separator: " ") == ["spsc", "16", "8"])
        #expect(lines.allSatisfy { TextWidth.columns(String($0)) <= width })
    }

    static func widest(_ text: String) -> Int {
        text.split(separator: "\n").map { TextWidth.columns(String($0)) }.max() ?? 0
    }

    @Test(arguments: [40, 80, 81, 100, 120, 140, 160, 300])
    func noLineIsWiderThanTheStyle(width: Int) {
        let style = Style(width: width)
        let text = RunReport.text(SyntheticRun.golden, style)
        #expect(Self.widest(text) <= style.width)
        #expect(text.split(separator: "\n").allSatisfy { $0.last != " " })
    }

    @Test func moreWidthShowsMore() {
        let texts = [80, 120, 160].map { RunReport.text(SyntheticRun.golden, Style(width: $0)) }
        #expect(Self.widest(texts[0]) == 80)
        #expect((101...120).contains(Self.widest(texts[1])))
        #expect((141...160).contains(Self.widest(texts[2])))
        #expect(!texts[0].contains("95 % range"))
        #expect(texts[1].contains("95 % range"))
    }

    @Test(arguments: [80, 140])
    func namesFromOutsideCannotBreakTheTable(width: Int) {
        let names = [
            "", " ", "名前が非常に長いスキーム名前が非常に長いスキーム", "a\u{1B}[31mred", "tab\tbed\r\n",
            "🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵🧵", "e\u{301}e\u{301}\u{202E}txt", "❤️/x\u{200D}y",
            String(repeating: "long", count: 100), "x/" + String(repeating: "y", count: 99),
        ]
        for count in [2, names.count] {
            var run = SyntheticRun(rounds: 5)
            for name in names[..<count] {
                run.addThroughput(name, perSecond: 1e12)
                run.addRoundTrip(
                    name, medianNs: 9.99e6, tailNs: 8e9, blame: TailBlame(preemption: 1))
            }
            run.document.notes = names
            run.document.environment["cpu.model"] = names.joined()
            run.document.cells[0].key.placement = names.joined()
            let text = RunReport.text(run.document, Style(width: width))
            #expect(Self.widest(text) <= width, "\(count) names")
            #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
            #expect(!text.unicodeScalars.contains("\u{202E}"))
        }
    }

    @Test func aFailedCellShowsNoFigure() throws {
        var run = SyntheticRun()
        run.addThroughput("spsc", perSecond: 123e6, violations: ["a", "b", "c", "d", "e"])
        run.addThroughput("spsc-c", perSecond: 118e6)
        let text = RunReport.text(run.document, Style(width: 140))
        let lines = text.split(separator: "\n")
        let row = try #require(lines.first { $0.hasPrefix("spsc ") })
        #expect(row.split(separator: " ").dropFirst().filter { $0 != "–" } == ["failed", "8/8"])
        #expect(!text.contains("12"))
        #expect(lines.contains("- spsc failed a check: round 3: c"))
        #expect(lines.contains("- spsc: and 2 more."))
        #expect(!lines.contains { $0.contains("round 3: d") })
    }

    @Test func aMissingCellSaysWhy() {
        var run = SyntheticRun()
        run.addThroughput("spsc", perSecond: 1e6)
        run.addThroughput("mpsc", perSecond: 1e6)
        run.document.cells[1].rounds = []
        let text = RunReport.text(run.document, Style())
        #expect(text.contains("- mpsc: no round finished.\n"))
        #expect(!text.contains("*"))
        #expect(text.contains("vs best"))
    }

    @Test func anEmptyRunIsStillAReport() {
        var run = SyntheticRun()
        run.document.finishedAt = nil
        run.document.environment = [:]
        run.document.build = [:]
        let text = RunReport.text(run.document, Style())
        #expect(text.contains("No cell was run.\n"))
        #expect(text.contains("rounds   none finished\n"))
        #expect(text.contains("build    commit not recorded\n"))
    }

    @Test func slowSchemesGetASmallerUnit() {
        var run = SyntheticRun()
        run.addThroughput("spsc", perSecond: 42_000, preempted: 10)
        let text = RunReport.text(run.document, Style())
        #expect(text.contains(" k/s "))
        #expect(text.contains("of all where 100 % were preempted"))
    }

    @Test func colourAddsNothingButColour() {
        let document = SyntheticRun.golden
        let plain = RunReport.text(document, Style(width: 100))
        let coloured = RunReport.text(document, Style(colour: true, width: 100))
        #expect(coloured.contains("\u{1B}[32m"))
        let stripped = coloured.replacing(#/\u{1B}\[[0-9]*m/#, with: "")
        #expect(stripped == plain)
        for line in coloured.split(separator: "\n") where line.contains("\u{1B}") {
            #expect(line.matches(of: #/\u{1B}\[0m/#).count * 2 == line.count { $0 == "\u{1B}" })
        }
    }
}

struct StyleTests {
    @Test func colourNeedsATerminalAndNoRefusal() {
        func colour(_ isTerminal: Bool, _ environment: [String: String]) -> Bool {
            Style.detect(isTerminal: isTerminal, environment: environment).colour
        }
        #expect(colour(true, [:]))
        #expect(colour(true, ["NO_COLOR": ""]))
        #expect(!colour(true, ["NO_COLOR": "0"]))
        #expect(!colour(true, ["TERM": "dumb"]))
        #expect(!colour(false, ["TERM": "xterm"]))
    }

    @Test func widthIsTheTerminalsThenTheEnvironments() {
        func width(_ width: Int?, _ columns: String?) -> Int {
            let environment = columns.map { ["COLUMNS": $0] } ?? [:]
            return Style.detect(isTerminal: true, environment: environment, width: width).width
        }
        #expect(width(120, "100") == 120)
        #expect(width(nil, "100") == 100)
        #expect(width(nil, "wide") == 80)
        #expect(width(nil, nil) == 80)
        #expect(width(20, nil) == 80)
        #expect(width(9999, nil) == 240)
    }
}
