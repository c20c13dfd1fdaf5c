import Foundation
import Results
import Testing

@testable import Reports

@Suite("What changed, as text") struct ComparisonReportTests {
    static func comparison(slowdown: Double = 1.25) throws -> RunComparison {
        func run(_ factor: Double, seed: UInt64) -> RunDocument {
            var run = SyntheticRun(seed: seed)
            run.addThroughput("spsc", perSecond: 121e6 / factor)
            run.addThroughput("spsc-c", perSecond: 118e6)
            run.addThroughput("locked/futex", perSecond: 9e6)
            run.addRoundTrip("spsc", medianNs: 301, tailNs: 900, blame: TailBlame())
            run.document.environment["fingerprint"] = "f00d"
            return run.document
        }
        var before = run(1, seed: 1)
        let after = run(slowdown, seed: 2)
        before.cells.removeLast()
        return try RunComparison(before, after)
    }

    @Test("a table names what is slower and why a cell is missing", arguments: [80, 120, 240])
    func table(width: Int) throws {
        let text = ComparisonReport.text(try Self.comparison(), Style(width: width))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { TextWidth.columns(String($0)) <= width })
        let row = try #require(lines.first { $0.hasPrefix("spsc  ") })
        #expect(row.contains("slower") && row.contains("-20 %"), "\(row)")
        #expect(text.contains("not compared: spsc: only in the second run"))
        #expect(text.contains("1 slower, 0 faster, 2 the same, 0 unclear; 1 cells not compared"))
    }

    @Test("Markdown has the changed figures first and no name breaks its table")
    func markdown() throws {
        let text = ComparisonMarkdown.text(try Self.comparison())
        let first = try #require(text.range(of: "| slower |"))
        let folded = try #require(text.range(of: "<details>"))
        #expect(first.lowerBound < folded.lowerBound)
        #expect(ComparisonMarkdown.escaped("a|b<c>`d`\n") == "a&#124;b&lt;c&gt;&#96;d&#96;?")
    }

    @Test("benchstat's format has a line per round, each of numbers and units")
    func benchstat() throws {
        let text = BenchmarkText.text(try Self.comparison())
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("Benchmark") }
        #expect(lines.count == 6 * 8)
        let form = #/Benchmark[A-Z]\S* [1-9]\d*( \d+(\.\d+)? [a-z0-9\/-]+)+/#
        #expect(lines.allSatisfy { $0.wholeMatch(of: form) != nil })
        #expect(lines.contains { $0.contains("/scheme=locked:futex/") })
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("run: ") }.count == 2)
    }

    @Test("benchstat's format has no line of what is not compared, and says why")
    func benchstatLeavesOut() throws {
        func run(_ fingerprint: String) -> RunDocument {
            var run = SyntheticRun()
            run.addThroughput("spsc", perSecond: 121e6)
            run.addThroughput("mpsc", perSecond: 40e6)
            run.document.cells[0].workloadFingerprint = fingerprint
            run.document.environment["fingerprint"] = "f00d"
            return run.document
        }
        let text = BenchmarkText.text(try RunComparison(run("1"), run("2")))
        #expect(
            text.hasPrefix("# left out: spsc, drain, same-l3: other workload of the same name\n"))
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("Benchmark") }
        #expect(lines.count == 2 * 8)
        #expect(lines.allSatisfy { $0.contains("/scheme=mpsc/") })
    }

    @Test("more operations than a number holds are the most that it holds")
    func benchstatOfManyOperations() throws {
        var run = SyntheticRun()
        run.addThroughput("spsc", perSecond: 121e6)
        run.document.environment["fingerprint"] = "f00d"
        let burst = BurstRecord(
            durationNs: 1e6, operations: 1 << 53, failedTries: 0, involuntarySwitches: 0,
            voluntarySwitches: 0)
        run.document.cells[0].rounds[0].bursts = [BurstRecord](repeating: burst, count: 1100)
        let text = BenchmarkText.text(try RunComparison(run.document, run.document))
        #expect(text.contains(" \(Int.max) "))
    }

    @Test("JSON has every cell")
    func json() throws {
        let data = try JSONEncoder().encode(ComparisonDocument(try Self.comparison()))
        let object = try #require(
            try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let cells = try #require(object["cells"] as? [[String: Any]])
        #expect(cells.count == 4)
        #expect(cells.contains { $0["reason"] as? String == "only in the second run" })
    }

    @Test func changesAsText() {
        #expect(ChangeText.percent(1) == "0 %")
        #expect(ChangeText.percent(1.032) == "+3.2 %")
        #expect(ChangeText.percent(0.5) == "-50 %")
        #expect(ChangeText.percent(12) == "12.0×")
        #expect(ChangeText.percent(1.0004) == "0 %" && ChangeText.percent(0.9996) == "0 %")
        #expect(ChangeText.percent(1.0006) == "+0.1 %" && ChangeText.percent(0.9994) == "-0.1 %")
        #expect(
            ChangeText.range(Interval(lower: 0.9999, upper: 1.0301, level: 0.95)) == "0…+3.0 %")
        #expect(
            ChangeText.range(Interval(lower: 0.9, upper: 1.25, level: 0.95)) == "-10…+25 %")
    }
}
