import Testing

@testable import Results

@Suite("Runs over time") struct RunHistoryTests {
    static let schemes = ["device-lock", "rcu-refcount", "sharded", "slot-table", "single-owner"]

    /// Runs of schemes, each with noise of its own of 1 %; `factor` is what a run makes of one.
    static func runs(
        _ count: Int, _ schemes: [String] = schemes, factor: (String, Int) -> Double
    ) -> [RunHistory.NamedRun] {
        let noise = schemes.indices.map { ChangePointTests.noise(count, seed: UInt64($0) + 20) }
        return (0..<count).map { run in
            let cells = schemes.indices.map { index in
                let level = 1e6 * (1 + 0.1 * Double(index))
                let rate = level * (1 + 0.01 * noise[index][run]) * factor(schemes[index], run)
                let parts = schemes[index].split(separator: "/").map(String.init)
                var cell = Sample.cell(
                    parts[0], rounds: ComparisonTests.rounds([Int(rate), Int(rate), Int(rate)]))
                cell.key.lockKind = parts.count > 1 ? parts[1] : nil
                return cell
            }
            var document = Sample.document(cells: cells)
            document.startedAt = "2026-11-21T07:\(10 + run):00Z"
            return ("\(run).json", document)
        }
    }

    static func series(_ scheme: String, _ history: RunHistory) throws -> RunHistory.Series {
        try #require(history.series.first { $0.key.scheme == scheme })
    }

    /// A machine that is three times as fast in every third run.
    static func machine(_ run: Int) -> Double { run % 3 == 0 ? 3 : 1 }

    @Test(
        "a scheme that changes is the only one that does, however few others and many runs",
        arguments: [(4, 24), (4, 60), (5, 24)])
    func oneScheme(schemes: Int, count: Int) throws {
        let runs = Self.runs(count, Array(Self.schemes.prefix(schemes))) { scheme, run in
            Self.machine(run) * (scheme == "sharded" && run >= count / 2 ? 1 / 1.5 : 1)
        }
        let history = RunHistory(runs)
        #expect(history.series.allSatisfy { $0.reference == .group })
        let changed = history.series.filter { !$0.changes.isEmpty }
        #expect(changed.map(\.key.scheme) == ["sharded"])
        let sharded = try Self.series("sharded", history)
        #expect(sharded.changes.map(\.index) == [count / 2])
        #expect(try abs(#require(sharded.changes.first).ratio - 1 / 1.5) < 0.02)
    }

    @Test("a structure has one vote, however many locks it has")
    func oneStructure() {
        let locks = ["futex", "ticket", "mcs", "ttas", "pthread"].map { "device-lock/" + $0 }
        let history = RunHistory(
            Self.runs(30, locks + Self.schemes.dropFirst()) { scheme, run in
                Self.machine(run) * (scheme.hasPrefix("device-lock") && run >= 15 ? 0.8 : 1)
            })
        let changed = history.series.filter { !$0.changes.isEmpty }
        #expect(changed.map(\.key.scheme) == locks)
        #expect(changed.allSatisfy { $0.changes.map(\.index) == [15] })
    }

    @Test("what the whole machine does is no change of any scheme")
    func wholeMachine() {
        let history = RunHistory(
            Self.runs(30) { _, run in Self.machine(run) * (run >= 12 ? 0.6 : 1) })
        #expect(history.series.count == Self.schemes.count)
        #expect(history.series.allSatisfy { $0.reference == .group && $0.changes.isEmpty })
        // A scheme that came with the machine's change has not changed either.
        let late = RunHistory(
            Self.runs(40) { _, run in run >= 20 ? 0.6 : 1 }.enumerated().map { index, run in
                var run = run
                if index < 20 { run.document.cells.removeFirst() }
                return run
            })
        #expect(late.series.allSatisfy { $0.reference == .group && $0.changes.isEmpty })
    }

