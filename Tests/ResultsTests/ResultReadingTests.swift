import FaultModel
import Foundation
import Testing

@testable import Results

/// Files that are wrong in one way each get one line that says how.
struct ResultReadingTests {
    static func decode(_ text: String) throws(ResultFileError) -> RunDocument {
        try ResultStore.decode(Array(text.utf8), path: "run.json")
    }

    static func line(_ text: String) -> String? {
        do throws(ResultFileError) {
            _ = try decode(text)
            return nil
        } catch {
            return error.description
        }
    }

    /// A whole document, of which a test breaks one part.
    static let good: String = {
        let round = Sample.round(
            0, threads: [Sample.thread("producer", operations: 7)], histogram: Sample.ramp(100))
        let cells = [
            Sample.cell("spsc", rounds: [round]), Sample.cell("spsc-c", rounds: [round]),
        ]
        let document = Sample.document(cells: cells)
        return String(
            decoding: try! ResultStore.encode(document, path: "run.json"), as: UTF8.self)
    }()

    static func changed(_ old: String, _ new: String) throws -> String {
        let range = try #require(good.range(of: old), "no \(old)")
        return good.replacingCharacters(in: range, with: new)
    }

    @Test func theWholeDocumentIsGood() { #expect(Self.line(Self.good) == nil) }

    @Test func pathsThatHoldNoFile() throws {
        let folder = try TemporaryFolder()
        func reason(_ path: String) -> ResultFileError.Reason? {
            do throws(ResultFileError) {
                _ = try ResultStore.read(path)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason(folder("none.json")) == .missing)
        #expect(reason("") == .missing)
        #expect(reason(folder.path) == .isFolder)
        #expect(reason("/dev/null") == .empty)
        try "".write(toFile: folder("empty.json"), atomically: false, encoding: .utf8)
        #expect(reason(folder("empty.json")) == .empty)
    }

    @Test func endlessInputIsCutOff() {
        let error = #expect(throws: ResultFileError.self) {
            try AtomicFile.read("/dev/zero", limit: 1 << 20)
        }
        #expect(error?.description == "/dev/zero: larger than 1 MiB; no result file is")
    }

    @Test func textThatIsNotJSON() throws {
        let line = try #require(Self.line("{\n  \"tool\": fqbench\n}"))
        #expect(line == "run.json: not JSON: line 2, column 11: expected a value")
        for text in ["", "\u{0}", "]", "{", "tool", String(repeating: "[", count: 100_000)] {
            #expect(Self.line(text)?.contains("\n") == false, "\(text.prefix(20))")
        }
        #expect(Self.line("\u{FEFF}") != nil)
    }

    @Test(arguments: [
        ("{\"a\": [1, 2}", "line 1, column 12: expected \",\" or \"]\""),
        ("{\"a\" 1}", "line 1, column 6: expected \":\""),
        ("{\n\"a", "line 2, column 3: expected the end of a text"),
        ("{\"schemaVersion\": 1.}", "line 1, column 21: expected a digit"),
        ("[nul]", "line 1, column 2: expected a value"),
        ("{\"a\": 1} x", "line 1, column 10: expected the end"),
    ])
    func syntaxErrorsHaveAPlace(text: String, expected: String) {
        #expect(JSONScan(Array(text.utf8)).syntaxProblem == expected)
        #expect(Self.line(text)?.hasSuffix(expected) == true)
    }

    @Test(arguments: ["{}", "[]", "1", "\"fqbench\"", "{\"tool\": \"perf\"}", "{\"tool\": 1}"])
    func otherJSON(text: String) {
        #expect(
            Self.line(text)
                == "run.json: JSON, but not a result of fqbench: expected \"tool\": \"fqbench\"")
    }

