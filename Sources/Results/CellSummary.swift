import Histogram

/// What tables and charts show of one cell: figures over its usable rounds.
public struct CellSummary: Sendable {
    public enum Outcome: Sendable {
        case throughput(ThroughputFigures)
        case latency(LatencyFigures)
        /// A check failed in some round; no figure is shown, whatever the other rounds say.
        case failed(violations: [String])
        /// There is nothing to show; why.
        case missing(reason: String)
    }

    public let key: CellKey
    public let measure: CellMeasure
    public let offeredPerSecond: Double?
    /// Operations finished per second of an open loop's bursts, all taken together as the offered
    /// rate is: below it where the scheme cannot keep up. Nil in other cells and without figures.
    public let donePerSecond: Double?
    /// Finished.
    public let rounds: Int
    /// Those of them in the machine's usual state.
    public let usableRounds: Int
    public let outcome: Outcome
    /// What else was timed, by name; empty where the cell has no figures.
    public let otherLatencies: [String: Percentiles]
    /// What was counted, over all usable rounds; empty where the cell has no figures.
    public let counts: [String: Double]

    /// - Parameters:
    ///   - states: Of the run that the cell is from.
    ///   - seed: Of the bootstrap intervals; the same input gives the same summary.
    public init(cell: CellRecord, states: MachineStates, seed: UInt64) {
        key = cell.key
        measure = cell.measure
        offeredPerSecond = cell.offeredPerSecond
        rounds = cell.rounds.count
        let usable = cell.rounds.filter { states.isUsable($0, placement: cell.key.placement) }
        usableRounds = usable.count
        let violations = cell.rounds.flatMap { round in
            round.check.violations.map { "round \(round.index): \($0)" }
        }
        if !violations.isEmpty {
            outcome = .failed(violations: violations)
        } else if cell.rounds.isEmpty {
            outcome = .missing(reason: "no round finished")
        } else if usable.isEmpty {
            outcome = .missing(reason: "no usable round")
        } else if cell.measure == .throughput {
            outcome =
                ThroughputFigures(rounds: usable, seed: seed).map { .throughput($0) }
                ?? .missing(reason: "no operation counted")
        } else {
            outcome = Self.latency(of: usable, seed: seed)
        }
        let shown = violations.isEmpty ? usable : []
        let bursts = cell.measure == .openLoop ? shown.flatMap(\.bursts) : []
        let ns = bursts.reduce(0) { $0 + $1.durationNs }
        donePerSecond =
            ns > 0 ? bursts.reduce(0) { $0 + Double($1.operations) } / ns * 1e9 : nil
        otherLatencies = Percentiles.byName(shown)
        counts = shown.reduce(into: [:]) { sums, round in
            for (name, count) in round.counts ?? [:] { sums[name, default: 0] += Double(count) }
        }
    }

    /// Nil for a latency cell and where there are no figures.
    public var throughput: ThroughputFigures? {
        if case .throughput(let figures) = outcome { return figures }
        return nil
    }

    /// Nil for a throughput cell and where there are no figures.
    public var latency: LatencyFigures? {
        if case .latency(let figures) = outcome { return figures }
        return nil
    }

    /// The headline: operations per second, or p50 in nanoseconds; nil where there is none.
    public var headline: Double? {
        switch outcome {
        case .throughput(let figures): figures.medianPerSecond
        case .latency(let figures): figures.p50Ns
        case .failed, .missing: nil
        }
    }

    /// The headline of each usable round, by round index: what intervals and pairs are made of.
    public var headlineByRound: [Int: Double] {
        switch outcome {
        case .throughput(let figures): figures.medianPerSecondByRound
        case .latency(let figures): figures.p50NsByRound
        case .failed, .missing: [:]
        }
    }

    private static func latency(of rounds: [RoundRecord], seed: UInt64) -> Outcome {
        do throws(HistogramCodecError) {
            guard let figures = try LatencyFigures(rounds: rounds, seed: seed) else {
                return .missing(reason: "no latency recorded")
            }
            return .latency(figures)
        } catch {
            return .missing(reason: error.description)
        }
    }
}

