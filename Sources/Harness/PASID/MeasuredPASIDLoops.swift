import FaultModel
import FaultQueues
import Measurement

// The measured loops of the PASID subject; see MeasuredLoops.swift for what they may hold.

/// What a thread's processes and tasks are, and what it finds wrong with them. One thread.
public struct PASIDWork {
    /// The thread's own numbers begin here.
    @usableFromInline let firstSpace: Int
    @usableFromInline let firstTask: Int
    /// The address space and the task that the thread's tasks are cloned from.
    @usableFromInline let homeSpace: Int
    @usableFromInline let homeTask: Int
    @usableFromInline let tasks: Int
    @usableFromInline let resident: Int
    @usableFromInline let closesEarly: Bool
    /// Whether this thread closes the home's device when a storm of exits begins.
    @usableFromInline let unbinds: Bool
    @usableFromInline let rule: PASIDRule
    /// When each PASID was last used, in ticks, 0 for never.
    @usableFromInline let lastUse: UnsafeMutablePointer<SharedAtomic<UInt64>>
    /// When the home's device was closed, 0 while it is open.
    @usableFromInline let closedAt: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let reuse: LatencySamples
    @usableFromInline let zombies: LatencySamples
    /// When each resident process closed its last device; 0 for a process that never began.
    @usableFromInline let closed: UnsafeMutablePointer<UInt64>
    /// The same, as bits: 1 alive, 2 bound, 4 its PASID is not free yet.
    @usableFromInline let states: UnsafeMutablePointer<UInt8>
    @usableFromInline var turn = 0
    @usableFromInline var executed = 0
    @usableFromInline var deviceFaults = 0
    @usableFromInline var exhausted = 0
    @usableFromInline var failedBinds = 0
    /// References of a PASID when it had most, and how many PASIDs were asked.
    @usableFromInline var references = 0
    @usableFromInline var sampled = 0
    @usableFromInline var otherOwner = 0
    @usableFromInline var wrong = 0

    @usableFromInline static var alive: UInt8 { 1 }
    @usableFromInline static var bound: UInt8 { 2 }
    @usableFromInline static var owns: UInt8 { 4 }

    init(_ plan: PASIDTrialPlan, _ seat: ActorSeat, _ shared: PASIDShared, rule: PASIDRule) {
        let workload = plan.workload
        let own = plan.spacesOfThread
        firstSpace = 1 + seat.lane * own
        firstTask = 1 + seat.lane * plan.tasksOfThread
        let isShared = workload.isShared
        homeSpace = isShared ? 0 : firstSpace
        homeTask = isShared ? 0 : firstTask
        tasks = workload.tasks
        resident = workload.resident
        closesEarly = workload.closesEarly
        unbinds = !isShared || seat.lane == 0
        self.rule = rule
        lastUse = shared.lastUse
        closedAt = shared.closedAt + (isShared ? 0 : seat.lane)
        reuse = LatencySamples(capacity: 1 << 14)
        reuse.touch()
        zombies = LatencySamples(capacity: 1 << 14)
        zombies.touch()
        closed = .allocate(capacity: workload.resident)
        closed.initialize(repeating: 0, count: workload.resident)
        states = .allocate(capacity: workload.resident)
        states.initialize(repeating: 0, count: workload.resident)
    }

    @inlinable @inline(__always)
    mutating func note(_ outcome: UseOutcome, expects: UseOutcome) {
        if outcome == .executed { executed &+= 1 }
        if outcome == .deviceFault { deviceFaults &+= 1 }
        if outcome == .otherOwner {
            otherOwner &+= 1
        } else if outcome != expects {
            wrong &+= 1
        }
    }

    /// What a use comes to once no device is bound.
    @inlinable @inline(__always)
    var afterUnbind: UseOutcome { rule == .lastUnbind ? .generalProtection : .deviceFault }

    /// What a clone's use comes to without a fix-up.
    @inlinable @inline(__always)
    var beforeFirstUse: UseOutcome { rule == .lastUnbind ? .executed : .generalProtection }

