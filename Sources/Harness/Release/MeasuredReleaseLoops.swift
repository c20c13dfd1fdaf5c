import CPlatform
import FaultQueues
import Measurement

// The measured loops of the release subject; see MeasuredLoops.swift for what they may hold.

/// What a caller of last puts carries through a trial, and what it finds wrong. One thread.
public struct ReleaseCalls {
    /// Where this caller's address space is shown to the devices: its word, 0 for none.
    @usableFromInline let board: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let backlog: Int
    @usableFromInline let accesses: Int
    @usableFromInline let unbinds: LatencySamples
    /// Bystanders: address spaces bound before a burst, as words, and how many are left.
    @usableFromInline let stock: UnsafeMutablePointer<UInt64>
    @usableFromInline let stockCount: Int
    @usableFromInline var left = 0
    @usableFromInline let arrivalTicks: UInt64
    @usableFromInline let jobPasses: Int
    @usableFromInline let releaseEvery: Int
    @usableFromInline var jobs = 0
    /// A living address space whose requests make the backlog.
    @usableFromInline var filler: SpaceKey
    @usableFromInline var releases = 0
    @usableFromInline var handedOver = 0
    @usableFromInline var late = 0
    /// Accesses that came to what they must not.
    @usableFromInline var wrong = 0
    @usableFromInline var freedTables = 0
    @usableFromInline var deadlocks = 0
    @usableFromInline var unbound = 0

    /// Address spaces that a bystander's burst can release.
    static var stockSize: Int { 64 }

    init(
        board: UnsafeMutablePointer<PaddedAtomic<UInt64>>, backlog: Int, accesses: Int,
        filler: SpaceKey, arrivalTicks: UInt64, jobPasses: Int, releaseEvery: Int
    ) {
        self.board = board
        self.backlog = backlog
        self.accesses = accesses
        self.filler = filler
        self.arrivalTicks = arrivalTicks
        self.jobPasses = jobPasses
        self.releaseEvery = releaseEvery
        unbinds = LatencySamples(capacity: 1 << 14)
        unbinds.touch()
        stock = .allocate(capacity: Self.stockSize)
        stock.initialize(repeating: 0, count: Self.stockSize)
        stockCount = Self.stockSize
    }

    /// Before the last put.
    @inlinable @inline(__always)
    mutating func note(_ outcome: AccessOutcome) {
        if outcome == .freedTable { freedTables &+= 1 }
        if outcome != .translated && outcome != .faulted && outcome != .full { wrong &+= 1 }
    }

    /// After the release, where `expected` is all that an access can come to.
    @inlinable @inline(__always)
    mutating func note(_ outcome: AccessOutcome, late expected: AccessOutcome) {
        if outcome == .freedTable { freedTables &+= 1 }
        if outcome == expected {
            late &+= 1
        } else if outcome != .full {
            wrong &+= 1
        }
    }

    @inlinable @inline(__always)
    mutating func note(_ outcome: ExitOutcome) {
        releases &+= 1
        if outcome == .handedOver { handedOver &+= 1 }
        if outcome == .deadlocked { deadlocks &+= 1 }
    }
}

/// Binds, accesses, lets die, accesses again and unbinds, until the burst ends.
@inlinable @inline(never)
public func measuredReleases<Structure: SpaceReleasing>(
    _ structure: Structure, _ device: inout Structure.Device, _ burst: inout ActorBurst,
    _ own: inout ReleaseCalls
) {
    while burst.goesOn(every: 1) {
        // Bounded, for handlers that are as fast as this thread.
        var tries = 2 &* own.backlog
        while tries > 0 && structure.backlog < own.backlog {
            own.note(device.access(own.filler, isPresent: false))
            tries &-= 1
        }
        guard let space = structure.bind() else {
            own.unbound &+= 1
            break
        }
        own.board.pointee.value.store(space.word, ordering: .releasing)
        for number in 0..<own.accesses {
            // Without a backlog no page is missing: its handler would make the last put.
            let isPresent = own.backlog == 0 || number & 3 != 3
            own.note(device.access(space, isPresent: isPresent))
        }
        let start = Ticks.now()
        let outcome = structure.exit(space)
        let end = Ticks.now()
        own.note(outcome)
        if outcome == .released {
            if let samples = burst.samples { samples.record(from: start, to: end) }
            for number in 0..<own.accesses {
                own.note(
                    device.access(space, isPresent: number & 3 != 3), late: Structure.late)
            }
        }
        let closing = Ticks.now()
        structure.unbind(space)
        own.unbinds.record(from: closing, to: Ticks.now())
        burst.operations &+= 1
    }
    burst.finish()
}