/// Figures of a closed loop without time stamps.
public struct ThroughputFigures: Sendable, Equatable {
    /// Median rate of the clean bursts of all rounds; of all bursts where none was clean.
    public let medianPerSecond: Double
    /// Whether `medianPerSecond` is of clean bursts.
    public let isFromCleanBursts: Bool
    /// The same median within each round, by round index; rounds with none of its bursts absent.
    public let medianPerSecondByRound: [Int: Double]
    /// Of the median of rounds, resampling rounds; nil with too few.
    public let interval: Interval?
    /// Share of bursts in which a thread was preempted, 0…1.
    public let markedShare: Double
    /// How many times slower the median marked burst is; nil without both kinds.
    public let markedCost: Double?
    /// Median over rounds of Jain's index of the producers' operations; nil with one producer.
    public let fairness: Double?
    /// Full or empty rings met, per operation.
    public let failedTriesPerOperation: Double
    /// Bytes allocated by all threads, per request produced; nil where not counted.
    public let bytesPerOperation: Double?
    /// Requests lost to overflow, over all rounds.
    public let overflowed: Double

    /// Nil where no burst did anything.
    init?(rounds: [RoundRecord], seed: UInt64) {
        let bursts = rounds.flatMap(\.bursts).filter { $0.durationNs > 0 }
        let operations = bursts.reduce(0) { $0 + Double($1.operations) }
        let clean = Statistics.median(bursts.filter(\.isClean).map(\.rate))
        let marked = Statistics.median(bursts.filter { !$0.isClean }.map(\.rate))
        guard operations > 0, let headline = clean ?? marked, headline > 0 else { return nil }
        medianPerSecond = headline
        isFromCleanBursts = clean != nil
        let onlyClean = clean != nil
        medianPerSecondByRound = rounds.reduce(into: [:]) { medians, round in
            let counted = round.bursts.filter { $0.durationNs > 0 && $0.isClean == onlyClean }
            medians[round.index] = Statistics.median(counted.map(\.rate))
        }
        interval = Statistics.bootstrapMedian(Array(medianPerSecondByRound.values), seed: seed)
        markedShare = Double(bursts.count { !$0.isClean }) / Double(bursts.count)
        if let clean, let marked, marked > 0 {
            markedCost = clean / marked
        } else {
            markedCost = nil
        }
        fairness = Statistics.median(rounds.compactMap(\.producerFairness))
        failedTriesPerOperation = bursts.reduce(0) { $0 + Double($1.failedTries) } / operations
        bytesPerOperation = Self.bytesPerOperation(rounds)
        overflowed = rounds.reduce(0) { $0 + Double($1.overflowed) }
    }

    private static func bytesPerOperation(_ rounds: [RoundRecord]) -> Double? {
        let threads = rounds.flatMap(\.threads)
        let counted = threads.compactMap(\.allocatedBytes)
        let produced = threads.filter { $0.role == "producer" }
            .reduce(0) { $0 + Double($1.operations) }
        guard counted.count == threads.count, produced > 0 else { return nil }
        return counted.reduce(0) { $0 + Double($1) } / produced
    }
}

extension RoundRecord {
    /// Jain's index of the producers' operations; nil with fewer than two.
    fileprivate var producerFairness: Double? {
        let producers = threads.filter { $0.role == "producer" }
        guard producers.count > 1 else { return nil }
        return Statistics.jainIndex(producers.map { Double($0.operations) })
    }
}

