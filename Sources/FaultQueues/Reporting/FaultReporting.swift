import FaultModel

/// Shape of a reporting structure, and where its responses go.
public struct ReportingConfiguration: Sendable, BitwiseCopyable {
    /// Devices that may be added over the structure's life, 1…4096.
    public let maximumDevices: Int
    /// Page requests that may be in it at the same time, 1…2²⁰.
    public let maximumPages: Int
    public let port: ResponsePort

    /// - Precondition: the ranges given with each property.
    public init(maximumDevices: Int, maximumPages: Int, port: ResponsePort) {
        precondition((1...4096).contains(maximumDevices), "a structure serves 1…4096 devices")
        precondition((1...1 << 20).contains(maximumPages), "a structure holds 1…2²⁰ pages")
        self.maximumDevices = maximumDevices
        self.maximumPages = maximumPages
        self.port = port
    }
}

/// What is in a structure that nobody is using: for the check at the end of a trial.
public struct ReportingCensus: Equatable, Sendable, CustomStringConvertible {
    /// Pages that wait for the last of their group.
    public var partialPages = 0
    /// Groups that are neither answered nor owned by a worker.
    public var queuedGroups = 0
    /// Nodes out of both allocators; above `partialPages` something leaked.
    public var nodesOut = 0
    /// References to devices beyond those that serving them is; where a scheme counts them.
    public var referencesOut = 0

    public init(partialPages: Int = 0, queuedGroups: Int = 0, nodesOut: Int = 0) {
        self.partialPages = partialPages
        self.queuedGroups = queuedGroups
        self.nodesOut = nodesOut
    }

    public var description: String {
        "\(partialPages) partial pages, \(queuedGroups) queued groups, \(nodesOut) nodes"
            + (referencesOut == 0 ? "" : ", \(referencesOut) references")
    }
}

/// The io-pgfault layer: assembles page requests into groups, hands groups to workers, sends one
/// response per group, and flushes what belongs to a PASID before the PASID is reused.
///
/// Guarantees, for every sound scheme:
///
/// G1. Every completed group is answered exactly once.
/// G2. A request that is not the last of its group is never answered by itself.
/// G3. A group holds pages of one (device, PASID, index) alone, in order of arrival, last page
/// last. G4. When `flush(device, PASID)` returns, no handler runs for a group of that device and
/// PASID
///     that was queued before the call, none of its requests is partial, and each of its groups has
///     been answered.
/// G5. A flush changes nothing of other PASIDs and other devices, except that it may wait for them.
/// G6. `respond` for a group that was answered by a flush or a removal sends nothing and frees it.
/// G7. `removeDevice` answers what is pending with `.invalid`, drops what is partial, and from then
///     on reports of the device return `.noDevice`. The device can be added again.
/// G8. `discardPartial` drops every partial request of every device and leaves groups alone.
///
/// Overlap: every operation may run at the same time as every other, with these duties of the
/// caller. The requests of one group are reported by one thread. While a flush of (device, PASID)
/// runs, nobody reports for them: the device was stopped and the ring drained first. While a device
/// is added or removed, nobody adds or removes it. Each endpoint is used by one thread at a time.
/// The structure outlives its endpoints.
public protocol FaultReporting: AnyObject, Sendable {
    associatedtype Reporter: FaultReporter
    associatedtype Worker: FaultWorker

    /// Name on the command line: `device-lock`, `slot-table`, …
    static var structure: String { get }
    static var lockKind: LockKind? { get }
    static var nodeMemory: NodeMemory { get }
    static var provenance: Provenance { get }
    /// What a thread that stands still cannot stop; `.blocking` unless a structure says more.
    static var progress: ProgressPromise { get }

    /// Allocates and touches the memory: call it on the thread that shall own it.
    init(_ configuration: ReportingConfiguration)

    /// Endpoints come from any thread, one at a time.
    func makeReporter() -> Reporter
    func makeWorker() -> Worker
    /// Returns an endpoint's counts to the census; the endpoint is not used again.
    func retire(_ reporter: Reporter)
    func retire(_ worker: Worker)

    func addDevice(_ device: RequesterID) -> AddDeviceOutcome
    func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome

    /// Blocks until G4 holds. Needs workers that go on working.
    ///
    /// - Parameter pasid: Nil for the requests that carry none.
    func flush(_ device: RequesterID, _ pasid: PASID?)

    /// After a ring overflow: how many partial requests were dropped.
    func discardPartial() -> Int

    /// Only while no other operation runs and every endpoint was retired.
    func census() -> ReportingCensus
}

extension FaultReporting {
    public static var progress: ProgressPromise { .blocking }
}

/// The fault thread's end.
public protocol FaultReporter: BitwiseCopyable {
    /// Takes one request over; never waits for a handler.
    mutating func report(_ request: PageRequest) -> ReportOutcome
}

/// A worker's end. A worker takes a group, handles its pages, answers it, and finishes; or hands it
/// to somebody with a worker's end of his own who answers it later, and finishes at once.
public protocol FaultWorker: BitwiseCopyable {
    /// The next group, or nil where none is queued. The caller owns it and calls `finish` before it
    /// takes another.
    mutating func take() -> UnsafeMutablePointer<FaultGroup>?

    /// Answers a group that the caller owns and frees it. Any worker's end.
    mutating func respond(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
    ) -> RespondOutcome

    /// The handler of the group taken last has returned: what a drain of the workqueue waits for.
    mutating func finish()
}
