import Foundation
import Results

/// What a gate and the processes that it measures say to each other: lines of JSON on the child's
/// standard input and output. The child greets, then answers each request with one line, and ends
/// with its input.
enum GateProtocol {
    /// Rises where an older child would misunderstand a request.
    static let version = 1
    static let command = "gate-child"

    struct Cell: Codable {
        let key: CellKey
        let measure: CellMeasure
    }

    struct Greeting: Codable {
        let gateProtocol: Int
        let cells: [Cell]
    }

    struct Request: Codable {
        /// Index into the greeting's cells.
        let cell: Int
        let round: Int
    }

    static func line(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value) + Data("\n".utf8)
    }
}

/// What the gate measured once, for all of its children.
struct GateClock {
    let ticksPerSecond: Double
    let costNs: Double
    let stepNs: Double
    let passesPerNs: Double
}
