/// What a run did to all schemes of a workload alike, told apart from what each did by itself.
///
/// log(figure) = level of the scheme + shift of the run + noise, fitted by medians as in Tukey's
/// median polish (Exploratory Data Analysis, 1977). A scheme's view of a run's shift is the median
/// over the other structures of how far they are from their levels; schemes of one structure share
/// its code and have one vote between them. One structure that moves would still pull the others'
/// medians by half a rank, and with enough runs that would be found as a change of theirs. So
/// where a permutation test suspects that a scheme has moved, its level moves with it, the largest
/// move first, until no more are suspected. What most structures do together is the run's.
struct RunShifts {
    /// One figure of one scheme.
    struct Member {
        let structure: String
        /// Logarithms by run; at least one.
        let logs: [Int: Double]
    }

    /// Fewest other structures whose median stands for the machine.
    static let leastVotes = 3
    /// Of a single scheme's test, not corrected: a move that is none costs the others little.
    private static let suspicion = 0.01
    /// The second takes out what the first's levels had from the shifts before it.
    private static let sweeps = 2

    private let members: [Member]
    /// Each member's runs, ascending.
    private let runs: [[Int]]
    /// Each member's level by run.
    private var levels: [[Int: Double]]
    /// Where each member's level moves, as indices into its runs.
    private var moves: [[Int]]

    /// - Parameters:
    ///   - members: All schemes of one workload.
    ///   - seed: The same input and seed give the same shifts.
    init(_ members: [Member], seed: UInt64) {
        self.members = members
        runs = members.map { $0.logs.keys.sorted() }
        levels = members.map { member in
            let level = Statistics.median(Array(member.logs.values)) ?? 0
            return member.logs.mapValues { _ in level }
        }
        moves = members.map { _ in [] }
        settle()
        while let (index, places) = largestMove(seed: seed) {
            moves[index] = places
            settle()
        }
    }

    /// A member's logarithms by run, less the run's shift, around 0; nil where in some run too few
    /// other structures have the figure.
    func relative(_ index: Int) -> [Int: Double]? {
        let shifts = runs[index].compactMap { shift(index, run: $0) }
        guard shifts.count == runs[index].count else { return nil }
        let values = ownLogs(index)
        guard let middle = Statistics.median(values) else { return nil }
        return Dictionary(
            uniqueKeysWithValues: zip(runs[index], values.map { $0 - middle }))
    }

    /// Nil with too few votes.
    private func shift(_ index: Int, run: Int) -> Double? {
        var votes: [String: [Double]] = [:]
        for (other, member) in members.enumerated()
        where member.structure != members[index].structure {
            guard let log = member.logs[run], let level = levels[other][run] else { continue }
            votes[member.structure, default: []].append(log - level)
        }
        guard votes.count >= Self.leastVotes else { return nil }
        return Statistics.median(votes.values.compactMap { Statistics.median($0) })
    }

    /// Less the shifts, where there are any; in the order of the member's runs.
    private func ownLogs(_ index: Int) -> [Double] {
        runs[index].map { run in
            (members[index].logs[run] ?? 0) - (shift(index, run: run) ?? 0)
        }
    }

    /// Every level anew from what the shifts leave.
    private mutating func settle() {
        for _ in 0..<Self.sweeps {
            levels = members.indices.map { index in
                let values = ownLogs(index)
                return stretches(of: index, moves[index]).reduce(into: [:]) { levels, stretch in
                    let level = Statistics.median(Array(values[stretch]))
                    for place in stretch { levels[runs[index][place]] = level }
                }
            }
        }
    }

    private func stretches(of index: Int, _ places: [Int]) -> [Range<Int>] {
        let ends = [0] + places + [runs[index].count]
        return zip(ends, ends.dropFirst()).map { $0..<$1 }
    }

    /// Of the members whose level does not move yet.
    private func largestMove(seed: UInt64) -> (index: Int, places: [Int])? {
        var largest: (index: Int, places: [Int], size: Double)?
        for index in members.indices where moves[index].isEmpty {
            let values = ownLogs(index)
            let places = ChangePoints.find(in: values, level: Self.suspicion, seed: seed)
                .map(\.index)
            let medians = stretches(of: index, places).compactMap {
                Statistics.median(Array(values[$0]))
            }
            let sizes = zip(medians, medians.dropFirst()).map { abs($0 - $1) }
            guard let size = sizes.max(), size > largest?.size ?? 0 else { continue }
            largest = (index, places, size)
        }
        return largest.map { ($0.index, $0.places) }
    }
}
