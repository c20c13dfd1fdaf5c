import CPlatform
import FaultModel
import Glibc
import Testing

@testable import FaultQueues
@testable import Harness

/// Faults that a sanitizer must report: `scripts/sanitize` runs each by its name, in the build that
/// it has just run the tests of, and fails where nothing is reported. They run for nobody else.
@Suite(.serialized, .enabled(if: getenv("FQBENCH_PLANTED_FAULT") != nil))
struct PlantedFaultTests {
    enum Fault: String, CaseIterable {
        // ThreadSanitizer's.
        case plainRace = "plain-race"
        case relaxedLockRing = "relaxed-lock-ring"
        case relaxedLockReporting = "relaxed-lock-reporting"
        // AddressSanitizer's.
        case overflow
        case useAfterFree = "use-after-free"
        case leak
    }

    @Test
    func planted() throws {
        let name = String(cString: try #require(getenv("FQBENCH_PLANTED_FAULT")))
        let fault = try #require(Fault(rawValue: name), "no planted fault \(name)")
        switch fault {
        case .plainRace: Self.plainRace()
        case .relaxedLockRing: Self.relaxedLockRing()
        case .relaxedLockReporting: Self.relaxedLockReporting()
        case .overflow: Self.overflow()
        case .useAfterFree: Self.useAfterFree()
        case .leak: Self.leak()
        }
    }

    /// Two threads count without a lock. Neither ends before the other has counted:
    /// ThreadSanitizer can take a thread for an earlier one that has ended.
    private static func plainRace() {
        let count = PlainIntegers(repeating: 0)
        let ended = SharedAtomic<Int>(0)
        DedicatedThread.run(2) { _ in
            // Turn and turn about: ThreadSanitizer reports no access that is too long ago to show.
            for _ in 0..<1000 {
                count[0] += 1
                SpinWait.yieldProcessor()
            }
            ended.wrappingAdd(1, ordering: .relaxed)  // orders nothing, or there were no race
            var wait = SpinWait()
            while ended.load(ordering: .relaxed) < 2 { wait.wait() }
        }
        count.free()
    }

    /// A ring whose lock excludes and does not order. This processor orders all the same, so that
    /// no check of what is delivered can find it.
    private static func relaxedLockRing() {
        _ = RingExercise(
            configuration: RingConfiguration(capacity: 4, producers: 2), consumers: 2,
            requestsPerProducer: 500, longestBatch: 3, seed: testSeed
        ).run(LockedRing<RelaxedLock>.init)
    }

    /// Two threads report to one device under such locks.
    private static func relaxedLockReporting() {
        typealias Scheme = ConsolidatedReporting<RelaxedLock, PoolNodes>
        let port = ResponsePort(lanes: 1, entries: 256)
        let scheme = Scheme(
            ReportingConfiguration(maximumDevices: 1, maximumPages: 256, port: port))
        _ = scheme.addDevice(RequesterID(0x10))
        DedicatedThread.run(2) { lane in
            var reporter = scheme.makeReporter()
            for index in 0..<100 {
                _ = reporter.report(pageRequest(lane * 100 + index, index: lane * 100 + index))
            }
            scheme.retire(reporter)
        }
        port.deallocate()
    }

    private static func overflow() {
        let slots = allocateShared(zeroed: PageRequest.self, count: 4)
        let place = 4 + Int(min(getpid(), 0))  // 4, which the compiler does not know
        slots[place].privateData0 = 1
        freeShared(slots, count: 4)
    }

    private static func useAfterFree() {
        let slots = allocateShared(zeroed: PageRequest.self, count: 4)
        freeShared(slots, count: 4)
        slots[Int(getpid()) & 3].privateData0 = 1
    }

    /// Not a page of its own, so that nothing but the program knows it.
    @inline(never)
    private static func leak() {
        for size in 1...100 {
            let memory = malloc(size * 8)
            // Or the optimiser sees that nobody needs it, and allocates nothing.
            fq_opaque(UInt64(UInt(bitPattern: memory)))
        }
    }
}

/// A spin lock that forgets the orderings and nothing else.
private struct RelaxedLock: LockPrimitive, @unchecked Sendable {
    static let kind = LockKind.ttas
    private let storage: UnsafeMutablePointer<TTASLockStorage>

    init() { storage = allocateShared(initial: TTASLockStorage()) }

    func destroy() { freeShared(storage, count: 1) }

    func lock() {
        var spin = SpinWait()
        while !tryLock() { spin.wait() }
    }

    func unlock() { storage.pointee.isHeld.store(false, ordering: .relaxed) }

    func tryLock() -> Bool {
        storage.pointee.isHeld.compareExchange(
            expected: false, desired: true, successOrdering: .relaxed, failureOrdering: .relaxed
        ).exchanged
    }
}
