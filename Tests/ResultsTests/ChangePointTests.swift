import FaultModel
import Testing

@testable import Results

@Suite("Change points") struct ChangePointTests {
    static func noise(_ count: Int, seed: UInt64, step: (at: Int, by: Double)? = nil) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { index in
            // The sum of twelve is close to a normal distribution with deviation 1.
            let value = (0..<12).reduce(-6.0) { sum, _ in sum + generator.nextUnit() }
            return value + (step.map { index >= $0.at ? $0.by : 0 } ?? 0)
        }
    }

    /// By hand: left 0, 0 and right 1, 1 have distance 2·1 − 0 − 0, times 2·2/4.
    @Test func energyDistanceByHand() throws {
        let split = try #require(ChangePoints.bestSplit(of: [0, 0, 1, 1]))
        #expect(split.index == 2 && split.distance == 2)
        // Within the sides 1, 2 | 4, 6, 9: sums of distances 1 and 10, between them 29, so
        // 6/5 · (58/6 − 2/4 − 20/9).
        let other = try #require(ChangePoints.bestSplit(of: [1, 2, 4, 6, 9]))
        let two = 1.2 * (58.0 / 6 - 0.5 - 20.0 / 9)
        // 1, 2, 4 | 6, 9: within 6 and 3, between 31.
        let three = 1.2 * (62.0 / 6 - 12.0 / 9 - 1.5)
        #expect(abs(other.distance - max(two, three)) < 1e-12)
        #expect(ChangePoints.bestSplit(of: [1, 2, 3]) == nil)
    }

    /// The sums that are kept up agree with those of the definition.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func energyDistanceByDefinition(seed: UInt64) throws {
        let values = Self.noise(15, seed: seed)
        var best = -Double.infinity
        func mean(_ left: ArraySlice<Double>, _ right: ArraySlice<Double>) -> Double {
            left.reduce(0) { sum, x in sum + right.reduce(0) { $0 + abs(x - $1) } }
                / Double(left.count * right.count)
        }
        for split in 2...13 {
            let (left, right) = (values[..<split], values[split...])
            let scale = Double(left.count * right.count) / 15
            best = max(
                best, scale * (2 * mean(left, right) - mean(left, left) - mean(right, right)))
        }
        let found = try #require(ChangePoints.bestSplit(of: values))
        #expect(abs(found.distance - best) < 1e-9)
    }

    @Test("steps are found where they are, both of them")
    func steps() {
        let one = Self.noise(40, seed: 7, step: (25, 6))
        #expect(ChangePoints.find(in: one, seed: 1).map(\.index) == [25])
        let two = zip(one, 0...).map { $0 + ($1 >= 12 ? -9 : 0) }
        #expect(ChangePoints.find(in: two, seed: 1).map(\.index) == [12, 25])
        #expect(ChangePoints.find(in: one.map { -$0 }, seed: 1).map(\.index) == [25])
    }

    /// A permutation test keeps its level: of 200 series without a change about 5 % show one.
    @Test func falseAlarms() {
        let alarms = (0..<200).count { seed in
            !ChangePoints.find(
                in: Self.noise(20, seed: UInt64(seed)), level: 0.05, permutations: 199, seed: 3
            ).isEmpty
        }
        #expect((3...20).contains(alarms), "\(alarms) of 200")
    }

    /// Over all orders of a series: none has a smaller p-value than the bound, and a clean step in
    /// the middle has just that.
    @Test(arguments: 4...6)
    func leastPValue(count: Int) throws {
        func orders(_ values: [Double]) -> [[Double]] {
            guard values.count > 1 else { return [values] }
            return values.indices.flatMap { index in
                var rest = values
                let first = rest.remove(at: index)
                return orders(rest).map { [first] + $0 }
            }
        }
        func pValue(_ values: [Double]) throws -> Double {
            let best = try #require(ChangePoints.bestSplit(of: values)).distance * (1 - 1e-12)
            let all = orders(values)
            let asGood = try all.count {
                try #require(ChangePoints.bestSplit(of: $0)).distance >= best
            }
            return Double(asGood) / Double(all.count)
        }
        let least = ChangePoints.leastPValue(count: count)
        let step = (0..<count).map { ($0 < count / 2 ? 0 : 1) + 0.001 * Double($0) }
        #expect(try abs(pValue(step) - least) < 1e-12)
        for seed in 1...5 as ClosedRange<UInt64> {
            #expect(try pValue(Self.noise(count, seed: seed)) > least - 1e-12)
        }
        #expect(ChangePoints.leastPValue(count: 3) == 1)
    }

    @Test("what has no change or no room for one has none")
    func none() {
        #expect(ChangePoints.find(in: [], seed: 1).isEmpty)
        #expect(ChangePoints.find(in: [1, 2, 3], seed: 1).isEmpty)
        #expect(ChangePoints.find(in: [Double](repeating: 4, count: 30), seed: 1).isEmpty)
        var outlier = Self.noise(30, seed: 5)
        outlier[14] += 50
        #expect(ChangePoints.find(in: outlier, seed: 1).isEmpty)
    }

    @Test("a history counts ratios to the control, and names the first run after a change")
    func history() throws {
        let rates = Self.noise(16, seed: 9)
        let runs = (0..<16).map { index -> (file: String, document: RunDocument) in
            // The machine's speed changes by far more than the scheme.
            let machine = index % 2 == 0 ? 1.0 : 3.0
            let rate = 1000 * machine * (1 + 0.005 * rates[index]) * (index >= 10 ? 0.8 : 1)
            func cell(_ name: String, _ rate: Double) -> CellRecord {
                Sample.cell(
                    name, rounds: ComparisonTests.rounds([Int](repeating: Int(rate), count: 3)))
            }
            var document = Sample.document(
                cells: [cell("spsc", rate), cell("spsc-c", 1000 * machine)])
            document.startedAt = "2026-11-\(10 + index)T00:00:00Z"
            document.build["commit"] = "commit\(index)"
            return ("\(index).json", document)
        }
        let found = RunHistory(runs.shuffled())
        let spsc = try #require(found.series.first { $0.key.structure == "spsc" })
        #expect(spsc.reference == .control)
        #expect(spsc.changes.map(\.index) == [10])
        #expect(try abs(#require(spsc.changes.first).ratio - 0.8) < 0.01)
        #expect(found.runs[spsc.values[10].run].commit == "commit10")
        let control = try #require(found.series.first { $0.key.structure == "spsc-c" })
        #expect(control.reference == .none && control.changes.isEmpty)
    }
}
