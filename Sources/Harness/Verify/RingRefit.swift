import FaultModel
import FaultOracle
import FaultQueues

/// What a drained ring must still do after any run: take exactly as many requests as on its first
/// day, and give them back in order. A ring that lost a slot on the way, or whose head stopped,
/// does not. Used by one thread, when all others have ended.
struct RingRefit {
    let configuration: RingConfiguration

    init(_ configuration: RingConfiguration) { self.configuration = configuration }

    func violations<Ring: PageRequestRing>(
        _ ring: Ring, producers: UnsafeMutablePointer<Ring.Producer>,
        consumer: UnsafeMutablePointer<Ring.Consumer>
    ) -> [String] {
        let room = configuration.capacity + 1
        let buffer = UnsafeMutablePointer<PageRequest>.allocate(capacity: room)
        defer { buffer.deallocate() }
        /// Requests that come out before nothing does; far more than fit where they never end.
        func drained() -> [PageRequest] {
            var all: [PageRequest] = []
            while all.count <= room * configuration.producers {
                let count = consumer.pointee.dequeue(into: buffer, limit: room)
                if count == 0 { break }
                all += (0..<count).map { buffer[$0] }
            }
            return all
        }
        var violations: [String] = []
        let left = drained().count
        if left > 0 { violations.append("\(left) requests left in a drained ring") }
        _ = consumer.pointee.acknowledgeOverflow()
        let rings = Ring.hasLanes ? configuration.producers : 1
        for number in 0..<rings {
            let requests = (0..<UInt64(configuration.usable)).map {
                TaggedRequest.make(SequenceTag(producer: number, sequence: $0))
            }
            let fitted = requests.prefix { producers[number].enqueue($0) == .enqueued }
            if fitted.count < requests.count {
                violations.append(
                    "room for \(fitted.count) requests of \(requests.count) after the run")
            }
            if producers[number].enqueue(requests[0]) == .enqueued {
                violations.append("room for more than \(requests.count) requests after the run")
            }
            if drained() != Array(fitted) {
                violations.append("a request lost, doubled or out of order after the run")
            }
        }
        return violations
    }
}
