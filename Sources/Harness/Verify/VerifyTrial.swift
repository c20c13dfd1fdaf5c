import FaultModel
import FaultOracle
import FaultQueues

/// The checks that a scheme has to pass, in the order of the columns.
public enum VerifyCheck: String, CaseIterable, Codable, Sendable {
    /// One thread's lists of operations, every short one and long ones by chance, beside an oracle.
    case lists
    /// All threads at the same time, on all CPUs, the history checked.
    case threads
    /// The same on one CPU.
    case oneCPU = "one-cpu"
    /// An allocation fails, each in turn; memory is poisoned and counted.
    case memory
    /// Handlers hand groups to somebody who does not answer.
    case silent
    /// One thread after another stands still in the middle of what it does.
    case stalls

    /// One line for lists.
    public var summary: String {
        switch self {
        case .lists: "every short list of operations, and long ones by chance, beside an oracle"
        case .threads: "everything at the same time on all CPUs, the merged history checked"
        case .oneCPU: "the same with every thread bound to one CPU"
        case .memory: "each allocation fails in turn; freed memory is poisoned, nodes are counted"
        case .silent: "every second group goes to somebody who answers when all else has ended"
        case .stalls: "a thread stands still anywhere; promises hold, and all go on afterwards"
        }
    }

    /// Whether its threads want the CPUs to themselves.
    public var needsAllCPUs: Bool { self != .lists && self != .memory }

    /// What structures that allocate no nodes and answer nobody are checked by: rings, and the
    /// subjects about lifetimes.
    static let ofRings: [VerifyCheck] = [.lists, .threads, .oneCPU]
}

/// One check of one scheme or twin: what a child process is asked to do.
public struct VerifyTrial: Codable, Sendable, Equatable {
    /// `ring`, `reporting`, …: two subjects may have a scheme of one name. Nil in old files.
    public var area: String?
    /// The scheme's or the twin's name.
    public var subject: String
    public var check: VerifyCheck
    public var seed: UInt64
    /// Operations after which it has passed.
    public var operations: Int
    /// Seconds after which no further round begins.
    public var seconds: Double
    /// CPUs that threads are dealt to.
    public var cpus: [Int]
    /// Whether a failure is what is wanted: then the watchdog waits for a shorter time.
    public var isOfTwin: Bool?

    public init(
        area: String, subject: String, check: VerifyCheck, seed: UInt64, operations: Int,
        seconds: Double, cpus: [Int]
    ) {
        self.area = area
        self.subject = subject
        self.check = check
        self.seed = seed
        self.operations = operations
        self.seconds = seconds
        self.cpus = cpus
    }
}

/// What came of a trial.
public struct TrialOutcome: Codable, Sendable {
    public var operations = 0
    /// Lists enumerated, or rounds run.
    public var rounds = 0
    public var seconds = 0.0
    public var violations: [Violation] = []
    /// What led to the first violation; empty where nothing was wrong.
    public var steps: [FailureStep] = []
    /// By where a thread stood still: how often it did, and whom it stopped how often.
    public var stalls: [StallFigures]?

    public init() {}

    public var holds: Bool { violations.isEmpty }

    /// Whether a check saw something wrong: what makes a twin dead. A process that was ended from
    /// outside shows nothing.
    public var kills: Bool { violations.contains { $0.rule != .unfinished } }
}

/// One step of a failing history.
public struct FailureStep: Codable, Sendable, Equatable {
    /// Microseconds since the first step; zero in lists, which have no clock.
    public var atUs: Double
    public var sentence: String
    /// Places in the violations that this step is part of.
    public var violations: [Int]

    public init(atUs: Double, sentence: String, violations: [Int]) {
        self.atUs = atUs
        self.sentence = sentence
        self.violations = violations
    }
}
