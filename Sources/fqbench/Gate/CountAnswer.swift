import Harness

/// What `fqbench count-child` prints.
struct CountAnswer: Codable {
    /// As in result files: `x86-64`, `arm64`.
    let architecture: String
    let compiler: String
    let schemes: [CountedScheme]

    /// Runs in the order in which they were done.
    var runs: [CountedTraffic.Run] { schemes.flatMap { $0.traffic.flatMap(\.runs) } }
}

/// One scheme's counted runs.
struct CountedScheme: Codable {
    /// Pages of the larger groups.
    static let groupSize = 4

    struct Traffic: Codable {
        let groupSize: Int
        /// Two.
        let runs: [CountedTraffic.Run]
    }

    let scheme: String
    /// The type, as `scripts/check-hot-loops` names it.
    let implementation: String
    let traffic: [Traffic]
}
