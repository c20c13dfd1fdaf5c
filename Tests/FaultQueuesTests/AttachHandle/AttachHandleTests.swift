import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A handle scheme with its type erased, for the arguments of tests.
struct HandleSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let drains: Bool
    let compare: @Sendable (UInt64) -> String?
    let exercise: @Sendable () -> String?
    let checks: @Sendable () -> Void

    var testDescription: String { name }

    init<Structure: AttachHandling>(_ type: Structure.Type) {
        name = Structure.structure + (Structure.lockKind.map { "/\($0.rawValue)" } ?? "")
        drains = Structure.drains
        compare = { seed in firstDifference { HandleLists<Structure>().run(seed: seed, $0) } }
        exercise = { firstDifference(rounds: 4) { HandleExercise<Structure>($0).run { _ in } } }
        checks = { HandleCases<Structure>().run() }
    }

    static let sound: [HandleSubject] = [
        HandleSubject(MutexRefcountHandles<FutexLock, SoundHandles>.self),
        HandleSubject(TypedUnderLockHandles<PthreadLock, SoundHandles>.self),
        HandleSubject(RCURefcountHandles<TicketLock, SoundHandles>.self),
        HandleSubject(RCUSectionHandles<MCSLock, SoundHandles>.self),
        HandleSubject(ReaderSlotHandles<SoundHandles>.self),
    ]
}

@Suite("A handle is found, used and ended as the guarantees say") struct AttachHandleTests {
    @Test("one thread's operations come out as in a dictionary", arguments: HandleSubject.sound)
    func model(subject: HandleSubject) {
        let difference = subject.compare(testSeed)
        #expect(difference == nil, "seed \(testSeed)")
    }

    @Test("users and changers see what the guarantees say", arguments: HandleSubject.sound)
    func exercise(subject: HandleSubject) {
        let difference = subject.exercise()
        #expect(difference == nil, "seed \(testSeed)")
    }

    @Test("outcomes, references and memory, case by case", arguments: HandleSubject.sound)
    func cases(subject: HandleSubject) { subject.checks() }

    @Test("the dictionary itself catches a scheme that loses references")
    func modelCanFail() {
        typealias Twin = MutexRefcountHandles<FutexLock, LosesReference>
        #expect(HandleSubject(Twin.self).compare(testSeed) != nil)
    }

    @Test("every scheme says what it models") func provenance() {
        #expect(ReaderSlotHandles<SoundHandles>.provenance.models.hasPrefix("original"))
        #expect(MutexRefcountHandles<FutexLock, SoundHandles>.provenance.models.contains("v4"))
    }
}

/// What every scheme must do, in the order of the guarantees.
struct HandleCases<Structure: AttachHandling> {
    private let structure = Structure(
        HandleConfiguration(groups: 1, pasids: 4, maximumHandles: 2, maximumUsers: 3))
    private let place = HandlePlace(group: 0, pasid: PASID(1)!)

    func run() {
        var first = structure.makeUser()
        var second = structure.makeUser()
        #expect(structure.attach(place, .sva, domain: 7) == .attached)
        // A6: the same handle for both, and A2 for a wrong type and a wrong place.
        guard case .found(let one) = first.get(place, .sva),
            case .found(let other) = second.get(place, .sva)
        else {
            Issue.record("an attached handle was not found")
            return
        }
        #expect(one == other)
        second.put(other)
        if case .otherType = second.get(place, .userManaged) {
        } else {
            Issue.record("a handle of another type is not -EBUSY")
        }
        if case .none = second.get(HandlePlace(group: 0, pasid: PASID(2)!), .sva) {
        } else {
            Issue.record("an empty place is not -ENOENT")
        }
        first.put(one)
        #expect(structure.attach(place, .sva, domain: 8) == .taken)
        let next = HandlePlace(group: 0, pasid: PASID(3)!)
        #expect(structure.attach(next, .sva, domain: 9) == .attached)
        let third = HandlePlace(group: 0, pasid: PASID(0)!)
        #expect(structure.attach(third, .sva, domain: 9) == .noRoom)
        #expect(structure.detach(third) == .unknown)
        #expect(structure.detach(place) == .detached)
        #expect(structure.detach(place) == .unknown)
        #expect(structure.detach(next) == .detached)
        structure.retire(first)
        structure.retire(second)
        #expect(structure.census() == HandleCensus())
        holds()
    }

    /// A4 and A5: a handle in use outlives its detach, or its detach waits for the use.
    private func holds() {
        let structure = structure
        let place = place
        #expect(structure.attach(place, .sva, domain: 1) == .attached)
        let flags = Flags()
        DedicatedThread.run(2) { thread in
            if thread == 1 {
                var wait = SpinWait()
                while !flags.hasHandle.load(ordering: .acquiring) { wait.wait() }
                _ = structure.detach(place)
                flags.isDetached.store(true, ordering: .releasing)
                return
            }
            var user = structure.makeUser()
            guard case .found(let handle) = user.get(place, .sva) else { return }
            let life = handle.pointee.record.life
            flags.hasHandle.store(true, ordering: .releasing)
            for _ in 0..<200 where !flags.isDetached.load(ordering: .relaxed) {
                SpinWait.yieldProcessor()
            }
            let wasDetached = flags.isDetached.load(ordering: .acquiring)
            if handle.pointee.record.life != life || (wasDetached && Structure.drains) {
                flags.wasChanged.store(true, ordering: .relaxed)
            }
            user.put(handle)
        }
        let wasChanged = flags.wasChanged.load(ordering: .relaxed)
        #expect(!wasChanged)
        #expect(structure.census() == HandleCensus())
    }

    private final class Flags: Sendable {
        let hasHandle = SharedAtomic<Bool>(false)
        let isDetached = SharedAtomic<Bool>(false)
        let wasChanged = SharedAtomic<Bool>(false)
    }
}