    @Test("choosing series changes neither what they are compared with nor what is found")
    func chosen() throws {
        let runs = Self.runs(24) { scheme, run in
            Self.machine(run) * (scheme == "slot-table" && run >= 10 ? 0.8 : 1)
        }
        var options = RunHistory.Options()
        options.isWanted = { $0.structure == "slot-table" }
        let (all, one) = (RunHistory(runs), RunHistory(runs, options: options))
        #expect(one.series.count == 1)
        let (left, right) = (try Self.series("slot-table", all), one.series[0])
        #expect(left.values == right.values && right.reference == .group)
        #expect(left.changes.map(\.ratio) == right.changes.map(\.ratio))
        #expect(right.changes.map(\.index) == [10])
    }

    @Test("other work under the same name is left out, with a note")
    func otherWork() throws {
        func runs(_ first: String?, _ second: String?) -> [RunHistory.NamedRun] {
            Self.runs(20) { _, run in run < 8 ? 2 : 1 }.enumerated().map { index, run in
                var run = run
                for cell in run.document.cells.indices {
                    run.document.cells[cell].workloadFingerprint = index < 8 ? first : second
                }
                run.document.suite.fingerprint = index < 8 ? "1" : "2"
                return run
            }
        }
        let history = RunHistory(runs("1", "2"))
        #expect(try Self.series("sharded", history).values.map(\.run) == Array(8..<20))
        #expect(
            history.notes == ["Left out, as other work than the newest run's: drain in 8 runs."])
        let unknown = RunHistory(runs(nil, "2"))
        #expect(try Self.series("sharded", unknown).values.count == 20)
        #expect(unknown.notes.contains { $0.contains("are taken to be equal") })
        #expect(RunHistory(runs("2", "2")).notes.isEmpty)
    }

    @Test("a cell with a failed check is left out, with a note")
    func failedCheck() throws {
        var runs = Self.runs(20) { _, _ in 1 }
        for run in [3, 7] { runs[run].document.cells[2].rounds[1].check.violations = ["lost"] }
        let history = RunHistory(runs)
        let left = Array(0..<20).filter { $0 != 3 && $0 != 7 }
        #expect(try Self.series("sharded", history).values.map(\.run) == left)
        #expect(history.notes == ["Left out, as a check failed: sharded under drain in 2 runs."])
        var options = RunHistory.Options()
        options.isWanted = { $0.structure == "slot-table" }
        #expect(RunHistory(runs, options: options).notes.isEmpty)
    }

    @Test("a copy of a run is known by what is in it, and the fuller state stays")
    func copies() {
        let runs = Self.runs(3) { _, _ in 1 }
        var fuller = runs[1]
        fuller.file = "fuller.json"
        fuller.document.cells[0].rounds.append(Sample.round(3))
        var otherSeed = runs[2]
        otherSeed.document.seed = 1
        var otherMachine = runs[2]
        otherMachine.document.environment["fingerprint"] = "beef"
        let (kept, copies) = RunHistory.withoutCopies(
            runs + [("0.json.gz", runs[0].document), fuller, otherSeed, otherMachine])
        #expect(kept.map(\.file) == ["0.json", "fuller.json", "2.json", "2.json", "2.json"])
        #expect(copies == ["0.json.gz", "1.json"])
    }

    @Test("a history that cannot show a change says so")
    func tooShort() {
        let runs = Self.runs(12) { scheme, run in scheme == "sharded" && run >= 6 ? 0.1 : 1 }
        // Five series at 0.05: 0.01 each, and nine runs have no p-value below 0.0158.
        let nine = RunHistory(Array(runs.dropFirst(2).dropLast()))
        #expect(nine.searchable == 0 && nine.series.allSatisfy { $0.changes.isEmpty })
        #expect(nine.notes.count == 1)
        #expect(nine.notes[0].hasPrefix("5 of the 5 series have too few runs to show any change"))
        #expect(nine.notes[0].hasSuffix("each needs 10."))
        let twelve = RunHistory(runs)
        #expect(twelve.searchable == 5 && twelve.notes.isEmpty)
        #expect(twelve.series.filter { !$0.changes.isEmpty }.map(\.key.scheme) == ["sharded"])
        // A level that no permutations can reach finds nothing, and is known.
        var options = RunHistory.Options()
        options.level = 1e-19
        let none = RunHistory(runs, options: options)
        #expect(none.leastLevel > options.level && none.leastLevel < 1e-4)
        #expect(none.series.allSatisfy { $0.changes.isEmpty })
    }
}
