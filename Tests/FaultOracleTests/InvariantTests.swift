import Foundation
import Testing

@testable import FaultOracle

struct InvariantTests {
    @Test func allFortySixAreThereInOrder() {
        #expect(Invariant.all.map(\.number) == Array(1...46))
        for invariant in Invariant.all {
            #expect(!invariant.statement.isEmpty && !invariant.status.text.isEmpty)
        }
    }

    /// The page has exactly the rows of the table in the source.
    @Test func thePageAgreesWithTheTable() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("docs/Correctness.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.firstMatch(of: #/^\| \d+ \|/#) != nil }
        #expect(rows.map(String.init) == Invariant.all.map(\.row))
    }
}
