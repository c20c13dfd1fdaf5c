import Placement
import Testing

@Suite struct CPUPairsTests {
    @Test func allPairsOfASmallMachine() throws {
        let pairs = try machine("numa:1 l3:2 core:1 pu:2").pairs()
        #expect(
            pairs == [
                CPUPair(first: 0, second: 1, relation: .smtSiblings),
                CPUPair(first: 0, second: 2, relation: .crossL3),
                CPUPair(first: 0, second: 3, relation: .crossL3),
                CPUPair(first: 1, second: 2, relation: .crossL3),
                CPUPair(first: 1, second: 3, relation: .crossL3),
                CPUPair(first: 2, second: 3, relation: .smtSiblings),
            ])
    }

    @Test func onlyAllowedCPUs() throws {
        let shape = try machine("pack:2 numa:1 l3:1 core:4 pu:2")
        #expect(shape.restricted(to: [3]).pairs().isEmpty)
        #expect(
            shape.restricted(to: [9, 3, 8]).pairs().map { [$0.first, $0.second] }
                == [[3, 8], [3, 9], [8, 9]])
    }

    /// 32 CPUs have 496 pairs: 16 of siblings, and 96, 128 and 256 of the wider relations.
    @Test(arguments: [1, 3, 4, 5, 17, 63, 64, 100, 256, 495, 496, 1000])
    func samples(limit: Int) throws {
        let shape = try machine("pack:2 numa:1 l3:2 core:4 pu:2")
        let pairs = shape.pairs(limit: limit)
        #expect(pairs.count == min(limit, 496))
        #expect(Set(pairs).count == pairs.count)
        #expect(pairs == shape.pairs(limit: limit))
        #expect(
            pairs.allSatisfy {
                $0.first < $0.second && $0.relation == shape.relation($0.first, $0.second)
            })
        #expect(
            zip(pairs, pairs.dropFirst()).allSatisfy {
                ($0.first, $0.second) < ($1.first, $1.second)
            })
        if limit >= 4 {
            let counts = Dictionary(grouping: pairs, by: \.relation).mapValues(\.count)
            #expect(counts.count == 4)
            #expect(counts[.smtSiblings] == min(16, limit / 4))
        }
    }

    /// Eight cores under one L3 and one under another: 28 pairs share it, 8 do not.
    @Test func whatASmallRelationDoesNotNeedGoesToTheOthers() throws {
        let pairs = try machine("numa:1 l3:2 core:8 pu:1").restricted(to: Array(0...8))
            .pairs(limit: 20)
        #expect(pairs.filter { $0.relation == .crossL3 }.count == 8)
        #expect(pairs.filter { $0.relation == .sameL3 }.count == 12)
    }
}
