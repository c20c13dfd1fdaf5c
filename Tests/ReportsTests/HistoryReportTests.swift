import Results
import Testing

@testable import Reports

@Suite("Runs over time, as text") struct HistoryReportTests {
    static func history(runs count: Int) -> RunHistory {
        RunHistory(
            (0..<count).map { index in
                var run = SyntheticRun(seed: UInt64(index), rounds: 3)
                run.addThroughput("spsc", perSecond: index >= count / 2 ? 90e6 : 120e6)
                run.addThroughput("spsc-c", perSecond: 118e6)
                let day = index % 28 + 1
                run.document.startedAt =
                    "2026-\(10 + index / 28)-\(day < 10 ? "0" : "")\(day)T00:00:00Z"
                return ("run-\(index).json", run.document)
            })
    }

    @Test("a change is in the table and in the plot, at any width", arguments: [80, 100, 240])
    func text(width: Int) throws {
        for count in [12, 60] {
            let text = HistoryReport.text(Self.history(runs: count), Style(width: width))
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { TextWidth.columns(String($0)) <= width })
            let row = try #require(lines.first { $0.hasPrefix("spsc ") })
            #expect(row.contains(" slower ") && row.contains("-2"), "\(row)")
            let plot = lines.filter { $0.contains("┤") }
            #expect(plot.count == HistoryPlot.height)
            #expect(plot.allSatisfy { $0.contains("│") || $0.contains("●") })
            let points = plot.reduce(0) { $0 + $1.count { $0 == "●" } }
            #expect((10...count).contains(points))
        }
    }

    @Test("a history of one run has nothing to show but says so")
    func single() {
        let text = HistoryReport.text(Self.history(runs: 1), plotsAll: true, Style())
        #expect(text.hasPrefix("1 run from 2026-10-01T00:00:00Z, "))
        #expect(text.contains("too few runs to show a change"))
        #expect(text.contains("Notes") && text.contains("each needs"))
        #expect(!text.contains("no change points"))
    }

    @Test("a change of plain figures is marked, and the legend says why")
    func plainFigures() throws {
        let runs = (0..<12).map { index in
            var run = SyntheticRun(seed: UInt64(index), rounds: 3)
            run.addThroughput("spsc", perSecond: index >= 6 ? 90e6 : 120e6)
            run.document.startedAt = "2026-10-\(10 + index)T00:00:00Z"
            return ("run-\(index).json", run.document)
        }
        let lines = HistoryReport.text(RunHistory(runs), notes: ["A note."], Style())
            .split(separator: "\n")
        let row = try #require(lines.first { $0.hasPrefix("spsc ") })
        #expect(row.contains("throughput *"))
        #expect(lines.joined(separator: " ").contains("*: of plain figures"))
        #expect(lines.contains("- A note."))
        let compared = HistoryReport.text(Self.history(runs: 12), Style())
        #expect(!compared.contains("*: of plain figures"))
    }
}
