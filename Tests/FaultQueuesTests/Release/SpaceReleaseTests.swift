import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A release scheme with its type erased, for the arguments of tests.
struct ReleaseSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let compare: @Sendable (UInt64) -> String?
    let exitHolding: @Sendable () -> ExitOutcome

    var testDescription: String { name }

    init<Policy: ReleasePolicy>(_ policy: Policy.Type) {
        typealias Sound = SpaceRelease<FutexLock, Policy, SoundRelease>
        typealias Holding = SpaceRelease<FutexLock, Policy, HoldsHandlersLock>
        name = Policy.structure
        compare = { SequentialRelease<Sound>(seed: $0).run(steps: 3000) }
        exitHolding = { HeldRelease<Holding>().run() }
    }

    static let all = [
        ReleaseSubject(DrainInRelease.self), ReleaseSubject(DummyTable.self),
        ReleaseSubject(ClearAndFlush.self), ReleaseSubject(QuietEntry.self),
    ]
}

@Suite("An address space dies as the guarantees say") struct SpaceReleaseTests {
    @Test("one thread's operations come out as in a model", arguments: ReleaseSubject.all)
    func model(subject: ReleaseSubject) {
        for round in 0..<5 {
            let seed = testSeed &+ UInt64(round)
            let difference = subject.compare(seed)
            #expect(difference == nil, "seed \(seed)")
        }
    }

    @Test("the model catches an unbind that leaves its entry")
    func modelCanFail() {
        typealias Twin = SpaceRelease<FutexLock, DummyTable, LeavesEntry>
        #expect(SequentialRelease<Twin>(seed: testSeed).run(steps: 3000) != nil)
    }

    @Test("a last put with a lock held that handlers need", arguments: ReleaseSubject.all)
    func holding(subject: ReleaseSubject) {
        // D6: a drain in release can never end then, and the others do not notice.
        let isDrain = subject.name == DrainInRelease.structure
        #expect(subject.exitHolding() == (isDrain ? .deadlocked : .released))
    }

    @Test("a PASID is given out again at once")
    func reuse() throws {
        let structure = SpaceRelease<PthreadLock, DummyTable, SoundRelease>(small)
        let first = try #require(structure.bind())
        #expect(structure.exit(first) == .released)
        structure.unbind(first)
        let second = try #require(structure.bind())
        #expect(second.pasid == first.pasid && second != first)
        var device = structure.makeDevice()
        #expect(device.access(first, isPresent: true) == .stopped)
        #expect(device.access(second, isPresent: true) == .translated)
        #expect(SpaceKey(word: second.word) == second)
        _ = structure.exit(second)
        structure.unbind(second)
        #expect(structure.census() == ReleaseCensus())
    }
}

private let small = ReleaseConfiguration(
    spaces: 4, endpoints: 2, queueCapacity: 8, invalidationPasses: 0, servicePasses: 0)

/// One thread that binds, accesses, handles, exits and unbinds at random, against a model.
struct SequentialRelease<Structure: SpaceReleasing> {
    let seed: UInt64

    private struct Space {
        let key: SpaceKey
        var isDead = false
    }

    /// The first difference, or nil.
    func run(steps: Int) -> String? {
        var random = SeededGenerator(seed: seed, stream: 0)
        let structure = Structure(small)
        var device = structure.makeDevice()
        var worker = structure.makeWorker()
        var spaces: [Space] = []
        var queue: [SpaceKey] = []
        /// A drain on this thread would wait for itself.
        func handleAll(_ spaces: [Space]) -> String? {
            while !queue.isEmpty {
                let key = queue.removeFirst()
                let isDead = spaces.contains { $0.key == key && $0.isDead }
                let outcome = worker.handle()
                if outcome != (isDead ? .invalid : .success) { return "handled \(outcome as Any)" }
            }
            return worker.handle() == nil ? nil : "handled a request that was not there"
        }
        for step in 0..<steps {
            var line: String?
            let choice = Int.random(in: 0..<8, using: &random)
            let place = spaces.isEmpty ? 0 : Int.random(in: 0..<spaces.count, using: &random)
            if choice == 0 || spaces.isEmpty {
                let key = structure.bind()
                line = (key == nil) == (spaces.count == 4) ? nil : "bound \(key as Any)"
                if let key { spaces.append(Space(key: key)) }
            } else if choice == 1 && !spaces[place].isDead {
                if Structure.waitsForHandlers { line = handleAll(spaces) }
                let outcome = structure.exit(spaces[place].key)
                line = line ?? (outcome == .released ? nil : "exit \(outcome)")
                spaces[place].isDead = true
            } else if choice == 2 && spaces[place].isDead {
                line = handleAll(spaces)
                structure.unbind(spaces[place].key)
                let outcome = device.access(spaces[place].key, isPresent: true)
                line = line ?? (outcome == .stopped ? nil : "after unbind \(outcome)")
                spaces.remove(at: place)
            } else if choice == 3 {
                line = handleAll(spaces)
            } else {
                let isPresent = Bool.random(using: &random)
                let outcome = device.access(spaces[place].key, isPresent: isPresent)
                var expected: AccessOutcome =
                    spaces[place].isDead ? Structure.late : isPresent ? .translated : .faulted
                if expected == .faulted && queue.count == 8 { expected = .full }
                if outcome == .faulted { queue.append(spaces[place].key) }
                line = outcome == expected ? nil : "access \(outcome), expected \(expected)"
            }
            if let line { return "step \(step): \(line)" }
        }
        if let line = handleAll(spaces) { return line }
        for space in spaces {
            if !space.isDead { _ = structure.exit(space.key) }
            structure.unbind(space.key)
        }
        let census = structure.census()
        return census == ReleaseCensus() ? nil : "left behind: \(census)"
    }
}

/// A last put whose caller holds the handlers' lock, with a request queued and a worker that takes
/// it.
struct HeldRelease<Structure: SpaceReleasing> {
    func run() -> ExitOutcome {
        let structure = Structure(small)
        let result = PlainIntegers(repeating: 0)
        defer { result.free() }
        let isDone = Done()
        DedicatedThread.run(2) { thread in
            if thread == 0 {
                var worker = structure.makeWorker()
                while !isDone.flag.load(ordering: .relaxed) {
                    if worker.handle() == nil { SpinWait.yieldProcessor() }
                }
                return
            }
            guard let dying = structure.bind(), let living = structure.bind() else { return }
            var device = structure.makeDevice()
            for _ in 0..<4 { _ = device.access(living, isPresent: false) }
            result[0] = Int(structure.exit(dying).rawValue)
            structure.unbind(dying)
            // The handler of the last request may still have its reference.
            _ = structure.exit(living)
            structure.unbind(living)
            isDone.flag.store(true, ordering: .relaxed)
        }
        return ExitOutcome(rawValue: UInt8(result[0])) ?? .handedOver
    }

    private final class Done: Sendable {
        let flag = SharedAtomic<Bool>(false)
    }
}
