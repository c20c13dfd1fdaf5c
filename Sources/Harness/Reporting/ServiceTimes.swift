import FaultQueues
import Glibc

/// How the work on a group is spread over groups.
public enum ServiceShape: String, Sendable, Codable, CaseIterable {
    /// The same for each.
    case fixed
    /// Lognormal with σ = 1: the median group takes 0.61 of the mean, one in a hundred 6.2 times
    /// the mean.
    case lognormal
    /// One in a hundred takes a hundred times the others'.
    case slowTail = "slow-tail"

    /// How many times `serviceNs` the longest service takes, rounded up.
    var longest: Double {
        switch self {
        case .fixed: 1
        case .lognormal: 20
        case .slowTail: 100
        }
    }
}

/// What the groups of one handler take, drawn at random from a table that is made before the burst,
/// so that the loop computes nothing but a product. A value behind one pointer, of one thread.
public struct ServiceTimes: BitwiseCopyable, @unchecked Sendable {
    /// Passes of an empty loop; every entry is as likely.
    @usableFromInline let table: UnsafeMutablePointer<UInt32>
    @usableFromInline var state: UInt64
    /// Where all entries are the same: that number.
    @usableFromInline let fixedPasses: Int

    /// Entries of the table: one in a hundred of them is a whole number.
    @inlinable static var count: UInt64 { 1000 }

    /// - Parameters:
    ///   - passes: Of a fixed shape, and of the common groups of a slow tail; for a lognormal shape
    ///     the mean of all. 0 … 2³² less one for the longest.
    init(_ shape: ServiceShape, passes: Double, seed: UInt64) {
        state = seed
        fixedPasses = Int(passes)
        table = allocateShared(zeroed: UInt32.self, count: Int(Self.count))
        let factors = Self.factors(shape)
        for (place, factor) in factors.enumerated() { table[place] = UInt32(passes * factor) }
    }

    func deallocate() { freeShared(table, count: Int(Self.count)) }

    /// What each entry is to the table's parameter.
    static func factors(_ shape: ServiceShape) -> [Double] {
        let count = Int(count)
        switch shape {
        case .fixed: return [Double](repeating: 1, count: count)
        case .slowTail:
            return (0..<count).map { $0 < count / 100 ? 100 : 1 }
        case .lognormal:
            // The middle of each of as many equal shares of the distribution.
            let all = (0..<count).map { exp(normalQuantile((Double($0) + 0.5) / Double(count))) }
            let mean = all.reduce(0, +) / Double(count)
            return all.map { $0 / mean }
        }
    }

    /// Where the standard normal distribution reaches a share, 0.0001 … 0.9999, by bisection.
    private static func normalQuantile(_ share: Double) -> Double {
        var (low, high) = (-4.0, 4.0)
        for _ in 0..<50 {
            let middle = (low + high) / 2
            if erfc(-middle / 2.0.squareRoot()) / 2 < share { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// Passes of the next group.
    @inlinable @inline(__always)
    mutating func draw() -> Int {
        // A linear congruential step, of which the high bits pick the entry, as in ThinkTime.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(truncatingIfNeeded: table[Int(((state >> 33) &* Self.count) >> 31)])
    }
}
