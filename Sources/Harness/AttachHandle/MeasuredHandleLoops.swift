import FaultModel
import FaultQueues
import Measurement

// The measured loops of the attach-handle subject; see MeasuredLoops.swift for what they may hold.

/// What a user of handles carries through a trial, and what it finds wrong. One thread.
public struct HandleUse {
    @usableFromInline let questions: UnsafeMutablePointer<HandleQuestion>
    @usableFromInline let round: Int
    @usableFromInline let usePasses: Int
    /// Threads to wait for; 0 where this thread's own operations are the figure.
    @usableFromInline let waitsFor: Int
    @usableFromInline var slot = 0
    @usableFromInline var found = 0
    @usableFromInline var empty = 0
    @usableFromInline var otherType = 0
    /// Handles that lacked something, or were somebody else's.
    @usableFromInline var incomplete = 0
    /// Handles that became another while they were in use.
    @usableFromInline var changed = 0
    /// Answers that cannot be true of a place that stays.
    @usableFromInline var wrong = 0

    init(
        questions: UnsafeMutablePointer<HandleQuestion>, round: Int, usePasses: Int, waitsFor: Int
    ) {
        self.questions = questions
        self.round = round
        self.usePasses = usePasses
        self.waitsFor = waitsFor
    }

    @inlinable @inline(__always)
    mutating func next() -> HandleQuestion {
        let question = questions[slot]
        slot &+= 1
        if slot == round { slot = 0 }
        return question
    }

    /// Uses a handle; true where it stayed what it was.
    @inlinable @inline(__always)
    mutating func use(_ handle: UnsafeMutablePointer<AttachHandle>, _ question: HandleQuestion) {
        let record = handle.pointee.record
        if !record.isComplete(at: question.place, question.type) { incomplete &+= 1 }
        work(passes: usePasses)
        let now = handle.pointee.record
        if now.life != record.life || now.domain != record.domain { changed &+= 1 }
        found &+= 1
        if question.answer != .found && question.answer != .anything { wrong &+= 1 }
    }
}

/// Looks up, uses and puts until the burst ends.
@inlinable @inline(never)
public func measuredLookups<User: HandleUser>(
    _ endpoint: inout User, _ burst: inout ActorBurst, _ own: inout HandleUse
) {
    while own.waitsFor == 0 ? burst.goesOn() : !burst.haveFinished(own.waitsFor) {
        let question = own.next()
        switch endpoint.get(question.place, question.type) {
        case .found(let handle):
            own.use(handle, question)
            endpoint.put(handle)
        case .none:
            own.empty &+= 1
            if question.answer == .found || question.answer == .otherType { own.wrong &+= 1 }
        case .otherType:
            own.otherType &+= 1
            if question.answer == .found || question.answer == .none { own.wrong &+= 1 }
        }
        burst.operations &+= 1
    }
    burst.finish()
}

/// What a churner carries through a trial. One thread.
public struct HandleChurn {
    @usableFromInline let places: UnsafeMutablePointer<HandlePlace>
    @usableFromInline let count: Int
    @usableFromInline let restPasses: Int
    /// Threads to wait for; 0 where this thread's own operations are the figure.
    @usableFromInline let waitsFor: Int
    @usableFromInline var step = 0
    @usableFromInline var domain: UInt64
    /// Detaches that found nothing, attaches that found something: the places are this thread's.
    @usableFromInline var wrong = 0
    /// Attaches for which there was no memory.
    @usableFromInline var refused = 0

    init(
        places: UnsafeMutablePointer<HandlePlace>, count: Int, restPasses: Int, waitsFor: Int,
        domain: UInt64
    ) {
        self.places = places
        self.count = count
        self.restPasses = restPasses
        self.waitsFor = waitsFor
        self.domain = domain
    }

    /// The type of the next attach of a place: the other than before.
    @inlinable @inline(__always)
    var type: HandleType { step / count & 1 == 0 ? .userManaged : .sva }
}

/// Detaches and attaches its places in turn, each time with the other type, until the burst ends.
@inlinable @inline(never)
public func measuredChurn<Structure: AttachHandling>(
    _ structure: Structure, _ burst: inout ActorBurst, _ own: inout HandleChurn
) {
    while own.waitsFor == 0 ? burst.goesOn(every: 1) : !burst.haveFinished(own.waitsFor) {
        let place = own.places[own.step % own.count]
        let start = Ticks.now()
        let detached = structure.detach(place)
        if let samples = burst.samples { samples.record(from: start, to: Ticks.now()) }
        if detached != .detached { own.wrong &+= 1 }
        own.domain &+= 1
        var attached = structure.attach(place, own.type, domain: own.domain)
        while attached == .noRoom {
            own.refused &+= 1
            burst.wait.failed()
            attached = structure.attach(place, own.type, domain: own.domain)
        }
        if attached != .attached { own.wrong &+= 1 }
        own.step &+= 1
        burst.operations &+= 1
        var rest = own.restPasses
        while rest > 0 && !burst.isStopped {
            work(passes: min(rest, 256))
            rest &-= 256
        }
    }
    burst.finish()
}
