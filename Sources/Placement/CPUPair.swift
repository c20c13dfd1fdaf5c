/// Two CPUs whose distance can be measured.
public struct CPUPair: Hashable, Codable, Sendable {
    /// The lower CPU number.
    public let first: Int
    /// The higher CPU number.
    public let second: Int
    /// How they lie to each other; never `oversubscribed`.
    public let relation: PlacementName

    public init(first: Int, second: Int, relation: PlacementName) {
        self.first = first
        self.second = second
        self.relation = relation
    }
}

extension MachineShape {
    /// Unordered pairs of distinct allowed CPUs, ascending by first and then by second; empty where
    /// one CPU is allowed.
    ///
    /// All of them up to `limit`; beyond it a sample of exactly `limit`, which depends on nothing
    /// but the shape and the limit. The sample is shared out over the relations that occur: each
    /// gets an equal part, what a small relation does not need goes to the others, and a relation's
    /// part is spread evenly over its pairs. So the few pairs of siblings on a large machine are
    /// not lost among the thousands that cross it, as long as the limit is not below the count of
    /// relations.
    ///
    /// - Parameter limit: Most pairs wanted, at least 1.
    public func pairs(limit: Int = 256) -> [CPUPair] {
        precondition(limit > 0, "a sample has at least one pair")
        let all = allPairs
        guard all.count > limit else { return all }

        let byRelation = Dictionary(grouping: all, by: \.relation)
        let classes = PlacementName.allCases.compactMap { byRelation[$0] }
            .sorted { $0.count < $1.count }
        var left = limit
        var sample: [CPUPair] = []
        for (index, members) in classes.enumerated() {
            let part = min(members.count, left / (classes.count - index))
            sample += (0..<part).map { members[$0 * members.count / part] }
            left -= part
        }
        return sample.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }

    private var allPairs: [CPUPair] {
        let allowed = pus.filter { isAllowed($0.cpu) }.sorted { $0.cpu < $1.cpu }
        return allowed.indices.flatMap { index in
            allowed[(index + 1)...].map { second in
                CPUPair(
                    first: allowed[index].cpu, second: second.cpu,
                    relation: Self.relation(allowed[index], second))
            }
        }
    }
}
