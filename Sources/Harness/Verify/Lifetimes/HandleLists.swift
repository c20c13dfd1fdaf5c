import FaultModel
import FaultOracle
import FaultQueues

/// Random operations of one thread on an attach-handle structure, beside a dictionary.
struct HandleLists<Structure: AttachHandling> {
    private struct Attached {
        let type: HandleType
        let domain: UInt64
    }

    /// Long, because the end of a structure may wait for a grace period.
    private static var length: Int { 10 * LifetimeTrialCheck.listLength }

    func run(seed: UInt64, _ run: LifetimeRun) {
        var random = SeededGenerator(seed: seed, stream: 0)
        let structure = Structure(
            HandleConfiguration(groups: 2, pasids: 8, maximumHandles: 64, maximumUsers: 1))
        var user = structure.makeUser()
        var model: [HandlePlace: Attached] = [:]
        for step in 0..<Self.length {
            let place = HandlePlace(
                group: Int.random(in: 0..<2, using: &random),
                pasid: PASID(Int.random(in: 0..<8, using: &random))!)
            let type = Bool.random(using: &random) ? HandleType.sva : .userManaged
            let found: Violation?
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let outcome = run.perform(.attach, by: 0) {
                    structure.attach(place, type, domain: UInt64(step + 1))
                }
                found = Violation.difference(
                    .oracle, "attach", outcome, model[place] == nil ? .attached : .taken)
                if model[place] == nil {
                    model[place] = Attached(type: type, domain: UInt64(step + 1))
                }
            case 1:
                let outcome = run.perform(.detach, by: 0) { structure.detach(place) }
                found = Violation.difference(
                    .oracle, "detach", outcome, model[place] == nil ? .unknown : .detached)
                model[place] = nil
            default:
                found = Self.lookup(run, &user, place, type, model[place])
            }
            run.advance(0)
            if let found {
                run.fail(
                    Violation(found.rule, "step \(step) at \(place): \(found.sentence)"), by: 0)
                return
            }
        }
        for place in model.keys { _ = structure.detach(place) }
        structure.retire(user)
        run.expectNothingLeft(structure.census(), HandleCensus())
    }

    private static func lookup(
        _ run: LifetimeRun, _ user: inout Structure.User, _ place: HandlePlace, _ type: HandleType,
        _ expected: Attached?
    ) -> Violation? {
        switch run.perform(.get, by: 0, { user.get(place, type) }) {
        case .none:
            return expected == nil ? nil : Violation(.invariant(42), "nothing was found")
        case .otherType:
            return expected.map { $0.type != type } == true
                ? nil : Violation(.invariant(42), "said to be of another type")
        case .found(let handle):
            defer { user.put(handle) }
            guard let expected, expected.type == type else {
                return Violation(.invariant(42), "found what is not there")
            }
            let record = handle.pointee.record
            let isRight = record.isComplete(at: place, type) && record.domain == expected.domain
            return isRight ? nil : Violation(.invariant(41), "found \(record)")
        }
    }
}
