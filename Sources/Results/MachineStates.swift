/// Which rounds saw the machine in its usual state, told by the canary around each.
///
/// A virtual machine's CPUs may be moved apart, after which every round trip takes several times
/// as long and all schemes slow down together. Canaries then fall into two modes. Per placement, as
/// CPUs far apart are always slower: the lower mode is every canary up to twice the 10th
/// percentile, and a round is slow where the slower of its two canaries exceeds twice the median of
/// that mode. Rounds without a canary (both threads on one CPU) count as usable. A run that was
/// slow from its first round to its last looks usual from inside; only its floor's round trips
/// tell.
public struct MachineStates: Sendable, Equatable {
    /// How many times the lower mode's median makes a round slow.
    public static let slowFactor = 2.0
    /// Below this share of usable rounds a run warns its reader.
    public static let usableShareLimit = 0.6

    /// Median of the lower mode in nanoseconds, by placement; absent where no canary ran.
    public let lowerModeNs: [String: Double]
    /// Finished rounds of all cells.
    public let rounds: Int
    /// Those of them that are not slow.
    public let usableRounds: Int

    public init(of document: RunDocument) {
        let canaries = Dictionary(
            document.cells.map { cell in (cell.key.placement, cell.rounds.flatMap(\.canariesNs)) },
            uniquingKeysWith: +)
        let lowerModeNs = canaries.compactMapValues { values -> Double? in
            guard let low = Statistics.quantile(values, 0.1) else { return nil }
            return Statistics.median(values.filter { $0 <= Self.slowFactor * low })
        }
        self.lowerModeNs = lowerModeNs
        rounds = document.cells.reduce(0) { $0 + $1.rounds.count }
        usableRounds = document.cells.reduce(0) { sum, cell in
            sum
                + cell.rounds.count {
                    Self.isUsable($0, lowerModeNs: lowerModeNs[cell.key.placement])
                }
        }
    }

    /// Nil before the first round.
    public var usableShare: Double? {
        rounds > 0 ? Double(usableRounds) / Double(rounds) : nil
    }

    /// Whether the machine was in its usual state around the round.
    public func isUsable(_ round: RoundRecord, placement: String) -> Bool {
        Self.isUsable(round, lowerModeNs: lowerModeNs[placement])
    }

    private static func isUsable(_ round: RoundRecord, lowerModeNs: Double?) -> Bool {
        guard let lowerModeNs, let slower = round.canariesNs.max() else { return true }
        return slower <= slowFactor * lowerModeNs
    }
}

extension RoundRecord {
    /// Before and after, those that ran.
    var canariesNs: [Double] { [canaryBeforeNs, canaryAfterNs].compactMap { $0 } }
}
