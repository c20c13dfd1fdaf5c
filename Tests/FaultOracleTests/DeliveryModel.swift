import FaultModel
import FaultOracle

/// A delivery as a test writes it down.
struct Delivery: Hashable, CustomStringConvertible {
    var producer: Int
    var sequence: UInt64

    var tag: SequenceTag { SequenceTag(producer: producer, sequence: sequence) }
    var request: PageRequest { taggedRequest(tag) }
    var description: String { "\(producer):\(sequence)" }
}

/// What a producer of the harness sends; the fields that the check ignores hold anything.
func taggedRequest(_ tag: SequenceTag, address: UInt64? = nil) -> PageRequest {
    PageRequest(
        requester: RequesterID(UInt16(truncatingIfNeeded: tag.rawValue)), pasid: nil,
        index: PRGIndex(tag.sequence & 511)!, address: address ?? tag.address,
        permissions: .read, isLast: true, privateData0: tag.rawValue)
}

/// The view of a consumer that received these.
func view(of deliveries: [Delivery], producerCount: Int) -> DeliveryView {
    var check = DeliveryCheck(producerCount: producerCount)
    for delivery in deliveries { check.observe(delivery.request) }
    return check.view
}

/// The sentences about consumers that received these.
func violations(of consumers: [[Delivery]], accepted: [UInt64]) -> [String] {
    DeliveryCheck.violations(
        in: consumers.map { view(of: $0, producerCount: accepted.count) }, accepted: accepted)
}

/// The definition of a sound delivery, slow and obvious.
func isSound(_ consumers: [[Delivery]], accepted: [UInt64]) -> Bool {
    for producer in accepted.indices {
        let views = consumers.map { $0.filter { $0.producer == producer }.map(\.sequence) }
        for view in views where !zip(view, view.dropFirst()).allSatisfy({ $0 < $1 }) {
            return false
        }
        guard views.flatMap({ $0 }).sorted() == Array(0..<accepted[producer]) else {
            return false
        }
    }
    return true
}

/// Every list of exactly `length` elements of `alphabet`.
func lists<Element>(of alphabet: [Element], length: Int) -> [[Element]] {
    guard length > 0 else { return [[]] }
    return lists(of: alphabet, length: length - 1).flatMap { list in
        alphabet.map { list + [$0] }
    }
}
