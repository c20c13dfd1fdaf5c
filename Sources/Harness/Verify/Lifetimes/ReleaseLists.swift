import FaultModel
import FaultOracle
import FaultQueues

/// One thread that binds, accesses, handles, exits and unbinds at random, beside a model.
struct ReleaseLists<Structure: SpaceReleasing> {
    private struct Space {
        let key: SpaceKey
        var isDead = false
    }

    static var spaces: Int { 4 }
    static var queueCapacity: Int { 8 }

    func run(seed: UInt64, _ run: LifetimeRun) {
        var list = ReleaseList(seed: seed, run: run)
        for step in 0..<LifetimeTrialCheck.listLength {
            if let found = list.step() {
                run.fail(Violation(found.rule, "step \(step): \(found.sentence)"), by: 0)
                return
            }
        }
        list.end()
    }

    private struct ReleaseList {
        var random: SeededGenerator
        let run: LifetimeRun
        let structure: Structure
        var device: Structure.Device
        var worker: Structure.Worker
        var spaces: [Space] = []
        var queue: [SpaceKey] = []

        init(seed: UInt64, run: LifetimeRun) {
            random = SeededGenerator(seed: seed, stream: 0)
            self.run = run
            structure = Structure(
                ReleaseConfiguration(
                    spaces: ReleaseLists.spaces, endpoints: 2,
                    queueCapacity: ReleaseLists.queueCapacity, invalidationPasses: 0,
                    servicePasses: 0))
            device = structure.makeDevice()
            worker = structure.makeWorker()
        }

        mutating func step() -> Violation? {
            let choice = Int.random(in: 0..<8, using: &random)
            let place = spaces.isEmpty ? 0 : Int.random(in: 0..<spaces.count, using: &random)
            if choice == 0 || spaces.isEmpty { return bind() }
            if choice == 1 && !spaces[place].isDead { return exit(place) }
            if choice == 2 && spaces[place].isDead { return unbind(place) }
            return choice == 3 ? handleAll() : access(place)
        }

        private mutating func bind() -> Violation? {
            let key = run.step(.bind, by: 0) { structure.bind() }
            if let key { spaces.append(Space(key: key)) }
            let isFull = spaces.count == ReleaseLists.spaces && key == nil
            return key != nil || isFull ? nil : Violation(.oracle, "a bind was refused")
        }

        private mutating func exit(_ place: Int) -> Violation? {
            // A drain on this thread would wait for itself.
            if Structure.waitsForHandlers, let found = handleAll() { return found }
            let outcome = run.step(.exit, by: 0) { structure.exit(spaces[place].key) }
            spaces[place].isDead = true
            return outcome == .released ? nil : Violation(.oracle, "exit: \(outcome)")
        }

        private mutating func unbind(_ place: Int) -> Violation? {
            if let found = handleAll() { return found }
            let key = spaces.remove(at: place).key
            run.step(.unbind, by: 0) { structure.unbind(key) }
            let outcome = run.step(.access, by: 0) { device.access(key, isPresent: true) }
            return outcome == .stopped
                ? nil : Violation(.invariant(38), "an access after unbind: \(outcome)")
        }

        private mutating func access(_ place: Int) -> Violation? {
            let isPresent = Bool.random(using: &random)
            let space = spaces[place]
            let outcome = run.step(.access, by: 0) {
                device.access(space.key, isPresent: isPresent)
            }
            var expected: AccessOutcome =
                space.isDead ? Structure.late : isPresent ? .translated : .faulted
            if expected == .faulted && queue.count == ReleaseLists.queueCapacity {
                expected = .full
            }
            if outcome == .faulted { queue.append(space.key) }
            return outcome == expected
                ? nil : Violation(.oracle, "access: \(outcome), expected \(expected)")
        }

        private mutating func handleAll() -> Violation? {
            while !queue.isEmpty {
                let key = queue.removeFirst()
                let isDead = spaces.contains { $0.key == key && $0.isDead }
                let outcome = run.step(.handle, by: 0) { worker.handle() }
                if outcome != (isDead ? .invalid : .success) {
                    return Violation(.invariant(38), "handled as \(outcome as Any)")
                }
            }
            return run.step(.handle, by: 0) { worker.handle() } == nil
                ? nil : Violation(.oracle, "a request was handled that was not there")
        }

        mutating func end() {
            if let found = handleAll() { return run.fail(found, by: 0) }
            for space in spaces {
                if !space.isDead { _ = structure.exit(space.key) }
                structure.unbind(space.key)
            }
            run.expectNothingLeft(structure.census(), ReleaseCensus(), .invariant(38))
        }
    }
}
