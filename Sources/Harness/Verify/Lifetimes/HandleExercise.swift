import FaultModel
import FaultOracle
import FaultQueues

/// Users that look handles up and use them, beside changers that attach and detach.
///
/// What a changer knows about its places it shows in a word each: a user that finds the same word
/// before and after its lookup knows what the lookup had to say (A2, A6), and one that finds two
/// knows at least the oldest handle that it could find (A5). Every third place is both changers',
/// so that attaches meet.
struct HandleExercise<Structure: AttachHandling>: Sendable {
    private static var users: Int { 2 }
    private static var changers: Int { 2 }
    private static var groups: Int { 2 }
    private static var pasids: Int { 3 }
    private static var places: Int { groups * pasids }
    /// Attaches and detaches of each changer. Few, because some wait for a grace period, while
    /// users go on.
    private static var changes: Int { 100 }
    /// Above what draining schemes can have out, so that a leak there shows as no room.
    private static var handles: Int { 32 }

    private let round: LifetimeRound
    private let structure: Structure
    private let board: HandleBoard

    init(_ round: LifetimeRound) {
        self.round = round
        structure = Structure(
            HandleConfiguration(
                groups: Self.groups, pasids: Self.pasids, maximumHandles: Self.handles,
                maximumUsers: Self.users))
        board = HandleBoard(places: Self.places, users: Self.users, changers: Self.changers)
    }

    func run(watch: (LifetimeRun) -> Void) -> LifetimeRun {
        let run = LifetimeRun(
            threads: (0..<Self.changers).map { "changer \($0)" }
                + (0..<Self.users).map { "user \($0)" })
        watch(run)
        run.run(cpus: round.cpus) { thread in
            if thread < Self.changers {
                var changer = HandleChanger(structure, board, round.seed, run, thread)
                changer.change(Self.changes)
                board.changersLeft.endOne()
            } else {
                use(run, thread, thread - Self.changers)
            }
        }
        for place in 0..<Self.places { _ = structure.detach(HandleBoard.place(place)) }
        run.expectNothingLeft(structure.census(), HandleCensus())
        return run
    }

    // MARK: Users

    private func use(_ run: LifetimeRun, _ thread: Int, _ number: Int) {
        var random = SeededGenerator(seed: round.seed, stream: 100 + UInt64(thread))
        var user = run.make { structure.makeUser() }
        while !board.changersLeft.areDone && !run.hasFailed(thread) {
            let place = Int.random(in: 0..<Self.places, using: &random)
            let type = Bool.random(using: &random) ? HandleType.sva : .userManaged
            let before = board.shown(place)
            let lookup = run.perform(.get, by: thread) { user.get(HandleBoard.place(place), type) }
            let after = board.shown(place)
            let shown = before == after ? before : nil
            switch lookup {
            case .none:
                if shown?.isAttached == true {
                    fail(run, thread, 42, "nothing was found where a handle stays")
                }
            case .otherType:
                if let shown, shown.isEmpty || (shown.isAttached && shown.type == type) {
                    fail(run, thread, 42, "said to be of another type, though it is not")
                }
            case .found(let handle):
                if let shown, shown.isEmpty || (shown.isAttached && shown.type != type) {
                    fail(run, thread, 42, "a handle was found that is not there")
                }
                let record = handle.pointee.record
                if !record.isComplete(at: HandleBoard.place(place), type) {
                    // Of the wanted type, and not all there yet; or no such handle any more.
                    let isHalfBuilt =
                        record.type == type.rawValue && (record.life == 0 || record.group < 0)
                    fail(run, thread, isHalfBuilt ? 31 : 43, "found \(record)")
                } else if let shown, shown.isAttached, record.domain != shown.version {
                    fail(run, thread, 41, "found \(record.domain), attached is \(shown.version)")
                } else if !HandleBoard.isContended(place), record.domain < before.oldest {
                    fail(run, thread, 41, "found \(record.domain), which had been detached")
                }
                keep(run, thread, number, handle, record, &random)
                user.put(handle)
            }
            if random.next() % 16 == 0 { SpinWait.yieldProcessor() }
        }
        structure.retire(user)
    }

