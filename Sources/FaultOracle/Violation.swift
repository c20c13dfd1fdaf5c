/// What a check found wrong.
public struct Violation: Codable, Hashable, Sendable {
    /// Which rule was broken.
    public enum Rule: Codable, Hashable, Sendable {
        /// One of `Invariant.all`, by number.
        case invariant(Int)
        /// Memory leaked, freed twice, or used after its end.
        case memory
        /// Nothing moves any more.
        case deadlock
        /// The process died of what it did.
        case crash
        /// The process was ended from outside or left no outcome: nothing is known.
        case unfinished
        /// Another answer than the sequential oracle's.
        case oracle
        /// A thread that stands still stops another that it must not stop.
        case progress
        /// A warning where none was due.
        case warning

        /// A word for tables.
        public var name: String {
            switch self {
            case .invariant(let number): "inv \(number)"
            case .memory: "memory"
            case .deadlock: "deadlock"
            case .crash: "crash"
            case .unfinished: "unfinished"
            case .oracle: "oracle"
            case .progress: "progress"
            case .warning: "warning"
            }
        }
    }

    public let rule: Rule
    public let sentence: String
    /// Places of the events in the history that show it.
    public let events: [Int]

    public init(_ rule: Rule, _ sentence: String, events: [Int] = []) {
        self.rule = rule
        self.sentence = sentence
        self.events = events
    }
}