/// Figures of latencies in nanoseconds, from the merged histograms of all rounds.
///
/// A percentile exists only where at least ten samples lie above it.
public struct LatencyFigures: Sendable {
    /// Of all rounds, merged.
    public let histogram: Histogram<UInt64>
    public let p50Ns: Double?
    public let p90Ns: Double?
    public let p99Ns: Double?
    public let p999Ns: Double?
    /// The upper end of the largest sample's bucket.
    public let maxNs: Double
    /// By round index; rounds with too few samples absent.
    public let p50NsByRound: [Int: Double]
    public let p99NsByRound: [Int: Double]
    /// Of the median of the rounds' percentiles, resampling rounds; nil with too few.
    public let p50Interval: Interval?
    public let p99Interval: Interval?
    /// Samples above p99 by cause, over all rounds.
    public let tailBlame: TailBlame
    /// Requests lost to overflow, over all rounds.
    public let overflowed: Double

    /// Samples in all.
    public var samples: UInt64 { histogram.totalCount }

    /// Nil where no round has a sample.
    init?(rounds: [RoundRecord], seed: UInt64) throws(HistogramCodecError) {
        var byRound: [Int: Histogram<UInt64>] = [:]
        for round in rounds {
            guard let text = round.latencyHistogram else { continue }
            byRound[round.index] = try HistogramCodec.decode(text)
        }
        let inOrder = byRound.sorted { $0.key < $1.key }.map(\.value)
        guard let merged = try HistogramCodec.merge(inOrder), merged.totalCount > 0 else {
            return nil
        }
        histogram = merged
        p50Ns = merged.percentileNs(perMille: 500)
        p90Ns = merged.percentileNs(perMille: 900)
        p99Ns = merged.percentileNs(perMille: 990)
        p999Ns = merged.percentileNs(perMille: 999)
        maxNs = Double(merged.max)
        p50NsByRound = byRound.compactMapValues { $0.percentileNs(perMille: 500) }
        p99NsByRound = byRound.compactMapValues { $0.percentileNs(perMille: 990) }
        p50Interval = Statistics.bootstrapMedian(Array(p50NsByRound.values), seed: seed)
        p99Interval = Statistics.bootstrapMedian(Array(p99NsByRound.values), seed: seed)
        tailBlame = rounds.compactMap(\.tailBlame).reduce(TailBlame()) { $0.adding($1) }
        overflowed = rounds.reduce(0) { $0 + Double($1.overflowed) }
    }
}

/// A latency that is no cell's headline, from the merged histograms of all rounds.
public struct Percentiles: Sendable, Equatable {
    public let p50Ns: Double?
    public let p99Ns: Double?
    public let p999Ns: Double?
    /// The upper end of the largest sample's bucket.
    public let maxNs: Double
    public let samples: UInt64

    init(_ histogram: Histogram<UInt64>) {
        p50Ns = histogram.percentileNs(perMille: 500)
        p99Ns = histogram.percentileNs(perMille: 990)
        p999Ns = histogram.percentileNs(perMille: 999)
        maxNs = Double(histogram.max)
        samples = histogram.totalCount
    }

    /// Those of each name; names without samples, and histograms that cannot be read, absent.
    static func byName(_ rounds: [RoundRecord]) -> [String: Percentiles] {
        var texts: [String: [String]] = [:]
        for round in rounds {
            for (name, text) in round.otherLatencies ?? [:] {
                texts[name, default: []].append(text)
            }
        }
        return texts.compactMapValues { texts in
            let parts = texts.compactMap { try? HistogramCodec.decode($0) }
            guard parts.count == texts.count, let merged = try? HistogramCodec.merge(parts),
                merged.totalCount > 0
            else { return nil }
            return Percentiles(merged)
        }
    }
}

extension Histogram<UInt64> {
    /// The percentile, or nil where fewer than ten samples lie above it.
    ///
    /// - Parameter perMille: 0…999; whole, so that 1000 samples have a p99 whatever 1 - 0.99 is.
    public func percentileNs(perMille: UInt64) -> Double? {
        precondition(perMille < 1000, "a percentile is below 1000 per mille")
        let (above, overflowed) = totalCount.multipliedReportingOverflow(by: 1000 - perMille)
        guard overflowed || above >= 10_000 else { return nil }
        return Double(valueAtPercentile(Double(perMille) / 10))
    }
}
