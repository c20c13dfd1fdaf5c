/// What the types of a result allow and its meaning does not.
enum DocumentCheck {
    struct Problem: Equatable {
        /// `cells[3].rounds[1].index`.
        let field: String
        /// Continues the sentence that starts with the field.
        let text: String
    }

    /// Counts above this are not exact as doubles in other readers, and no run reaches them.
    static let maximumCount = 1 << 53
    /// More rounds than a run could finish.
    static let maximumRounds = 1_000_000

    /// The first impossible value, in the file's order; nil for none.
    ///
    /// - Parameter histograms: Whether to decode every histogram too, which takes longer.
    static func firstProblem(in document: RunDocument, histograms: Bool) -> Problem? {
        var checker = Checker(histograms: histograms)
        checker.check(document)
        return checker.problem
    }
}

/// Keeps the first problem that it meets.
private struct Checker {
    let histograms: Bool
    private(set) var problem: DocumentCheck.Problem?

    init(histograms: Bool) { self.histograms = histograms }

    mutating func check(_ document: RunDocument) {
        expect(document.tool == "fqbench", "tool", "is not fqbench")
        let versions = 1...RunDocument.currentSchemaVersion
        expect(
            versions.contains(document.schemaVersion), "schemaVersion",
            "is \(document.schemaVersion), expected \(versions.lowerBound)…\(versions.upperBound)")
        time(document.startedAt, "startedAt")
        if let finishedAt = document.finishedAt { time(finishedAt, "finishedAt") }
        expect(
            (1...DocumentCheck.maximumRounds).contains(document.suite.rounds), "suite.rounds",
            "is \(document.suite.rounds), expected 1…\(DocumentCheck.maximumRounds)")
        positive(document.clock.ticksPerSecond, "clock.ticksPerSecond")
        measure(document.clock.calibrationNs, "clock.calibrationNs")
        measure(document.clock.costNs, "clock.costNs")
        measure(document.clock.stepNs, "clock.stepNs")
        measure(document.floor.emptyLoopNs, "floor.emptyLoopNs")
        // Differences of two measurements: a little below zero is honest noise.
        finite(document.floor.nullSchemeNs, "floor.nullSchemeNs")
        finite(document.floor.stampingNs, "floor.stampingNs")
        measure(document.floor.localAtomicAddNs, "floor.localAtomicAddNs")
        for (placement, time) in document.floor.roundTripNs.sorted(by: { $0.key < $1.key }) {
            measure(time, "floor.roundTripNs.\(placement)")
        }
        for (placement, time) in document.floor.transferNs.sorted(by: { $0.key < $1.key }) {
            measure(time, "floor.transferNs.\(placement)")
        }
        var seen: [CellKey: Int] = [:]
        for (index, cell) in document.cells.enumerated() where problem == nil {
            if let first = seen.updateValue(index, forKey: cell.key) {
                expect(false, "cells[\(index)].key", "is the same as that of cells[\(first)]")
            }
            check(cell, "cells[\(index)]", rounds: document.suite.rounds)
        }
    }

    private mutating func check(_ cell: CellRecord, _ path: String, rounds: Int) {
        expect(cell.key.producers >= 0, "\(path).key.producers", "is below 0")
        expect(cell.key.consumers >= 0, "\(path).key.consumers", "is below 0")
        if let offered = cell.offeredPerSecond { positive(offered, "\(path).offeredPerSecond") }
        var previous = -1
        for (index, round) in cell.rounds.enumerated() where problem == nil {
            let path = "\(path).rounds[\(index)]"
            expect(
                round.index > previous, "\(path).index",
                "is \(round.index), expected more than \(previous): rounds ascend from 0")
            expect(
                round.index < rounds, "\(path).index",
                "is \(round.index), expected less than the suite's \(rounds) rounds")
            previous = round.index
            check(round, path)
        }
    }

    private mutating func check(_ round: RoundRecord, _ path: String) {
        if let canary = round.canaryBeforeNs { positive(canary, "\(path).canaryBeforeNs") }
        if let canary = round.canaryAfterNs { positive(canary, "\(path).canaryAfterNs") }
        for (index, burst) in round.bursts.enumerated() {
            let path = "\(path).bursts[\(index)]"
            measure(burst.durationNs, "\(path).durationNs")
            count(burst.operations, "\(path).operations")
            count(burst.failedTries, "\(path).failedTries")
            count(burst.involuntarySwitches, "\(path).involuntarySwitches")
            count(burst.voluntarySwitches, "\(path).voluntarySwitches")
        }
        for (index, thread) in round.threads.enumerated() {
            let path = "\(path).threads[\(index)]"
            count(thread.cpu, "\(path).cpu")
            count(thread.operations, "\(path).operations")
            count(thread.failedTries, "\(path).failedTries")
            count(thread.minorFaults, "\(path).minorFaults")
            if let bytes = thread.allocatedBytes { count(bytes, "\(path).allocatedBytes") }
            if let waited = thread.waitedNs { measure(waited, "\(path).waitedNs") }
        }
        count(round.overflowed, "\(path).overflowed")
        count(round.check.accepted, "\(path).check.accepted")
        count(round.check.delivered, "\(path).check.delivered")
        if let blame = round.tailBlame {
            for (cause, samples) in blame.byCause {
                count(samples, "\(path).tailBlame.\(cause.rawValue)")
            }
        }
        for (name, number) in (round.counts ?? [:]).sorted(by: { $0.key < $1.key }) {
            count(number, "\(path).counts.\(name)")
        }
        if let text = round.latencyHistogram { histogram(text, "\(path).latencyHistogram") }
        for (name, text) in (round.otherLatencies ?? [:]).sorted(by: { $0.key < $1.key }) {
            histogram(text, "\(path).otherLatencies.\(name)")
        }
    }

    private mutating func histogram(_ text: String, _ field: @autoclosure () -> String) {
        guard histograms, problem == nil else { return }
        do throws(HistogramCodecError) {
            _ = try HistogramCodec.decode(text)
        } catch {
            expect(false, field(), "is not valid: \(error)")
        }
    }

    private mutating func expect(
        _ holds: Bool, _ field: @autoclosure () -> String, _ text: @autoclosure () -> String
    ) {
        guard !holds, problem == nil else { return }
        problem = DocumentCheck.Problem(field: field(), text: text())
    }

    private mutating func count(_ value: Int, _ field: @autoclosure () -> String) {
        expect(
            (0...DocumentCheck.maximumCount).contains(value), field(),
            "is \(value), expected 0…2^53")
    }

    private mutating func finite(_ value: Double, _ field: @autoclosure () -> String) {
        expect(value.isFinite, field(), "is \(value), expected a finite number")
    }

    private mutating func measure(_ value: Double, _ field: @autoclosure () -> String) {
        expect(value.isFinite && value >= 0, field(), "is \(value), expected 0 or more")
    }

    private mutating func positive(_ value: Double, _ field: @autoclosure () -> String) {
        expect(value.isFinite && value > 0, field(), "is \(value), expected more than 0")
    }

    /// `2026-11-21T07:30:00Z`.
    private mutating func time(_ text: String, _ field: @autoclosure () -> String) {
        let pattern = "dddd-dd-ddTdd:dd:ddZ"
        let fits =
            text.utf8.count == pattern.utf8.count
            && zip(text.utf8, pattern.utf8).allSatisfy { found, wanted in
                wanted == UInt8(ascii: "d")
                    ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(found) : found == wanted
            }
        expect(fits, field(), "is not a UTC time such as 2026-11-21T07:30:00Z")
    }
}
