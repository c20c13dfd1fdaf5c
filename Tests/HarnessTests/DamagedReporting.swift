import FaultModel
import FaultQueues
import Harness

/// What a reporting structure does wrong, to every hundredth group unless said otherwise.
enum ReportingDamage: CaseIterable, Sendable {
    case none
    /// Answered again.
    case answersTwice
    case answersNever
    /// Answered `.failure`.
    case answersWrongly
    /// One of its pages is answered as well.
    case answersPages
    /// Says that somebody else has answered it.
    case deniesAnswers
    /// One of its pages comes from another PASID.
    case mixesPages
    /// Its first two pages are swapped.
    case swapsPages
    /// Its first page is missing.
    case dropsPages
    /// Answered by nobody's handler.
    case answersUnhandled
    /// Neither handled nor answered.
    case losesGroups
    /// A request of the device is said to find none.
    case losesDevice
    /// A request is said to find no memory.
    case losesMemory
    /// No flush waits for anything.
    case flushesNothing
    /// Every flush answers other PASIDs too.
    case flushesAll
    /// No removed device goes.
    case removesNothing
}

/// A type for each.
protocol ReportingDamageKind: Sendable {
    static var damage: ReportingDamage { get }
}

enum SoundReporting: ReportingDamageKind { static let damage = ReportingDamage.none }
enum AnsweringTwice: ReportingDamageKind { static let damage = ReportingDamage.answersTwice }
enum AnsweringNever: ReportingDamageKind { static let damage = ReportingDamage.answersNever }
enum AnsweringWrongly: ReportingDamageKind { static let damage = ReportingDamage.answersWrongly }
enum AnsweringPages: ReportingDamageKind { static let damage = ReportingDamage.answersPages }
enum DenyingAnswers: ReportingDamageKind { static let damage = ReportingDamage.deniesAnswers }
enum MixingPages: ReportingDamageKind { static let damage = ReportingDamage.mixesPages }
enum SwappingPages: ReportingDamageKind { static let damage = ReportingDamage.swapsPages }
enum DroppingPages: ReportingDamageKind { static let damage = ReportingDamage.dropsPages }
enum AnsweringUnhandled: ReportingDamageKind {
    static let damage = ReportingDamage.answersUnhandled
}
enum LosingGroups: ReportingDamageKind { static let damage = ReportingDamage.losesGroups }
enum LosingDevice: ReportingDamageKind { static let damage = ReportingDamage.losesDevice }
enum LosingMemory: ReportingDamageKind { static let damage = ReportingDamage.losesMemory }
enum FlushingNothing: ReportingDamageKind { static let damage = ReportingDamage.flushesNothing }
enum FlushingAll: ReportingDamageKind { static let damage = ReportingDamage.flushesAll }
enum RemovingNothing: ReportingDamageKind { static let damage = ReportingDamage.removesNothing }

/// A sound structure with one damage around it, so that every check of a trial is seen to fail.
final class DamagedReporting<Kind: ReportingDamageKind>: FaultReporting {
    typealias Base = SlotTableReporting<PoolNodes>

    static var structure: String { "damaged" }
    static var lockKind: LockKind? { nil }
    static var nodeMemory: NodeMemory { .pool }
    static var provenance: Provenance {
        Provenance(models: "original", keeps: "slot-table", departs: "wrong", omits: "nothing")
    }

    private let base: Base
    private let port: ResponsePort
    /// Where the answers go that nobody shall see.
    private let hidden: ResponsePort?

    init(_ configuration: ReportingConfiguration) {
        port = configuration.port
        hidden =
            Kind.damage == .answersNever ? ResponsePort(lanes: 4, entries: 1 << 18) : nil
        base = Base(
            ReportingConfiguration(
                maximumDevices: configuration.maximumDevices,
                maximumPages: configuration.maximumPages, port: hidden ?? configuration.port))
    }

    deinit { hidden?.deallocate() }

    func makeReporter() -> Reporter { Reporter(base: base.makeReporter()) }
    func makeWorker() -> Worker { Worker(base: base.makeWorker(), port: port) }
    func retire(_ reporter: Reporter) { base.retire(reporter.base) }
    func retire(_ worker: Worker) { base.retire(worker.base) }
    func census() -> ReportingCensus { base.census() }
    func discardPartial() -> Int { base.discardPartial() }

    func addDevice(_ device: RequesterID) -> AddDeviceOutcome {
        let outcome = base.addDevice(device)
        return Kind.damage == .removesNothing ? .added : outcome
    }

    func removeDevice(_ device: RequesterID) -> RemoveDeviceOutcome {
        Kind.damage == .removesNothing ? .removed : base.removeDevice(device)
    }

    func flush(_ device: RequesterID, _ pasid: PASID?) {
        if Kind.damage == .flushesNothing { return }
        if Kind.damage == .flushesAll {
            for number in 1...8 { base.flush(device, PASID(number)!) }
        }
        base.flush(device, pasid)
    }

    struct Reporter: FaultReporter {
        var base: Base.Reporter
        var count = 0

        mutating func report(_ request: PageRequest) -> ReportOutcome {
            count += 1
            if count % 100 == 0 {
                if Kind.damage == .losesDevice { return .noDevice }
                if Kind.damage == .losesMemory { return .refused }
            }
            return base.report(request)
        }
    }

    struct Worker: FaultWorker {
        var base: Base.Worker
        let port: ResponsePort
        var taken = 0
        var answered = 0

        mutating func take() -> UnsafeMutablePointer<FaultGroup>? {
            guard let group = base.take() else { return nil }
            taken += 1
            guard taken % 100 == 0 else { return group }
            let first = group.pointee.pages
            switch Kind.damage {
            case .mixesPages:
                if let first { first.pointee.request = otherPASID(first.pointee.request) }
            case .swapsPages:
                if let first, let second = first.pointee.next {
                    let request = first.pointee.request
                    first.pointee.request = second.pointee.request
                    second.pointee.request = request
                }
            case .dropsPages: group.pointee.pages = first?.pointee.next
            case .answersUnhandled:
                _ = base.respond(group, .success)
                base.finish()
                return take()
            case .losesGroups:
                base.finish()
                return take()
            default: break
            }
            return group
        }

        private func otherPASID(_ request: PageRequest) -> PageRequest {
            PageRequest(
                header: request.header ^ 1 << 16, address: request.address,
                privateData0: request.privateData0, privateData1: request.privateData1)
        }

        mutating func respond(
            _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
        ) -> RespondOutcome {
            answered += 1
            let isHundredth = answered % 100 == 0
            let last = group.pointee.last
            let page = group.pointee.pages?.pointee.request
            if isHundredth && Kind.damage == .answersWrongly {
                return base.respond(group, .failure)
            }
            let outcome = base.respond(group, code)
            if Kind.damage == .answersNever {
                if !isHundredth { port.send(code, to: last) }
            } else if isHundredth {
                if Kind.damage == .answersTwice { port.send(code, to: last) }
                if Kind.damage == .answersPages, let page { port.send(code, to: page) }
                if Kind.damage == .deniesAnswers { return .notPending }
            }
            return outcome
        }

        mutating func finish() { base.finish() }
    }
}
