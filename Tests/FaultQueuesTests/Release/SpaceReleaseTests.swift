import FaultModel
import Testing

@testable import FaultQueues
@testable import Harness

/// A release scheme with its type erased, for the arguments of tests.
struct ReleaseSubject: Sendable, CustomTestStringConvertible {
    let name: String
    let compare: @Sendable (UInt64) -> String?
    let exercise: @Sendable () -> String?
    let exitHolding: @Sendable () -> ExitOutcome

    var testDescription: String { name }

    init<Policy: ReleasePolicy>(_ policy: Policy.Type) {
        typealias Sound = SpaceRelease<FutexLock, Policy, SoundRelease>
        typealias Holding = SpaceRelease<FutexLock, Policy, HoldsHandlersLock>
        name = Policy.structure
        compare = { seed in firstDifference { ReleaseLists<Sound>().run(seed: seed, $0) } }
        exercise = {
            firstDifference(rounds: 4) {
                // D6: where the scheme waits for no handler, the last put may be made with any
                // lock held.
                ReleaseExercise<Sound>($0, holdsHandlersLock: !Sound.waitsForHandlers).run { _ in }
            }
        }
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
        #expect(firstDifference { ReleaseLists<Twin>().run(seed: testSeed, $0) } != nil)
    }

    @Test("callers, devices and workers see what the guarantees say", arguments: ReleaseSubject.all)
    func exercise(subject: ReleaseSubject) {
        let difference = subject.exercise()
        #expect(difference == nil, "seed \(testSeed)")
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
