/// What two runs must share for one to finish the other.
public struct ResumeIdentity: Sendable, Equatable {
    /// Key of the environment's fingerprint in `RunDocument.environment`.
    public static let environmentFingerprintKey = "fingerprint"
    /// Key of the commit in `RunDocument.build`.
    public static let commitKey = "commit"

    public var suiteFingerprint: String
    public var rounds: Int
    public var seed: UInt64
    /// Nil where the record has none; nil equals only nil.
    public var environmentFingerprint: String?
    public var commit: String?

    public init(
        suiteFingerprint: String, rounds: Int, seed: UInt64, environmentFingerprint: String?,
        commit: String?
    ) {
        self.suiteFingerprint = suiteFingerprint
        self.rounds = rounds
        self.seed = seed
        self.environmentFingerprint = environmentFingerprint
        self.commit = commit
    }

    public init(of document: RunDocument) {
        self.init(
            suiteFingerprint: document.suite.fingerprint, rounds: document.suite.rounds,
            seed: document.seed,
            environmentFingerprint: document.environment[Self.environmentFingerprintKey],
            commit: document.build[Self.commitKey])
    }
}

/// Why a run cannot be resumed: one line.
public enum ResumeRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file's run and the present one differ in `what`.
    case differs(what: String, file: String, now: String)
    /// Every round is there.
    case finished
    /// A round belongs to a cell that the document does not have.
    case unknownCell(scheme: String, workload: String)
    /// The cell already has a round with this index, or the suite has none.
    case round(index: Int, problem: String)

    public var description: String {
        switch self {
        case .differs(let what, let file, let now):
            oneLine("cannot resume: the file's \(what) is \(file), but now it is \(now)")
        case .finished: "cannot resume: the run is finished"
        case .unknownCell(let scheme, let workload):
            oneLine("cannot resume: the file has no cell for \(scheme) under \(workload)")
        case .round(let index, let problem): "cannot add round \(index): \(problem)"
        }
    }
}

/// Finishing a run that was stopped.
public enum Resume {
    /// One visit that is still to be made.
    public struct Visit: Sendable, Hashable {
        public let cell: CellKey
        public let round: Int

        public init(cell: CellKey, round: Int) {
            self.cell = cell
            self.round = round
        }
    }

    /// Refuses where the run in the file and the one that would go on differ, and says in what.
    public static func check(
        _ document: RunDocument, against now: ResumeIdentity
    ) throws(ResumeRefusal) {
        let file = ResumeIdentity(of: document)
        try same("suite fingerprint", file.suiteFingerprint, now.suiteFingerprint)
        try same("number of rounds", "\(file.rounds)", "\(now.rounds)")
        try same("seed", "\(file.seed)", "\(now.seed)")
        try same(
            "environment fingerprint", file.environmentFingerprint, now.environmentFingerprint)
        try same("build commit", file.commit, now.commit)
        guard document.finishedAt == nil else { throw .finished }
    }

    /// Rounds that are still to be run: round by round, within one in the order of `cells`.
    ///
    /// - Parameter cells: The suite's; nil for those of the document. A cell that the document does
    ///   not have yet misses every round.
    public static func missing(in document: RunDocument, cells: [CellKey]? = nil) -> [Visit] {
        var finished: [CellKey: Set<Int>] = [:]
        for cell in document.cells {
            finished[cell.key, default: []].formUnion(cell.rounds.map(\.index))
        }
        let wanted = cells ?? document.cells.map(\.key)
        return (0..<document.suite.rounds).flatMap { round in
            wanted.filter { finished[$0]?.contains(round) != true }
                .map { Visit(cell: $0, round: round) }
        }
    }

    /// Puts a finished round into its place.
    public static func merge(
        _ round: RoundRecord, of key: CellKey, into document: inout RunDocument
    ) throws(ResumeRefusal) {
        guard let cell = document.cells.firstIndex(where: { $0.key == key }) else {
            throw .unknownCell(scheme: key.scheme, workload: key.workload)
        }
        guard (0..<document.suite.rounds).contains(round.index) else {
            throw .round(
                index: round.index, problem: "the suite has \(document.suite.rounds) rounds")
        }
        let place =
            document.cells[cell].rounds.firstIndex { $0.index >= round.index }
            ?? document.cells[cell].rounds.endIndex
        if place < document.cells[cell].rounds.endIndex,
            document.cells[cell].rounds[place].index == round.index
        {
            throw .round(index: round.index, problem: "\(key.scheme) has finished it already")
        }
        document.cells[cell].rounds.insert(round, at: place)
    }

    private static func same(
        _ what: String, _ file: String?, _ now: String?
    ) throws(ResumeRefusal) {
        guard file != now else { return }
        throw .differs(what: what, file: file ?? "not recorded", now: now ?? "not recorded")
    }
}
