import FaultModel

@testable import FaultQueues

/// Random operations of one thread on a few address spaces, against a model of the rule.
struct SequentialPASIDs<Structure: PASIDLifetime> {
    let seed: UInt64

    private static var spaces: Int { 4 }
    private static var tasks: Int { 6 }
    private static var devices: Int { 2 }

    private struct Space {
        var tasks: Set<Int> = []
        var binds = [Int](repeating: 0, count: SequentialPASIDs.devices)
        var pasid: Int?
        /// Tasks whose register holds the PASID.
        var fixed: Set<Int> = []
        /// Where there are neither tasks nor binds.
        var hasEnded: Bool { tasks.isEmpty && !isBound }
        var isBound: Bool { binds.contains { $0 > 0 } }
    }

    private var model = [Space](repeating: Space(), count: spaces)
    private let structure = Structure(
        PASIDConfiguration(
            bits: 2, devices: devices, lastDeviceBits: 2, spaces: spaces, tasks: tasks))

    init(seed: UInt64) { self.seed = seed }

    /// The first difference, or nil.
    func run(steps: Int) -> String? {
        var walk = self
        var random = SeededGenerator(seed: seed, stream: 0)
        for step in 0..<steps {
            if let line = walk.step(&random) { return "step \(step): \(line)" }
        }
        return walk.end()
    }

    private func space(of task: Int) -> Int? { model.firstIndex { $0.tasks.contains(task) } }

    /// What becomes of the PASID now that something has ended; frees it in the model.
    private mutating func fate(_ number: Int) -> PASIDFate {
        let space = model[number]
        guard space.pasid != nil else { return .kept }
        let isKept: Bool
        switch Structure.rule {
        case .lastUnbind: isKept = space.isBound
        case .lastReference: isKept = space.isBound || !space.fixed.isEmpty
        case .spaceEnd: isKept = !space.hasEnded
        }
        if isKept { return .kept }
        model[number].pasid = nil
        model[number].fixed = []
        return .freed
    }

    private mutating func step(_ random: inout SeededGenerator) -> String? {
        let task = Int.random(in: 0..<Self.tasks, using: &random)
        let device = Int.random(in: 0..<Self.devices, using: &random)
        let number = Int.random(in: 0..<Self.spaces, using: &random)
        let home = space(of: task)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: return begin(task, home, number)
        case 1: return clone(task, home, number)
        case 2: return exec(task, home, number)
        case 3:
            guard let home else { return nil }
            leave(task, home)
            let expected = fate(home)
            return difference("exit", structure.exit(task), expected)
        case 4, 5: return bind(number, device, fails: Bool.random(using: &random))
        case 6: return unbind(number, device)
        case 7: return firstUse(task, home)
        default: return use(task, home, device)
        }
    }

    private func difference<Value: Equatable>(
        _ what: String, _ value: Value, _ expected: Value
    ) -> String? { value == expected ? nil : "\(what): \(value), expected \(expected)" }

    private mutating func leave(_ task: Int, _ home: Int) {
        model[home].tasks.remove(task)
        model[home].fixed.remove(task)
    }

    private mutating func begin(_ task: Int, _ home: Int?, _ number: Int) -> String? {
        guard home == nil, model[number].hasEnded else { return nil }
        let parent = model.compactMap(\.tasks.first).first
        structure.begin(number, task: task, parent: parent)
        model[number] = Space(tasks: [task])
        return nil
    }

    private mutating func clone(_ task: Int, _ home: Int?, _ number: Int) -> String? {
        guard home == nil, let parent = model[number].tasks.first else { return nil }
        structure.clone(task, parent: parent)
        model[number].tasks.insert(task)
        if Structure.rule == .lastUnbind && model[number].pasid != nil {
            model[number].fixed.insert(task)
        }
        return nil
    }

    private mutating func exec(_ task: Int, _ home: Int?, _ number: Int) -> String? {
        guard let home, home != number, model[number].hasEnded else { return nil }
        leave(task, home)
        let expected = fate(home)
        let outcome = structure.exec(task, into: number)
        model[number] = Space(tasks: [task])
        return difference("exec", outcome, expected)
    }

    private mutating func bind(_ number: Int, _ device: Int, fails: Bool) -> String? {
        guard !model[number].tasks.isEmpty else { return nil }
        let before = model[number]
        let taken = Set(model.compactMap(\.pasid))
        let pasid = before.pasid ?? (1...3).first { !taken.contains($0) }
        let outcome = structure.bind(number, device: device, fails: fails)
        guard let pasid else { return difference("bind", outcome, .noPASID) }
        model[number].pasid = pasid
        if fails && before.binds[device] == 0 {
            // L2: the PASID stays with whoever uses it.
            _ = fate(number)
            return difference("bind", outcome, .failed)
        }
        model[number].binds[device] += 1
        if Structure.rule == .lastUnbind { model[number].fixed = before.tasks }
        return difference("bind", outcome, .bound(PASID(pasid)!))
    }

    private mutating func unbind(_ number: Int, _ device: Int) -> String? {
        let outcome = structure.unbind(number, device: device)
        guard model[number].binds[device] > 0 else {
            return difference("unbind", outcome, .unknown)
        }
        model[number].binds[device] -= 1
        return difference("unbind", outcome, fate(number))
    }

    private mutating func firstUse(_ task: Int, _ home: Int?) -> String? {
        guard let home else { return nil }
        let outcome = structure.firstUse(task)
        if model[home].fixed.contains(task) { return difference("fix-up", outcome, .ready) }
        let isFixed = model[home].pasid != nil && Structure.rule != .lastUnbind
        if isFixed { model[home].fixed.insert(task) }
        return difference("fix-up", outcome, isFixed ? .fixed : .noPASID)
    }

    private func use(_ task: Int, _ home: Int?, _ device: Int) -> String? {
        guard let home else { return nil }
        let expected: UseOutcome =
            !model[home].fixed.contains(task)
            ? .generalProtection : model[home].binds[device] > 0 ? .executed : .deviceFault
        return difference("use", structure.use(task, device: device), expected)
    }

    /// Everything ends, and every PASID must be free.
    private mutating func end() -> String? {
        for number in 0..<Self.spaces {
            for task in model[number].tasks.sorted() {
                leave(task, number)
                let expected = fate(number)
                if let line = difference("exit", structure.exit(task), expected) { return line }
            }
            for device in 0..<Self.devices {
                while model[number].binds[device] > 0 {
                    if let line = unbind(number, device) { return line }
                }
            }
        }
        return difference("left behind", structure.census(), PASIDCensus())
    }
}