    @Test func newerSchema() throws {
        // Nothing else in it is looked at.
        #expect(
            Self.line("{\"tool\": \"fqbench\", \"schemaVersion\": 7, \"cells\": 3}")
                == "run.json: schema version 7; this build reads up to 1: use a newer fqbench")
        #expect(Self.line("{\"tool\": \"fqbench\"}") == "run.json: schemaVersion is missing")
        #expect(
            Self.line("{\"tool\": \"fqbench\", \"schemaVersion\": \"1\"}")
                == "run.json: schemaVersion: expected a whole number")
    }

    @Test func missingAndIllTypedFieldsAreNamed() throws {
        #expect(
            Self.line(try Self.changed("\"overflowed\" : 0,", ""))
                == "run.json: cells[0].rounds[0].overflowed is missing")
        #expect(
            Self.line(try Self.changed("\"operations\" : 7,", "\"operations\" : \"7\","))
                == "run.json: cells[0].rounds[0].threads[0].operations: expected a whole number")
        #expect(
            Self.line(try Self.changed("\"stepNs\" : 10", "\"stepNs\" : [10]"))
                == "run.json: clock.stepNs: expected a number")
        #expect(
            Self.line(try Self.changed("\"operations\" : 7,", "\"operations\" : 7.5,"))?
                .hasPrefix("run.json: cells[0].rounds[0].threads[0].operations: expected a whole")
                == true)
        #expect(
            Self.line(try Self.changed("\"operations\" : 7,", "\"operations\" : 1e999,"))
                == "run.json: cells[0].rounds[0].threads[0].operations: expected a whole number, "
                + "or one that is not so large")
        #expect(
            Self.line(try Self.changed("\"costNs\" : 20", "\"costNs\" : 1e999"))
                == "run.json: clock.costNs: expected a number that is not so large")
        let measure = Self.line(try Self.changed("\"throughput\"", "\"speed\""))
        #expect(measure?.hasPrefix("run.json: cells[0].measure is not valid: ") == true)
        let null = Self.line(try Self.changed("\"seed\" : 18446744073709551615", "\"seed\" : null"))
        #expect(null == "run.json: seed: expected a whole number")
    }

    @Test(arguments: [
        ("\"operations\" : 7,", "\"operations\" : -7,", "threads[0].operations is -7"),
        ("\"operations\" : 7,", "\"operations\" : 9007199254740993,", "expected 0…2^53"),
        ("\"index\" : 0,", "\"index\" : 3,", "rounds[0].index is 3, expected less than"),
        ("\"index\" : 0,", "\"index\" : -1,", "expected more than -1: rounds ascend from 0"),
        ("\"rounds\" : 3", "\"rounds\" : 0", "suite.rounds is 0"),
        ("\"structure\" : \"spsc-c\"", "\"structure\" : \"spsc\"", "same as that of cells[0]"),
        ("\"durationNs\" : 1000000", "\"durationNs\" : -1", "bursts[0].durationNs is -1.0"),
        ("\"canaryAfterNs\" : 290", "\"canaryAfterNs\" : 0", "canaryAfterNs is 0.0"),
        ("07:30:00Z", "07:30:00+01:00", "startedAt is not a UTC time"),
        ("HISTE", "HISTF", "latencyHistogram is not valid: the histogram starts with"),
        ("\"ticksPerSecond\" : 2445000000", "\"ticksPerSecond\" : 0", "clock.ticksPerSecond"),
        ("\"schemaVersion\" : 1", "\"schemaVersion\" : 0", "schemaVersion is 0"),
    ])
    func impossibleValuesAreNamed(old: String, new: String, expected: String) throws {
        let line = try #require(Self.line(try Self.changed(old, new)))
        #expect(line.hasPrefix("run.json: "))
        #expect(line.contains(expected), "\(line)")
        #expect(!line.contains("\n"))
    }

    @Test func numbersBeyondDoubleAreRefused() throws {
        let line = Self.line(try Self.changed("\"stepNs\" : 10", "\"stepNs\" : 1e999"))
        #expect(line?.hasPrefix("run.json: clock.stepNs") == true)
        #expect(Self.line(try Self.changed("\"stepNs\" : 10", "\"stepNs\" : NaN")) != nil)
    }

    @Test func roundsOutOfOrderAndNotFinite() {
        var document = Sample.document(
            cells: [Sample.cell("spsc", rounds: [Sample.round(1), Sample.round(0)])])
        let order = DocumentCheck.firstProblem(in: document, histograms: true)
        #expect(order?.field == "cells[0].rounds[1].index")
        document.cells[0].rounds = [Sample.round(0, canaryNs: .infinity)]
        let canary = DocumentCheck.firstProblem(in: document, histograms: true)
        #expect(canary?.field == "cells[0].rounds[0].canaryBeforeNs")
    }

    @Test func unknownFieldsAreIgnored() throws {
        #expect(Self.line(try Self.changed("\"seed\"", "\"later\" : [1], \"seed\"")) == nil)
    }

    /// A byte changed, a part cut: a document or one line, never a trap.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func damagedFilesNeverTrap(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            var bytes = Array(Self.good.utf8)
            for _ in 0...generator.next() % 3 {
                let at = Int(generator.next() % UInt64(bytes.count))
                bytes[at] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.next() % 3 == 0 {
                bytes.removeLast(Int(generator.next() % UInt64(bytes.count)))
            }
            do throws(ResultFileError) {
                let document = try ResultStore.decode(bytes, path: "run.json")
                #expect(RunSummary(of: document).groups.count >= 1)
            } catch {
                #expect(!error.description.contains("\n"))
            }
        }
    }
}
