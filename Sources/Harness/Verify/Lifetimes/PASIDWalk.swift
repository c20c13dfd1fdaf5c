import FaultModel
import FaultOracle
import FaultQueues

/// Random operations of one thread on address spaces of its own, beside a model of the rule.
///
/// Alone in a structure it knows every PASID before it is given. Beside others it knows everything
/// but the number: that one must be nobody else's.
struct PASIDWalk<Structure: PASIDLifetime> {
    /// In a space of 2 bits three PASIDs, in a wide one enough for everybody.
    struct Place: Sendable {
        var bits: Int
        var spaces: Range<Int>
        var tasks: Range<Int>
        /// Nil where nobody else uses the structure.
        var claims: PASIDClaims?
        /// Whether all PASIDs can be out.
        var canRunOut: Bool
    }

    static var devices: Int { 2 }

    private struct Space {
        var tasks: Set<Int> = []
        var binds = [Int](repeating: 0, count: devices)
        /// 0 where it has one that the walk was not told.
        var pasid: Int?
        /// Tasks whose register holds the PASID.
        var fixed: Set<Int> = []
        /// Where there are neither tasks nor binds.
        var hasEnded: Bool { tasks.isEmpty && !isBound }
        var isBound: Bool { binds.contains { $0 > 0 } }
    }

    private let place: Place
    private let structure: Structure
    private let run: LifetimeRun
    private let thread: Int
    private var random: SeededGenerator
    private var model: [Space]

    init(_ structure: Structure, _ place: Place, seed: UInt64, run: LifetimeRun, thread: Int) {
        self.structure = structure
        self.place = place
        self.run = run
        self.thread = thread
        random = SeededGenerator(seed: seed, stream: UInt64(thread))
        model = [Space](repeating: Space(), count: place.spaces.upperBound)
    }

    /// Takes that many steps, then ends everything; stops at the first difference.
    mutating func walk(steps: Int) {
        for number in 0..<steps {
            if let found = step() {
                run.fail(
                    Violation(found.rule, "step \(number): \(found.sentence)"), by: thread)
                return
            }
        }
        if let found = end() { run.fail(found, by: thread) }
    }

    private func space(of task: Int) -> Int? {
        place.spaces.first { model[$0].tasks.contains(task) }
    }

    /// What becomes of the PASID now that something has ended; frees it in the model. Before the
    /// operation: after it the PASID may be another's.
    private mutating func fate(_ number: Int) -> PASIDFate {
        let space = model[number]
        guard let pasid = space.pasid else { return .kept }
        let isKept: Bool
        switch Structure.rule {
        case .lastUnbind: isKept = space.isBound
        case .lastReference: isKept = space.isBound || !space.fixed.isEmpty
        case .spaceEnd: isKept = !space.hasEnded
        }
        if isKept { return .kept }
        if pasid != 0 { place.claims?.release(pasid) }
        model[number].pasid = nil
        model[number].fixed = []
        return .freed
    }

