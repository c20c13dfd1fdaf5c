import FaultModel

/// A ring under one lock, sound unless it is given a fault: the broken twins of all rings. Where a
/// fault leaves a gap that threads must meet in, it gives its CPU away there.
public final class TwinRing: PageRequestRing, @unchecked Sendable {
    public static let structure = "twin"
    public static let lockKind: LockKind? = nil
    public static let limits = RingLimits(producers: 256, consumers: 256)
    public static let provenance = Provenance(
        models: "original", keeps: "the guarantees but one", departs: "nothing", omits: "nothing")

    struct State: BitwiseCopyable {
        /// Positions below it are free again.
        var head: UInt64 = 0
        /// Positions below it have been taken by a consumer.
        var claimed: UInt64 = 0
        var tail: UInt64 = 0
        var overflowPending = false
        /// Set by producers, cleared by consumers: without it a consumer does not look.
        var isAnnounced = false
    }

    /// What every endpoint holds.
    struct Core: BitwiseCopyable {
        let configuration: RingConfiguration
        let fault: RingFault?
        let lock: TTASLock
        let state: UnsafeMutablePointer<State>
        let slots: UnsafeMutablePointer<PageRequest>

        func slot(_ position: UInt64) -> UnsafeMutablePointer<PageRequest> {
            slots + Int(position % UInt64(configuration.capacity))
        }
    }

    private let core: Core

    public convenience init(_ configuration: RingConfiguration) {
        self.init(configuration, fault: nil)
    }

    public init(_ configuration: RingConfiguration, fault: RingFault?) {
        core = Core(
            configuration: configuration, fault: fault, lock: TTASLock(),
            state: allocateShared(initial: State()),
            slots: allocateShared(zeroed: PageRequest.self, count: configuration.capacity))
    }

    deinit {
        core.lock.destroy()
        freeShared(core.state, count: 1)
        freeShared(core.slots, count: core.configuration.capacity)
    }

    public func makeProducer() -> Producer { Producer(core: core) }
    public func makeConsumer() -> Consumer { Consumer(core: core) }

    public struct Producer: RingProducer {
        let core: Core

        public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            let state = core.state
            core.lock.lock()
            defer { core.lock.unlock() }
            let waiting = Int(state.pointee.tail - state.pointee.head)
            if core.fault == .clearsOverflowOnRoom && waiting < core.configuration.usable {
                state.pointee.overflowPending = false
            }
            if state.pointee.overflowPending { return .overflowed }
            if waiting >= room { return refuse(request) }
            let position = state.pointee.tail
            switch core.fault {
            case .drops where (position + 1) % UInt64(core.configuration.capacity) == 0:
                return .enqueued
            case .publishesBeforeWrite:
                state.pointee.tail += 1
                gap()
            case .fillsTwice:
                gap()
                state.pointee.tail = max(state.pointee.tail, position + 1)
            default:
                state.pointee.tail += 1
            }
            state.pointee.isAnnounced = true
            core.slot(position).pointee = core.fault == .marksHeader ? marked(request) : request
            return .enqueued
        }

        private var room: Int {
            switch core.fault {
            case .fitsOneMore: core.configuration.usable + 1
            case .fitsOneLess: core.configuration.usable - 1
            default: core.configuration.usable
            }
        }

        private func refuse(_ request: PageRequest) -> EnqueueOutcome {
            if core.fault == .keepsRefused {
                core.slot(core.state.pointee.tail).pointee = request
                core.state.pointee.tail += 1
            }
            let isWait = core.configuration.overflow == .wait
            if !isWait || core.fault == .overflowsUnderWait {
                core.state.pointee.overflowPending = true
            }
            return isWait ? .full : .overflowed
        }

        private func marked(_ request: PageRequest) -> PageRequest {
            PageRequest(
                header: request.header ^ 1 << 51, address: request.address,
                privateData0: request.privateData0, privateData1: request.privateData1)
        }

        /// Leaves the lock for a moment.
        private func gap() {
            core.lock.unlock()
            SpinWait.yieldProcessor()
            core.lock.lock()
        }
    }

    public struct Consumer: RingConsumer {
        let core: Core

        public mutating func dequeue(into buffer: UnsafeMutablePointer<PageRequest>, limit: Int)
            -> Int
        {
            let state = core.state
            core.lock.lock()
            defer { core.lock.unlock() }
            if core.fault == .losesWakeUp && !state.pointee.isAnnounced { return 0 }
            let start = state.pointee.claimed
            let waiting = Int(state.pointee.tail - start)
            let count = min(waiting, limit)
            let end = start + UInt64(count)
            if core.fault == .losesWakeUp && count == waiting {
                gap()
                state.pointee.isAnnounced = false
            }
            if count == 0 { return 0 }
            if core.fault != .claimsTwice { state.pointee.claimed = end }
            if core.fault == .freesBeforeRead { state.pointee.head = end }
            let leavesGap: [RingFault] = [.freesBeforeRead, .claimsTwice, .losesHandBack]
            if let fault = core.fault, leavesGap.contains(fault) { gap() }
            let written = core.fault == .exceedsLimit && waiting > limit ? count + 1 : count
            for place in 0..<written {
                buffer[place] = core.slot(start + UInt64(place)).pointee
            }
            if core.fault == .reorders && count >= 2 {
                (buffer[count - 1], buffer[count - 2]) = (buffer[count - 2], buffer[count - 1])
            }
            if core.fault == .clearsOverflowOnDequeue { state.pointee.overflowPending = false }
            giveBack(from: start, to: end)
            return count
        }

        private func giveBack(from start: UInt64, to end: UInt64) {
            let state = core.state
            switch core.fault {
            case .duplicates where end - start >= 2:
                state.pointee.claimed = end - 1
                state.pointee.head = end - 1
            case .claimsTwice:
                state.pointee.claimed = max(state.pointee.claimed, end)
                state.pointee.head = max(state.pointee.head, end)
            case .losesHandBack:
                if state.pointee.head == start { state.pointee.head = end }
            case .freesBeforeRead:
                break
            default:
                state.pointee.head = end
            }
        }

        public mutating func acknowledgeOverflow() -> Bool {
            let state = core.state
            core.lock.lock()
            defer { core.lock.unlock() }
            guard state.pointee.overflowPending else { return false }
            let needsEmpty =
                core.configuration.overflow == .sticky && core.fault != .acknowledgesBeforeEmpty
            if needsEmpty && state.pointee.head != state.pointee.tail { return false }
            if core.fault != .acknowledgesNothing { state.pointee.overflowPending = false }
            return true
        }

        /// Leaves the lock for a moment.
        private func gap() {
            core.lock.unlock()
            SpinWait.yieldProcessor()
            core.lock.lock()
        }
    }
}
