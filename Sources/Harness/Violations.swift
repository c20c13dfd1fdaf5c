/// Counts of what a trial found wrong, as a result keeps them.
enum Violations {
    /// `3 groups never answered`, for every count above zero.
    static func sentences(_ counts: [(Int, String)]) -> [String] {
        counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    }
}