    /// A4: the handle is this one until it is put.
    private func keep(
        _ run: LifetimeRun, _ thread: Int, _ number: Int,
        _ handle: UnsafeMutablePointer<AttachHandle>, _ record: HandleRecord,
        _ random: inout SeededGenerator
    ) {
        board.uses(number, record.domain)
        SpinWait.pause(times: UInt32(random.next() % 64))
        if random.next() % 8 == 0 { SpinWait.yieldProcessor() }
        let now = handle.pointee.record
        if now.life != record.life || now.domain != record.domain {
            run.fail(
                Violation(.memory, "a handle in use became \(now), was \(record)"), by: thread)
        }
        board.uses(number, 0)
    }

    private func fail(_ run: LifetimeRun, _ thread: Int, _ invariant: Int, _ sentence: String) {
        run.fail(Violation(.invariant(invariant), sentence), by: thread)
    }
}

/// One thread that attaches and detaches.
struct HandleChanger<Structure: AttachHandling> {
    private let structure: Structure
    private let board: HandleBoard
    private let run: LifetimeRun
    private let thread: Int
    private var random: SeededGenerator
    /// Places where this thread's own handle is attached, and the handle's domain.
    private var own: [Int: UInt64] = [:]

    init(
        _ structure: Structure, _ board: HandleBoard, _ seed: UInt64, _ run: LifetimeRun,
        _ thread: Int
    ) {
        self.structure = structure
        self.board = board
        self.run = run
        self.thread = thread
        random = SeededGenerator(seed: seed, stream: UInt64(thread))
    }

    mutating func change(_ count: Int) {
        let lane = thread
        let places = (0..<board.places).filter {
            HandleBoard.isContended($0) || $0 % 3 == lane
        }
        for _ in 0..<count where !run.hasFailed(thread) {
            let place = places.randomElement(using: &random)!
            if own[place] == nil {
                attach(place)
            } else if random.next() % 4 == 0 {
                attachAgain(place)
            } else {
                detach(place)
            }
            run.advance(thread)
            SpinWait.pause(times: UInt32(random.next() % 64))
            if random.next() % 8 == 0 { SpinWait.yieldProcessor() }
        }
    }

    private mutating func attach(_ place: Int) {
        let type = Bool.random(using: &random) ? HandleType.sva : .userManaged
        let domain = board.nextVersion(type)
        board.show(place, .changing(oldest: domain), unless: HandleBoard.isContended(place))
        let outcome = run.perform(.attach, by: thread) {
            structure.attach(HandleBoard.place(place), type, domain: domain)
        }
        switch outcome {
        case .attached:
            own[place] = domain
            board.show(place, .attached(domain), unless: false)
        case .taken where HandleBoard.isContended(place): break
        case .noRoom where !Structure.drains:
            board.show(place, .empty(oldest: domain), unless: HandleBoard.isContended(place))
        default:
            run.fail(Violation(.oracle, "an attach to an empty place: \(outcome)"), by: thread)
        }
    }

    /// A7: changes nothing.
    private mutating func attachAgain(_ place: Int) {
        let outcome = run.perform(.attach, by: thread) {
            structure.attach(HandleBoard.place(place), .sva, domain: board.nextVersion(.sva))
        }
        if outcome != .taken && !(outcome == .noRoom && !Structure.drains) {
            run.fail(Violation(.invariant(41), "a second attach: \(outcome)"), by: thread)
        }
    }

    private mutating func detach(_ place: Int) {
        let domain = own.removeValue(forKey: place)!
        board.show(place, .changing(oldest: domain), unless: false)
        let outcome = run.perform(.detach, by: thread) {
            structure.detach(HandleBoard.place(place))
        }
        if outcome != .detached {
            run.fail(Violation(.oracle, "a detach of an own place: \(outcome)"), by: thread)
        }
        if Structure.drains && board.isUsed(domain) {
            run.fail(Violation(.memory, "a detach returned with a user at the handle"), by: thread)
        }
        board.show(place, .empty(oldest: domain + 1), unless: HandleBoard.isContended(place))
    }
}
