import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A PASID scheme with its type erased, for the arguments of tests.
struct PASIDSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let compare: @Sendable (UInt64) -> String?
    let lifecycle: @Sendable () -> [PASIDStep]
    let exhaust: @Sendable () -> Void
    let share: @Sendable () -> String?

    var testDescription: String { name }

    init<Policy: PASIDPolicy, Variant: PASIDVariant>(_: Policy.Type, _: Variant.Type) {
        typealias Structure = PASIDOwnership<FutexLock, Policy, Variant>
        name = Structure.structure
        compare = { seed in firstDifference { PASIDLists<Structure>().run(seed: seed, $0) } }
        lifecycle = { PASIDStories<Structure>().lifecycle() }
        exhaust = { PASIDStories<Structure>().exhaust() }
        share = { firstDifference(rounds: 8) { PASIDExercise<Structure>($0).run { _ in } } }
    }

    static let sound = [
        PASIDSubject(PerBind.self, SoundPASID.self),
        PASIDSubject(LazyRefcount.self, SoundPASID.self),
        PASIDSubject(PerMM.self, SoundPASID.self), PASIDSubject(GlobalIDA.self, SoundPASID.self),
    ]
    static let twins = [
        PASIDSubject(PerMM.self, FreesOnFailedBind.self),
        PASIDSubject(LazyRefcount.self, FreesWhileUsed.self),
        PASIDSubject(PerMM.self, EndsWithUsers.self),
        PASIDSubject(LazyRefcount.self, DropsTooMuch.self),
        PASIDSubject(GlobalIDA.self, ForkInherits.self),
        PASIDSubject(LazyRefcount.self, ExecLeaks.self),
    ]
}

/// What a step of the story of one PASID came to.
enum PASIDStep: Equatable, Sendable {
    case fate(PASIDFate)
    case use(UseOutcome)
    case fix(FixUpOutcome)
}

@Suite("A PASID lives as long as its rule says") struct PASIDLifetimeTests {
    @Test("one thread's operations come out as in a model", arguments: PASIDSubject.sound)
    func model(subject: PASIDSubject) {
        for round in 0..<5 {
            let seed = testSeed &+ UInt64(round)
            let difference = subject.compare(seed)
            #expect(difference == nil, "seed \(seed)")
        }
    }

    @Test("the model catches every twin", arguments: PASIDSubject.twins)
    func twins(subject: PASIDSubject) {
        let caught = (0..<20).contains { subject.compare(testSeed &+ UInt64($0)) != nil }
        #expect(caught, "seed \(testSeed)")
    }

    /// Unbind while a task has the PASID in its register, a use, the task's exit, the end.
    @Test(
        "the zombie state is seen where the rule has one", arguments: zip(PASIDSubject.sound, fates)
    )
    func lifecycle(subject: PASIDSubject, steps: [PASIDStep]) {
        #expect(subject.lifecycle() == steps)
    }

    private static let fates: [[PASIDStep]] = [
        // per-bind: freed by the unbind, the register cleared.
        [.fate(.freed), .use(.generalProtection), .fix(.noPASID), .fate(.kept), .fate(.kept)],
        // lazy-refcount: a zombie until the exit of the task that used it.
        [.fate(.kept), .use(.deviceFault), .fix(.fixed), .fate(.kept), .fate(.freed)],
        // per-mm and global-ida: until the address space ends.
        [.fate(.kept), .use(.deviceFault), .fix(.fixed), .fate(.kept), .fate(.freed)],
        [.fate(.kept), .use(.deviceFault), .fix(.fixed), .fate(.kept), .fate(.freed)],
    ]

    @Test(
        "without a free PASID a bind says so, and the next free one is the lowest",
        arguments: PASIDSubject.sound)
    func exhaustion(subject: PASIDSubject) { subject.exhaust() }

    @Test(
        "threads of one address space bind, use, unbind and exit at once",
        arguments: PASIDSubject.sound)
    func sharing(subject: PASIDSubject) {
        let complaint = subject.share()
        #expect(complaint == nil)
    }

    @Test(
        "every PASID of every width is handed out once, the lowest first",
        arguments: [2, 3, 5, 6, 7, 12, 13, 20])
    func allocator(bits: Int) {
        let allocator = PASIDAllocator<FutexLock>(bits: bits)
        defer { allocator.destroy() }
        let last = 1 << bits - 1
        var isAscending = true
        for expected in 1...last where allocator.allocate(limit: last) != UInt32(expected) {
            isAscending = false
        }
        #expect(isAscending)
        #expect(allocator.allocate(limit: last) == 0)
        allocator.free(UInt32(last))
        allocator.free(2)
        #expect(allocator.allocate(limit: 1) == 0)
        #expect(allocator.allocate(limit: last) == 2)
        #expect(allocator.allocate(limit: last) == UInt32(last))
        allocator.free(1)
        allocator.free(1)
        #expect(allocator.tally.pointee.doubleFrees == 1)
    }

    @Test("a device that carries fewer bits refuses what is beyond them")
    func overflow() {
        let structure = PASIDOwnership<FutexLock, GlobalIDA, SoundPASID>(
            PASIDConfiguration(bits: 3, devices: 2, lastDeviceBits: 2, spaces: 5, tasks: 5))
        for number in 0..<4 {
            structure.begin(number, task: number, parent: nil)
            #expect(
                structure.bind(number, device: 0, fails: false) == .bound(PASID(number + 1)!))
        }
        #expect(structure.bind(3, device: 1, fails: false) == .overflow)
        #expect(structure.use(3, device: 1) == .generalProtection)
        #expect(structure.bind(2, device: 1, fails: false) == .bound(PASID(3)!))
        structure.begin(4, task: 4, parent: nil)
        #expect(structure.bind(4, device: 1, fails: false) == .noPASID)
        #expect(structure.unbind(4, device: 0) == .unknown)
    }
}

/// Short stories, told to every scheme.
struct PASIDStories<Structure: PASIDLifetime> {
    func lifecycle() -> [PASIDStep] {
        let structure = Structure(
            PASIDConfiguration(bits: 4, devices: 1, lastDeviceBits: 4, spaces: 1, tasks: 2))
        structure.begin(0, task: 0, parent: nil)
        structure.clone(1, parent: 0)
        _ = structure.bind(0, device: 0, fails: false)
        _ = structure.firstUse(0)
        var steps: [PASIDStep] = [.fate(structure.unbind(0, device: 0))]
        steps.append(.use(structure.use(0, device: 0)))
        steps.append(.fix(structure.firstUse(1)))
        steps.append(.fate(structure.exit(0)))
        steps.append(.fate(structure.exit(1)))
        #expect(structure.census() == PASIDCensus())
        return steps
    }

    func exhaust() {
        let structure = Structure(
            PASIDConfiguration(bits: 2, devices: 1, lastDeviceBits: 2, spaces: 4, tasks: 4))
        for number in 0..<4 { structure.begin(number, task: number, parent: nil) }
        for number in 0..<3 {
            #expect(
                structure.bind(number, device: 0, fails: false) == .bound(PASID(number + 1)!))
        }
        #expect(structure.bind(3, device: 0, fails: false) == .noPASID)
        _ = structure.exit(1)
        #expect(structure.unbind(1, device: 0) == .freed)
        #expect(structure.bind(3, device: 0, fails: false) == .bound(PASID(2)!))
        #expect(structure.references(3) == 1)
        for number in [0, 2, 3] {
            _ = structure.exit(number)
            #expect(structure.unbind(number, device: 0) == .freed)
        }
        #expect(structure.census() == PASIDCensus())
    }
}
