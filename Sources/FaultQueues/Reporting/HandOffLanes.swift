// Several hand-off queues side by side: each reporter fills one, each worker begins with one.
//
// A reporter that has no lane of its own with others shares one; workers look into every lane that
// has a reporter, and leave a lane after a number of groups though it has more, so that no lane
// waits for another to be empty. With one reporter there is one lane, and everything is as with one
// queue; with a reporter and a worker on each CPU, neither touches a line that the other CPU
// writes. Groups of different reporters may be taken in another order than they were completed.
//
// L1. A number is in one lane, once.
// L2. A lane beyond `lanesInUse` is empty; `lanesInUse` never shrinks.

/// The lanes, as a trivially copyable handle. Push and pop as in `HandOffQueue`.
@usableFromInline
struct HandOffLanes: BitwiseCopyable, @unchecked Sendable {
    @inlinable static var laneLimit: Int { 4 }
    /// Numbers that a worker takes from one lane in a row while others have some too.
    @inlinable static var longestTurn: Int { 64 }

    @usableFromInline
    struct Makers: ~Copyable {
        @usableFromInline let reporters = PaddedAtomic<Int>(0)
        @usableFromInline let workers = PaddedAtomic<Int>(0)

        @usableFromInline
        init() {}
    }

    /// Where a worker takes its next number.
    @usableFromInline
    struct Cursor: BitwiseCopyable {
        @usableFromInline var lane: Int
        @usableFromInline var left = HandOffLanes.longestTurn

        @inlinable
        init(lane: Int) { self.lane = lane }

        @inlinable
        mutating func move(of lanes: Int) {
            lane = lane &+ 1 < lanes ? lane &+ 1 : 0
            left = HandOffLanes.longestTurn
        }
    }

    @usableFromInline let queues: UnsafeMutablePointer<HandOffQueue>
    @usableFromInline let makers: UnsafeMutablePointer<Makers>

    /// - Parameter capacity: Numbers that may be in all lanes together.
    @usableFromInline
    init(capacity: Int) {
        queues = allocateShared(count: Self.laneLimit) { _ in HandOffQueue(capacity: capacity) }
        makers = allocateShared(initial: Makers())
    }

    @usableFromInline
    func deallocate() {
        for lane in 0..<Self.laneLimit { queues[lane].deallocate() }
        freeShared(queues, count: Self.laneLimit)
        freeShared(makers, count: 1)
    }

    /// The lane of a new reporter.
    @inlinable
    func makeReporterLane() -> Int {
        // ORDER lanes.in-use, release side. Pairs with the load in lanesInUse.
        // Keeps: nothing but the count; what a worker finds in a lane the queue's own order brings.
        makers.pointee.reporters.value.wrappingAdd(1, ordering: .releasing).oldValue
            % Self.laneLimit
    }

    /// Where a new worker begins: spread over the lanes, in the order in which reporters came.
    @inlinable
    func makeWorkerCursor() -> Cursor {
        // Relaxed: only spreads.
        Cursor(
            lane: makers.pointee.workers.value.wrappingAdd(1, ordering: .relaxed).oldValue
                % Self.laneLimit)
    }

    @inlinable @inline(__always)
    var lanesInUse: Int {
        // ORDER lanes.in-use, acquire side. Pairs with the addition in makeReporterLane().
        // Keeps: whoever knows that a reporter has queued something looks into its lane.
        min(makers.pointee.reporters.value.load(ordering: .acquiring), Self.laneLimit)
    }

    @inlinable @inline(__always)
    func push(_ number: UInt32, lane: Int) { queues[lane].push(number) }

    /// The next number of the worker's lane, or of one after it; nil where none has any.
    @inlinable @inline(__always)
    func pop(_ cursor: inout Cursor) -> UInt32? {
        let lanes = lanesInUse
        if cursor.lane >= lanes || cursor.left == 0 { cursor.move(of: lanes) }
        if let number = queues[cursor.lane].pop() {
            cursor.left &-= 1
            return number
        }
        return lanes > 1 ? popElsewhere(&cursor, lanes) : nil
    }

    @inlinable @inline(never)
    func popElsewhere(_ cursor: inout Cursor, _ lanes: Int) -> UInt32? {
        let home = cursor
        for _ in 1..<lanes {
            cursor.move(of: lanes)
            if let number = queues[cursor.lane].pop() {
                cursor.left &-= 1
                return number
            }
        }
        cursor = home
        return nil
    }
}