    private mutating func step() -> Violation? {
        let task = Int.random(in: place.tasks, using: &random)
        let device = Int.random(in: 0..<Self.devices, using: &random)
        let number = Int.random(in: place.spaces, using: &random)
        let home = space(of: task)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: return begin(task, home, number)
        case 1: return clone(task, home, number)
        case 2: return exec(task, home, number)
        case 3: return home.flatMap { exit(task, $0) }
        case 4, 5: return bind(number, device, fails: Bool.random(using: &random))
        case 6: return unbind(number, device)
        case 7: return firstUse(task, home)
        default: return use(task, home, device)
        }
    }

    private mutating func leave(_ task: Int, _ home: Int) {
        model[home].tasks.remove(task)
        model[home].fixed.remove(task)
    }

    private mutating func begin(_ task: Int, _ home: Int?, _ number: Int) -> Violation? {
        guard home == nil, model[number].hasEnded else { return nil }
        let parent = place.spaces.compactMap { model[$0].tasks.min() }.first
        run.step(.begin, by: thread) { structure.begin(number, task: task, parent: parent) }
        model[number] = Space(tasks: [task])
        return nil
    }

    private mutating func clone(_ task: Int, _ home: Int?, _ number: Int) -> Violation? {
        guard home == nil, let parent = model[number].tasks.min() else { return nil }
        run.step(.clone, by: thread) { structure.clone(task, parent: parent) }
        model[number].tasks.insert(task)
        if Structure.rule == .lastUnbind && model[number].pasid != nil {
            model[number].fixed.insert(task)
        }
        return nil
    }

    private mutating func exec(_ task: Int, _ home: Int?, _ number: Int) -> Violation? {
        guard let home, home != number, model[number].hasEnded else { return nil }
        leave(task, home)
        let expected = fate(home)
        let outcome = run.step(.exec, by: thread) { structure.exec(task, into: number) }
        model[number] = Space(tasks: [task])
        return Violation.difference(.invariant(37), "exec", outcome, expected)
    }

    private mutating func exit(_ task: Int, _ home: Int) -> Violation? {
        leave(task, home)
        let expected = fate(home)
        return Violation.difference(
            .invariant(37), "exit", run.step(.exit, by: thread) { structure.exit(task) }, expected)
    }

    private mutating func bind(_ number: Int, _ device: Int, fails: Bool) -> Violation? {
        guard !model[number].tasks.isEmpty else { return nil }
        let before = model[number]
        let outcome = run.step(.bind, by: thread) {
            structure.bind(number, device: device, fails: fails)
        }
        if case .noPASID = outcome, before.pasid == nil, place.canRunOut, !hasFree { return nil }
        let isNew = before.binds[device] == 0
        if case .bound(let pasid) = outcome, !(fails && isNew) {
            model[number].binds[device] += 1
            if Structure.rule == .lastUnbind { model[number].fixed = before.tasks }
            return own(Int(pasid.rawValue), number)
        }
        guard fails && isNew, case .failed = outcome else {
            return Violation(
                .invariant(36), "a bind that \(fails ? "fails" : "does not fail"): \(outcome)")
        }
        // L2: the PASID stays with whoever uses it.
        if before.pasid == nil { model[number].pasid = place.claims == nil ? lowestFree : 0 }
        _ = fate(number)
        return Violation.difference(
            .invariant(35), "the PASID's owner has it after a failed bind",
            structure.references(number) > 0, model[number].pasid != nil)
    }

    /// Alone, whether a PASID is free; beside others nobody knows.
    private var hasFree: Bool { place.claims == nil && lowestFree != nil }

    private var lowestFree: Int? {
        let taken = Set(model.compactMap(\.pasid))
        return (1..<1 << place.bits).first { !taken.contains($0) }
    }

    /// A bind gave this PASID.
    private mutating func own(_ pasid: Int, _ number: Int) -> Violation? {
        if let owned = model[number].pasid, owned != 0 {
            return Violation.difference(.invariant(37), "a bind of what has a PASID", pasid, owned)
        }
        let expected = lowestFree
        model[number].pasid = pasid
        if let claims = place.claims { return claims.claim(pasid, for: number) }
        return Violation.difference(.oracle, "a bind", pasid, expected ?? 0)
    }

    private mutating func unbind(_ number: Int, _ device: Int) -> Violation? {
        guard model[number].binds[device] > 0 else {
            let outcome = run.step(.unbind, by: thread) { structure.unbind(number, device: device) }
            return Violation.difference(.oracle, "unbind of nothing", outcome, .unknown)
        }
        model[number].binds[device] -= 1
        let expected = fate(number)
        let outcome = run.step(.unbind, by: thread) { structure.unbind(number, device: device) }
        return Violation.difference(.invariant(37), "unbind", outcome, expected)
    }

    private mutating func firstUse(_ task: Int, _ home: Int?) -> Violation? {
        guard let home else { return nil }
        let outcome = run.step(.fixUp, by: thread) { structure.firstUse(task) }
        if model[home].fixed.contains(task) {
            return Violation.difference(.oracle, "fix-up", outcome, .ready)
        }
        let isFixed = model[home].pasid != nil && Structure.rule != .lastUnbind
        if isFixed { model[home].fixed.insert(task) }
        return Violation.difference(.oracle, "fix-up", outcome, isFixed ? .fixed : .noPASID)
    }

    private func use(_ task: Int, _ home: Int?, _ device: Int) -> Violation? {
        guard let home else { return nil }
        let expected: UseOutcome =
            !model[home].fixed.contains(task)
            ? .generalProtection : model[home].binds[device] > 0 ? .executed : .deviceFault
        let outcome = run.step(.use, by: thread) { structure.use(task, device: device) }
        let rule: Violation.Rule =
            outcome == .otherOwner
            ? .invariant(37) : outcome == .executed ? .invariant(36) : .oracle
        return Violation.difference(rule, "use", outcome, expected)
    }

    private mutating func end() -> Violation? {
        for number in place.spaces {
            for task in model[number].tasks.sorted() {
                if let found = exit(task, number) { return found }
            }
            for device in 0..<Self.devices {
                while model[number].binds[device] > 0 {
                    if let found = unbind(number, device) { return found }
                }
            }
        }
        return nil
    }
}

/// Lists of one thread's operations.
struct PASIDLists<Structure: PASIDLifetime> {
    func run(seed: UInt64, _ run: LifetimeRun) {
        let (spaces, tasks) = (4, 6)
        let structure = Structure(
            PASIDConfiguration(
                bits: 2, devices: PASIDWalk<Structure>.devices, lastDeviceBits: 2, spaces: spaces,
                tasks: tasks))
        var walk = PASIDWalk(
            structure,
            PASIDWalk<Structure>.Place(
                bits: 2, spaces: 0..<spaces, tasks: 0..<tasks, claims: nil, canRunOut: true),
            seed: seed, run: run, thread: 0)
        walk.walk(steps: LifetimeTrialCheck.listLength)
        // L6.
        run.expectNothingLeft(structure.census(), PASIDCensus())
    }
}
