import FaultOracle

/// What the recording of histories costs.
public enum HistoryCost {
    private static let events = 100_000
    private static let tries = 5

    /// Nanoseconds to log one operation, the median of some tries: its two readings of the clock,
    /// the notes for the watchdog, and the event.
    public static func eventNs() -> Double {
        let board = TrialBoard(names: ["the thread"], capacity: events)
        var durations: [Duration] = []
        for _ in 0..<tries {
            board.logs[0].clear()
            let start = ContinuousClock().now
            for number in 0..<events {
                let (_, begin, end) = board.perform(.take, by: 0) {}
                board.logs[0].append(
                    HistoryEvent(.take, begin: begin, end: end, tag: UInt64(number)))
                board.advance(0)
            }
            durations.append(ContinuousClock().now - start)
        }
        return durations.sorted()[tries / 2] / .nanoseconds(events)
    }
}
