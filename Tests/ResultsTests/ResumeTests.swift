import Testing

@testable import Results

struct ResumeTests {
    static func unfinished() -> RunDocument {
        Sample.document(
            cells: [
                Sample.cell("spsc", rounds: [Sample.round(0), Sample.round(2)]),
                Sample.cell("mpsc", rounds: [Sample.round(0)]),
            ], rounds: 3)
    }

    @Test func missingVisitsGoRoundByRound() {
        let spsc = Sample.key("spsc")
        let mpsc = Sample.key("mpsc")
        let visits = Resume.missing(in: Self.unfinished())
        #expect(
            visits == [
                .init(cell: spsc, round: 1), .init(cell: mpsc, round: 1),
                .init(cell: mpsc, round: 2),
            ])
        let new = Sample.key("mpmc")
        let wider = Resume.missing(in: Self.unfinished(), cells: [new, spsc])
        #expect(
            wider == [
                .init(cell: new, round: 0), .init(cell: new, round: 1),
                .init(cell: spsc, round: 1), .init(cell: new, round: 2),
            ])
    }

    @Test func mergingEveryMissingRoundFinishesTheRun() throws {
        var document = Self.unfinished()
        for visit in Resume.missing(in: document).reversed() {
            try Resume.merge(Sample.round(visit.round), of: visit.cell, into: &document)
        }
        #expect(Resume.missing(in: document).isEmpty)
        #expect(document.cells.allSatisfy { $0.rounds.map(\.index) == [0, 1, 2] })
    }

    @Test func roundsThatDoNotBelong() {
        var document = Self.unfinished()
        let before = document
        let known = Sample.key("spsc")
        #expect(throws: ResumeRefusal.unknownCell(scheme: "mpmc", workload: "drain")) {
            try Resume.merge(Sample.round(1), of: Sample.key("mpmc"), into: &document)
        }
        #expect(throws: ResumeRefusal.round(index: 2, problem: "spsc has finished it already")) {
            try Resume.merge(Sample.round(2), of: known, into: &document)
        }
        #expect(throws: ResumeRefusal.round(index: 3, problem: "the suite has 3 rounds")) {
            try Resume.merge(Sample.round(3), of: known, into: &document)
        }
        #expect(document == before)
    }

    @Test func theSameRunMayGoOn() throws {
        let document = Self.unfinished()
        try Resume.check(document, against: ResumeIdentity(of: document))
        var finished = document
        finished.finishedAt = "2026-11-21T07:40:00Z"
        #expect(throws: ResumeRefusal.finished) {
            try Resume.check(finished, against: ResumeIdentity(of: document))
        }
    }

    @Test func everyDifferenceIsRefusedAndNamed() {
        let document = Self.unfinished()
        let same = ResumeIdentity(of: document)
        func line(_ change: (inout ResumeIdentity) -> Void) -> String? {
            var other = same
            change(&other)
            do throws(ResumeRefusal) {
                try Resume.check(document, against: other)
                return nil
            } catch {
                return error.description
            }
        }
        let prefix = "cannot resume: the file's "
        #expect(
            line { $0.suiteFingerprint = "ff" }
                == prefix + "suite fingerprint is 0123456789abcdef, but now it is ff")
        #expect(line { $0.rounds = 4 } == prefix + "number of rounds is 3, but now it is 4")
        #expect(line { $0.seed = 1 } == prefix + "seed is \(UInt64.max), but now it is 1")
        #expect(
            line { $0.environmentFingerprint = nil }
                == prefix + "environment fingerprint is f00d, but now it is not recorded")
        #expect(
            line { $0.commit = "a\nb" }
                == prefix + "build commit is 4f1fe0b9ff50, but now it is a b")
    }
}