    /// A bind of a PASID that was in use before is a reuse.
    @inlinable @inline(__always)
    mutating func noteBind(_ pasid: PASID) {
        // Relaxed: a time alone.
        let before = lastUse[Int(pasid.rawValue)].load(ordering: .relaxed)
        if before != 0 { reuse.record(from: before, to: Ticks.now()) }
    }

    @inlinable @inline(__always)
    func noteUse(_ pasid: PASID) {
        lastUse[Int(pasid.rawValue)].store(Ticks.now(), ordering: .relaxed)  // a time alone
    }
}

/// Binds and unbinds an address space of its own, with a use between, until the burst ends.
@inlinable @inline(never)
public func measuredBinds<Structure: PASIDLifetime>(
    _ structure: Structure, _ burst: inout ActorBurst, _ own: inout PASIDWork
) {
    while burst.goesOn() {
        if case .bound = structure.bind(own.homeSpace, device: 0, fails: false) {
            _ = structure.firstUse(own.homeTask)
            own.note(structure.use(own.homeTask, device: 0), expects: .executed)
            if structure.unbind(own.homeSpace, device: 0) == .unknown { own.wrong &+= 1 }
        } else {
            own.exhausted &+= 1
        }
        burst.operations &+= 1
    }
    burst.finish()
}

/// Clones a task, lets it use the device and exit, until the burst ends.
@inlinable @inline(never)
public func measuredTaskLives<Structure: PASIDLifetime>(
    _ structure: Structure, _ burst: inout ActorBurst, _ own: inout PASIDWork
) {
    let task = own.firstTask &+ 1
    while burst.goesOn() {
        structure.clone(task, parent: own.homeTask)
        let fix = structure.firstUse(task)
        if fix == .noPASID { own.wrong &+= 1 }
        own.note(structure.use(task, device: 0), expects: .executed)
        if structure.exit(task) != .kept { own.wrong &+= 1 }
        burst.operations &+= 1
    }
    burst.finish()
}

/// All tasks of the thread exit, one after the other; the device is closed at the start. Everything
/// was made before the burst.
@inlinable @inline(never)
public func measuredExits<Structure: PASIDLifetime>(
    _ structure: Structure, _ burst: inout ActorBurst, _ own: inout PASIDWork
) {
    if own.unbinds {
        own.references &+= structure.references(own.homeSpace)
        own.sampled &+= 1
        own.closedAt.pointee.value.store(Ticks.now(), ordering: .releasing)
        if structure.unbind(own.homeSpace, device: 0) == .freed { own.zombies.record(0) }
    }
    for number in 0..<own.tasks {
        let start = Ticks.now()
        let fate = structure.exit(own.firstTask &+ number)
        let end = Ticks.now()
        if let samples = burst.samples { samples.record(from: start, to: end) }
        if fate == .freed {
            own.zombies.record(
                from: own.closedAt.pointee.value.load(ordering: .acquiring), to: end)
        }
        burst.operations &+= 1
    }
    burst.finish()
}

/// Short processes, the oldest of the thread's ended before the next begins, until the burst ends.
@inlinable @inline(never)
public func measuredProcesses<Structure: PASIDLifetime>(
    _ structure: Structure, _ burst: inout ActorBurst, _ own: inout PASIDWork
) {
    while burst.goesOn() {
        let slot = own.turn % own.resident
        endProcess(structure, &own, slot)
        beginProcess(structure, &own, slot)
        own.turn &+= 1
        burst.operations &+= 1
    }
    burst.finish()
}

