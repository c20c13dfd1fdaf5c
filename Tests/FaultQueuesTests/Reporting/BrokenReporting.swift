import FaultModel

@testable import FaultQueues

/// How a broken twin goes wrong.
enum ReportingDefect: CaseIterable, Sendable {
    /// Flush returns at once.
    case flushWaitsForNothing
    /// Flush settles every PASID of the device.
    case flushTakesAll
    /// Groups are put together by their index alone.
    case indexAlone
    /// Every answer is sent twice.
    case answersTwice
    /// An answer is sent, and its group forgotten.
    case leaksGroups
    /// Discarding leaves everything.
    case discardKeeps
    /// A removed device goes on.
    case removalKeeps
    /// None: the wrapper itself is sound.
    case none
}

/// A type for each defect.
protocol DefectType: Sendable {
    static var defect: ReportingDefect { get }
}

enum FlushWaitsForNothing: DefectType {
    static var defect: ReportingDefect { .flushWaitsForNothing }
}
enum FlushTakesAll: DefectType { static var defect: ReportingDefect { .flushTakesAll } }
enum IndexAlone: DefectType { static var defect: ReportingDefect { .indexAlone } }
enum AnswersTwice: DefectType { static var defect: ReportingDefect { .answersTwice } }
enum LeaksGroups: DefectType { static var defect: ReportingDefect { .leaksGroups } }
enum DiscardKeeps: DefectType { static var defect: ReportingDefect { .discardKeeps } }
enum RemovalKeeps: DefectType { static var defect: ReportingDefect { .removalKeeps } }
enum NoDefect: DefectType { static var defect: ReportingDefect { .none } }

/// A sound scheme with one defect around it, for the checks to catch.
final class BrokenReporting<Type: DefectType>: FaultReporting {
    typealias Base = DeviceLockReporting<PthreadLock, PoolNodes>

    static var structure: String { "broken: \(Type.defect)" }
    static var lockKind: LockKind? { Base.lockKind }
    static var nodeMemory: NodeMemory { Base.nodeMemory }
    static var provenance: Provenance { Base.provenance }

    private let base: Base
    private let port: ResponsePort

    init(_ configuration: ReportingConfiguration) {
        base = Base(configuration)
        port = configuration.port
    }

    func makeReporter() -> Reporter { Reporter(base: base.makeReporter()) }
    func makeWorker() -> Worker { Worker(base: base.makeWorker(), port: port) }
    func retire(_ reporter: Reporter) { base.retire(reporter.base) }
    func retire(_ worker: Worker) { base.retire(worker.base) }
    func census() -> ReportingCensus { base.census() }

    func addDevice(_ device: RequesterID) -> AddDeviceOutcome {
        let outcome = base.addDevice(device)
        return Type.defect == .removalKeeps ? .added : outcome
    }

    func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        Type.defect == .removalKeeps ? .removed : base.removeDevice(device)
    }

    func discardPartial() -> Int { Type.defect == .discardKeeps ? 0 : base.discardPartial() }

    func flush(_ device: RequesterID, _ pasid: PASID) {
        switch Type.defect {
        case .flushWaitsForNothing: break
        case .flushTakesAll: for number in 1...4 { base.flush(device, PASID(number)!) }
        default: base.flush(device, pasid)
        }
    }

    struct Reporter: FaultReporter {
        var base: Base.Reporter

        mutating func report(_ request: PageRequest) -> ReportOutcome {
            guard Type.defect == .indexAlone else { return base.report(request) }
            return base.report(
                PageRequest(
                    requester: request.requester, pasid: PASID(1)!, index: request.index,
                    address: request.address, permissions: request.permissions,
                    isLast: request.isLast, privateData0: request.privateData0,
                    privateData1: request.privateData1))
        }
    }

    struct Worker: FaultWorker {
        var base: Base.Worker
        let port: ResponsePort

        mutating func take() -> UnsafeMutablePointer<FaultGroup>? { base.take() }

        mutating func respond(
            _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
        ) -> RespondOutcome {
            let last = group.pointee.last
            if Type.defect == .leaksGroups {
                port.send(code, to: last)
                return .answered
            }
            let outcome = base.respond(group, code)
            if Type.defect == .answersTwice { port.send(code, to: last) }
            return outcome
        }

        mutating func finish() { base.finish() }
    }
}