/// Does jobs at their times, and a last put before one in so many, until the burst ends.
@inlinable @inline(never)
public func measuredBystanders<Structure: SpaceReleasing>(
    _ structure: Structure, _ device: inout Structure.Device, _ burst: inout ActorBurst,
    _ own: inout ReleaseCalls
) {
    var due = Ticks.now()
    while burst.goesOn(every: 1) {
        due &+= own.arrivalTicks
        while Ticks.now() < due {
            if structure.backlog < own.backlog {
                own.note(device.access(own.filler, isPresent: false))
            } else {
                fq_pause()
            }
        }
        own.jobs &+= 1
        if own.jobs % own.releaseEvery == 0 && own.left > 0 {
            own.left &-= 1
            own.note(structure.exit(SpaceKey(word: own.stock[own.left])))
            continue
        }
        work(passes: own.jobPasses)
        if let samples = burst.samples { samples.record(from: due, to: Ticks.now()) }
        burst.operations &+= 1
    }
    burst.finish()
}

/// What a handler or a device of the background carries through a trial. One thread.
public struct ReleaseServing {
    /// Threads to wait for.
    @usableFromInline let waitsFor: Int
    /// The callers' boards, and how many.
    @usableFromInline let boards: UnsafeMutablePointer<PaddedAtomic<UInt64>>
    @usableFromInline let boardCount: Int
    @usableFromInline var succeeded = 0
    @usableFromInline var invalid = 0
    @usableFromInline var stale = 0
    @usableFromInline var freedTables = 0
    @usableFromInline var accesses = 0
    @usableFromInline var aborted = 0

    init(waitsFor: Int, boards: UnsafeMutablePointer<PaddedAtomic<UInt64>>, boardCount: Int) {
        self.waitsFor = waitsFor
        self.boards = boards
        self.boardCount = boardCount
    }
}

/// Handles page requests until the callers have finished and nothing is queued.
@inlinable @inline(never)
public func measuredLateFaults<Worker: ReleaseWorker>(
    _ endpoint: inout Worker, _ burst: inout ActorBurst, _ own: inout ReleaseServing
) {
    var areDone = false
    while true {
        guard let outcome = endpoint.handle() else {
            if areDone { break }
            burst.failedTries &+= 1
            areDone = burst.haveFinished(own.waitsFor)
            burst.wait.failed()
            continue
        }
        burst.wait.succeeded()
        burst.operations &+= 1
        switch outcome {
        case .success: own.succeeded &+= 1
        case .invalid: own.invalid &+= 1
        case .stale: own.stale &+= 1
        case .freedTable: own.freedTables &+= 1
        }
    }
}

/// Accesses whatever the callers show until they have finished.
@inlinable @inline(never)
public func measuredAccesses<Device: ReleaseDevice>(
    _ endpoint: inout Device, _ burst: inout ActorBurst, _ own: inout ReleaseServing
) {
    var turn = 0
    while !burst.haveFinished(own.waitsFor) {
        turn &+= 1
        let word = own.boards[turn % own.boardCount].value.load(ordering: .acquiring)
        if word == 0 {
            burst.wait.failed()
            continue
        }
        // One in sixteen finds its page missing.
        let outcome = endpoint.access(SpaceKey(word: word), isPresent: turn & 15 != 0)
        own.accesses &+= 1
        if outcome == .freedTable { own.freedTables &+= 1 }
        if outcome != .translated && outcome != .faulted && outcome != .full {
            own.aborted &+= 1
            burst.wait.failed()
        }
        burst.operations &+= 1
    }
}
