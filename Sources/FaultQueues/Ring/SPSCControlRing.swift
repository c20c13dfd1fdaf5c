import CControl
import FaultModel

// spsc-c: the control. The algorithm of SPSCRing in C, called directly from the measured loop: the
// wrappers below are inlined, so the loop's one call goes to the C function. What spsc loses or
// gains against it is what Swift costs.
//
// Invariants, overlap and progress: as SPSCRing.

/// `SPSCRing` written in C.
public final class SPSCControlRing: PageRequestRing, @unchecked Sendable {
    public static let structure = "spsc-c"
    public static let lockKind: LockKind? = nil
    public static let limits = SPSCRing.limits
    public static let provenance = Provenance(
        models: "spsc of this suite, in C",
        keeps: "algorithm, layout and calls of spsc",
        departs: "written in C17 with stdatomic.h",
        omits: "nothing")

    private let configuration: RingConfiguration
    private let memory: UnsafeMutableRawPointer
    private let lanes: OpaquePointer
    private let positions: UnsafeMutablePointer<fq_spsc_position>
    private let lanesTaken = SharedAtomic<Int>(0)

    public init(_ configuration: RingConfiguration) {
        self.configuration = configuration
        let count = configuration.producers
        memory = allocateShared(byteCount: count * Int(fq_spsc_lane_size()))
        lanes = OpaquePointer(memory)
        for lane in 0..<count {
            let slots = allocateShared(zeroed: fq_request.self, count: configuration.capacity)
            fq_spsc_lane_init(lanes, Int64(lane), slots)
        }
        // After the slots, as SPSCRing does it: the two differ in the language alone.
        positions = allocateShared(zeroed: fq_spsc_position.self, count: count)
    }

    deinit {
        for lane in 0..<configuration.producers {
            freeShared(fq_spsc_lane_slots(lanes, Int64(lane)), count: configuration.capacity)
        }
        freeShared(bytes: memory)
        freeShared(positions, count: configuration.producers)
    }

    private var policy: UInt8 {
        switch configuration.overflow {
        case .wait: UInt8(FQ_OVERFLOW_WAIT.rawValue)
        case .sticky: UInt8(FQ_OVERFLOW_STICKY.rawValue)
        case .toggle: UInt8(FQ_OVERFLOW_TOGGLE.rawValue)
        }
    }

    public func makeProducer() -> Producer {
        let lane = lanesTaken.wrappingAdd(1, ordering: .relaxed).oldValue  // callers are serialised
        precondition(lane < configuration.producers, "more producers than the ring was made for")
        return Producer(
            state: fq_spsc_make_producer(
                lanes, Int64(lane), UInt64(configuration.capacity - 1),
                UInt64(configuration.usable), policy))
    }

    public func makeConsumer() -> Consumer {
        var state = fq_spsc_consumer()
        state.lanes = lanes
        state.positions = positions
        state.mask = UInt64(configuration.capacity - 1)
        state.count = Int64(configuration.producers)
        state.policy = policy
        state.head_per_entry = configuration.headUpdate == .perEntry
        return Consumer(state: state)
    }

    /// A device's end.
    public struct Producer: RingProducer {
        @usableFromInline var state: fq_spsc_producer

        @inlinable @inline(__always)
        public mutating func enqueue(_ request: PageRequest) -> EnqueueOutcome {
            let outcome = fq_spsc_enqueue(
                &state, request.header, request.address, request.privateData0,
                request.privateData1)
            return EnqueueOutcome(rawValue: outcome).unsafelyUnwrapped
        }
    }

    /// The fault thread's end.
    public struct Consumer: RingConsumer {
        @usableFromInline var state: fq_spsc_consumer

        @inlinable @inline(__always)
        public mutating func dequeue(
            into buffer: UnsafeMutablePointer<PageRequest>, limit: Int
        ) -> Int {
            // Both are four 64-bit words in the same order.
            let words = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: fq_request.self)
            return Int(fq_spsc_dequeue(&state, words, Int64(limit)))
        }

        @inlinable @inline(__always)
        public mutating func acknowledgeOverflow() -> Bool {
            fq_spsc_acknowledge_overflow(&state)
        }
    }
}
