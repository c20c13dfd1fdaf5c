import FaultModel
import FaultQueues

/// A group that was handled and not answered yet.
@usableFromInline
struct HeldGroup: BitwiseCopyable {
    @usableFromInline let group: UnsafeMutablePointer<FaultGroup>
    @usableFromInline var code: ResponseCode
    @usableFromInline let takenTicks: UInt64
    /// When it may be answered.
    @usableFromInline var dueTicks: UInt64
    /// In the order in which its holder got it.
    @usableFromInline var number: UInt64 = 0

    @inlinable
    init(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode, takenTicks: UInt64,
        dueTicks: UInt64 = 0
    ) {
        self.group = group
        self.code = code
        self.takenTicks = takenTicks
        self.dueTicks = dueTicks
    }
}

/// A first-in-first-out row of held groups with room for a fixed number. One thread.
@usableFromInline
struct HeldRow: BitwiseCopyable {
    @usableFromInline let places: UnsafeMutablePointer<HeldGroup?>
    @usableFromInline let mask: Int
    @usableFromInline var head = 0
    @usableFromInline var tail = 0

    /// - Parameter capacity: A power of two.
    init(capacity: Int) {
        mask = capacity - 1
        places = allocateShared(count: capacity) { _ in nil }
    }

    func deallocate() { freeShared(places, count: mask + 1) }

    @inlinable @inline(__always)
    var isEmpty: Bool { head == tail }

    @inlinable @inline(__always)
    var first: HeldGroup? { isEmpty ? nil : places[head & mask] }

    @inlinable @inline(__always)
    mutating func append(_ held: HeldGroup) {
        places[tail & mask] = held
        tail &+= 1
    }

    /// The first, where it is due.
    @inlinable @inline(__always)
    mutating func takeDue(_ now: UInt64) -> HeldGroup? {
        guard let held = first, held.dueTicks <= now else { return nil }
        head &+= 1
        return held
    }

    /// Any, where the order does not matter: the last takes its place.
    @inlinable @inline(__always)
    mutating func take(_ number: Int) -> HeldGroup? {
        let place = (head &+ number) & mask
        let held = places[place]
        tail &-= 1
        places[place] = places[tail & mask]
        return held
    }
}

/// The groups that one thread holds before it answers them. One thread.
@usableFromInline
struct HeldGroups: BitwiseCopyable {
    /// Not to be answered yet, in order of their time.
    @usableFromInline var waiting: HeldRow
    /// To be answered in any order; only where that is random.
    @usableFromInline var ready: HeldRow
    /// Those that nobody answers before their timeout.
    @usableFromInline var silent: HeldRow
    @usableFromInline let window: Int
    @usableFromInline let isRandom: Bool
    @usableFromInline var count = 0
    @usableFromInline var next: UInt64 = 0
    @usableFromInline var random: UInt64

    init(window: Int, isRandom: Bool, seed: UInt64) {
        self.window = window
        self.isRandom = isRandom
        random = seed
        let capacity = Self.capacity(window)
        waiting = HeldRow(capacity: capacity)
        ready = HeldRow(capacity: capacity)
        silent = HeldRow(capacity: capacity)
    }

    func deallocate() {
        waiting.deallocate()
        ready.deallocate()
        silent.deallocate()
    }

    static func capacity(_ window: Int) -> Int {
        1 << (Int.bitWidth - (window - 1).leadingZeroBitCount)
    }

    @inlinable @inline(__always)
    var isFull: Bool { count == window }

    @inlinable @inline(__always)
    mutating func hold(_ held: HeldGroup, isSilent: Bool) {
        var held = held
        held.number = next
        next &+= 1
        count &+= 1
        if isSilent { silent.append(held) } else { waiting.append(held) }
    }

    /// Whether a silent one's time is up.
    @inlinable @inline(__always)
    func hasTimedOut(_ now: UInt64) -> Bool {
        guard let first = silent.first else { return false }
        return first.dueTicks <= now
    }

    /// One that may be answered now.
    @inlinable @inline(__always)
    mutating func take(_ now: UInt64) -> HeldGroup? {
        let held = silent.takeDue(now) ?? takeAnswered(now)
        if held != nil { count &-= 1 }
        return held
    }

    @inlinable @inline(__always)
    mutating func takeAnswered(_ now: UInt64) -> HeldGroup? {
        if !isRandom { return waiting.takeDue(now) }
        while let held = waiting.takeDue(now) { ready.append(held) }
        if ready.isEmpty { return nil }
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let choices = UInt64(truncatingIfNeeded: ready.tail &- ready.head)
        return ready.take(Int(truncatingIfNeeded: (random >> 33) &* choices >> 31))
    }
}
