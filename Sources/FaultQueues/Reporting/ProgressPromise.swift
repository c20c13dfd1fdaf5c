/// What a thread that uses a reporting structure can be inside of.
public enum ReportingAction: String, CaseIterable, Codable, Sendable {
    case report, take
    /// Between `take` and the answer.
    case handler
    case respond, finish, flush, discard, remove, add
}

/// Which operations return although another thread stands still: what a structure's header says
/// under "Progress", in a form that `fqbench verify` can hold it to.
public struct ProgressPromise: Sendable {
    /// For each operation that promises something: where a thread that stands still may stop it
    /// nevertheless.
    private let exceptions: [ReportingAction: Set<ReportingAction>]

    public init(_ exceptions: [ReportingAction: Set<ReportingAction>]) {
        self.exceptions = exceptions
    }

    /// Nothing is promised: a thread that stands still with a lock held stops whoever wants it.
    public static let blocking = ProgressPromise([:])

    /// Groups in a table of slots: workers go on, whatever stands still, but for a group whose
    /// hand-over is not complete.
    static let workersGoOn = ProgressPromise([.take: [.report], .respond: [], .finish: []])

    /// Whether `action` returns while another thread stands still in `halted`.
    public func holds(for action: ReportingAction, whileHaltedIn halted: ReportingAction) -> Bool {
        exceptions[action].map { !$0.contains(halted) } ?? false
    }
}