/// A process that binds its device, uses it with two tasks, and perhaps closes it.
@inlinable @inline(__always)
func beginProcess<Structure: PASIDLifetime>(
    _ structure: Structure, _ own: inout PASIDWork, _ slot: Int
) {
    let space = own.firstSpace &+ 2 &* slot
    let task = own.firstTask &+ 2 &* slot
    // Every other process is forked by the one before it, which has used its device.
    let parent = slot > 0 && own.turn & 1 == 1 ? task &- 2 : nil
    structure.begin(space, task: task, parent: parent)
    if structure.use(task, device: 0) != .generalProtection { own.wrong &+= 1 }
    own.states[slot] = PASIDWork.alive
    guard case .bound(let pasid) = structure.bind(space, device: 0, fails: false) else {
        own.exhausted &+= 1
        return
    }
    own.noteBind(pasid)
    own.states[slot] |= PASIDWork.bound | PASIDWork.owns
    _ = structure.firstUse(task)
    own.note(structure.use(task, device: 0), expects: .executed)
    if own.turn % 3 == 0 {
        // The second device fails; the first one and its tasks notice nothing.
        let outcome = structure.bind(space, device: 1, fails: true)
        if outcome != .failed && outcome != .overflow { own.wrong &+= 1 }
        own.failedBinds &+= 1
        own.note(structure.use(task, device: 1), expects: .deviceFault)
        own.note(structure.use(task, device: 0), expects: .executed)
    }
    structure.clone(task &+ 1, parent: task)
    if own.turn & 4 == 0 {
        // A task that never uses the device holds no reference, and drops none.
        let outcome = structure.use(task &+ 1, device: 0)
        own.note(outcome, expects: own.beforeFirstUse)
    } else {
        _ = structure.firstUse(task &+ 1)
        own.note(structure.use(task &+ 1, device: 0), expects: .executed)
    }
    own.references &+= structure.references(space)
    own.sampled &+= 1
    own.noteUse(pasid)
    if own.closesEarly { closeProcess(structure, &own, slot) }
}

/// The process's device is closed; its tasks live on.
@inlinable @inline(__always)
func closeProcess<Structure: PASIDLifetime>(
    _ structure: Structure, _ own: inout PASIDWork, _ slot: Int
) {
    own.closed[slot] = Ticks.now()
    own.states[slot] &= ~PASIDWork.bound
    let fate = structure.unbind(own.firstSpace &+ 2 &* slot, device: 0)
    if fate == .unknown { own.wrong &+= 1 }
    noteFate(&own, slot, fate)
    if own.states[slot] & PASIDWork.alive != 0 {
        let outcome = structure.use(own.firstTask &+ 2 &* slot, device: 0)
        own.note(outcome, expects: own.afterUnbind)
    }
}

/// Where the PASID was freed: how long it had been nobody's.
@inlinable @inline(__always)
func noteFate(_ own: inout PASIDWork, _ slot: Int, _ fate: PASIDFate) {
    guard fate == .freed else { return }
    if own.states[slot] & (PASIDWork.owns | PASIDWork.bound) != PASIDWork.owns {
        own.wrong &+= 1
    }
    own.states[slot] &= ~PASIDWork.owns
    own.zombies.record(from: own.closed[slot], to: Ticks.now())
}

/// The process's tasks end, one of them in another program; a device that is still open is closed
/// after its tasks have ended, as files are, or before.
@inlinable @inline(__always)
func endProcess<Structure: PASIDLifetime>(
    _ structure: Structure, _ own: inout PASIDWork, _ slot: Int
) {
    let state = own.states[slot]
    if state & PASIDWork.alive == 0 { return }
    let task = own.firstTask &+ 2 &* slot
    let hadPASID = own.closed[slot] != 0 || state & PASIDWork.bound != 0
    if state & PASIDWork.bound != 0 && own.turn & 2 == 0 { closeProcess(structure, &own, slot) }
    own.states[slot] &= ~PASIDWork.alive
    if hadPASID {
        // The second task becomes a process of its own, without a PASID, and ends.
        noteFate(&own, slot, structure.exec(task &+ 1, into: own.firstSpace &+ 2 &* slot &+ 1))
        if structure.use(task &+ 1, device: 0) != .generalProtection { own.wrong &+= 1 }
        if structure.exit(task &+ 1) != .kept { own.wrong &+= 1 }
    }
    noteFate(&own, slot, structure.exit(task))
    if own.states[slot] & PASIDWork.bound != 0 { closeProcess(structure, &own, slot) }
    if own.states[slot] & PASIDWork.owns != 0 { own.wrong &+= 1 }
    own.states[slot] = 0
    own.closed[slot] = 0
}
