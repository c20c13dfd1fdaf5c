import FaultModel
import FaultQueues
import Harness

/// What a ring does wrong.
enum Damage {
    case none, drops, duplicates, swaps, tears, strays
}

protocol DamageKind: Sendable {
    static var damage: Damage { get }
}

enum Sound: DamageKind { static let damage = Damage.none }
enum Dropping: DamageKind { static let damage = Damage.drops }
enum Duplicating: DamageKind { static let damage = Damage.duplicates }
enum Swapping: DamageKind { static let damage = Damage.swaps }
enum Tearing: DamageKind { static let damage = Damage.tears }
enum Straying: DamageKind { static let damage = Damage.strays }

/// A sound ring with a producer that damages every thousandth request, so that every check of a
/// trial is seen to fail.
final class DamagedRing<Kind: DamageKind>: PageRequestRing {
    static var structure: String { "damaged" }
    static var lockKind: LockKind? { nil }
    static var limits: RingLimits { SPSCRing.limits }
    static var provenance: Provenance {
        Provenance(models: "original", keeps: "spsc", departs: "wrong", omits: "nothing")
    }

    private let ring: SPSCRing

    init(_ configuration: RingConfiguration) { ring = SPSCRing(configuration) }

    func makeProducer() -> Producer { Producer(end: ring.makeProducer()) }
    func makeConsumer() -> SPSCRing.Consumer { ring.makeConsumer() }

    struct Producer: RingProducer {
        var end: SPSCRing.Producer
        var accepted = 0
        /// Sent after the next one instead of before it.
        var late: PageRequest?

        mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            let isThousandth = accepted % 1000 == 999
            var sent = request
            if isThousandth {
                switch Kind.damage {
                case .none: break
                case .drops:
                    accepted += 1
                    return .enqueued
                case .swaps:
                    late = request
                    accepted += 1
                    return .enqueued
                case .duplicates:
                    // Where there is room for one alone, the second is tried for until there is.
                    guard end.enqueue(request) == .enqueued else { return .full }
                    while end.enqueue(request) != .enqueued {}
                    accepted += 1
                    return .enqueued
                case .tears:
                    sent = PageRequest(
                        header: request.header, address: request.address ^ 0x1000,
                        privateData0: request.privateData0, privateData1: request.privateData1)
                case .strays:
                    sent = PageRequest(
                        header: request.header, address: request.address,
                        privateData0: request.privateData0 | 0xFFFF << 48,
                        privateData1: request.privateData1)
                }
            }
            guard end.enqueue(sent) == .enqueued else { return .full }
            accepted += 1
            if let held = late {
                while end.enqueue(held) != .enqueued {}
                late = nil
            }
            return .enqueued
        }
    }
}
