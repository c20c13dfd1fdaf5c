import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A handle scheme with its type erased, for the arguments of tests.
struct HandleSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let drains: Bool
    let compare: @Sendable (UInt64) -> String?
    let checks: @Sendable () -> Void

    var testDescription: String { name }

    init<Structure: AttachHandling>(_ type: Structure.Type) {
        name = Structure.structure + (Structure.lockKind.map { "/\($0.rawValue)" } ?? "")
        drains = Structure.drains
        compare = { SequentialHandles<Structure>(seed: $0).run(steps: 2000) }
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
        for round in 0..<5 {
            let seed = testSeed &+ UInt64(round)
            let difference = subject.compare(seed)
            #expect(difference == nil, "seed \(seed)")
        }
    }

    @Test("outcomes, references and memory, case by case", arguments: HandleSubject.sound)
    func cases(subject: HandleSubject) { subject.checks() }

    @Test("the dictionary itself catches a scheme that loses references")
    func modelCanFail() {
        typealias Twin = MutexRefcountHandles<FutexLock, LosesReference>
        #expect(SequentialHandles<Twin>(seed: testSeed).run(steps: 2000) != nil)
    }

    @Test("every scheme says what it models") func provenance() {
        #expect(ReaderSlotHandles<SoundHandles>.provenance.models.hasPrefix("original"))
        #expect(MutexRefcountHandles<FutexLock, SoundHandles>.provenance.models.contains("v4"))
    }
}

/// Random operations of one thread, against a dictionary.
struct SequentialHandles<Structure: AttachHandling> {
    let seed: UInt64

    private struct Attached {
        let type: HandleType
        let domain: UInt64
    }

    /// The first difference, or nil.
    func run(steps: Int) -> String? {
        var random = SeededGenerator(seed: seed, stream: 0)
        let structure = Structure(
            HandleConfiguration(groups: 2, pasids: 8, maximumHandles: 64, maximumUsers: 1))
        var user = structure.makeUser()
        var model: [HandlePlace: Attached] = [:]
        for step in 0..<steps {
            let place = HandlePlace(
                group: Int.random(in: 0..<2, using: &random),
                pasid: PASID(Int.random(in: 0..<8, using: &random))!)
            let type = Bool.random(using: &random) ? HandleType.sva : .userManaged
            let line: String?
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let outcome = structure.attach(place, type, domain: UInt64(step + 1))
                line = outcome == (model[place] == nil ? .attached : .taken) ? nil : "\(outcome)"
                if model[place] == nil {
                    model[place] = Attached(type: type, domain: UInt64(step + 1))
                }
            case 1:
                let outcome = structure.detach(place)
                line = outcome == (model[place] == nil ? .unknown : .detached) ? nil : "\(outcome)"
                model[place] = nil
            default:
                line = Self.difference(&user, place, type, model[place])
            }
            if let line { return "step \(step) at \(place): \(line)" }
        }
        for place in model.keys { _ = structure.detach(place) }
        structure.retire(user)
        let census = structure.census()
        return census == HandleCensus() ? nil : "left behind: \(census)"
    }

    private static func difference(
        _ user: inout Structure.User, _ place: HandlePlace, _ type: HandleType,
        _ expected: Attached?
    ) -> String? {
        switch user.get(place, type) {
        case .none: return expected == nil ? nil : "nothing found"
        case .otherType:
            return expected.map { $0.type != type } == true ? nil : "said to be of another type"
        case .found(let handle):
            defer { user.put(handle) }
            guard let expected, expected.type == type else { return "found" }
            let record = handle.pointee.record
            let isRight = record.isComplete(at: place, type) && record.domain == expected.domain
            return isRight ? nil : "found \(record)"
        }
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
