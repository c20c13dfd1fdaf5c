/// What a broken twin does wrong; everything else it does right.
public enum RingFault: CaseIterable, Sendable, BitwiseCopyable {
    // A sequence of calls by one thread shows these.
    /// From the last slot of the first lap on, says `.enqueued` and forgets the request.
    case drops
    /// Leaves the last request of a batch of two or more in the ring.
    case duplicates
    /// Delivers a batch of two or more with the last two exchanged.
    case reorders
    /// Lets one request in where N - 1 (or, under `.toggle`, N) wait.
    case fitsOneMore
    /// Takes N - 1 (or N) for full one request too early.
    case fitsOneLess
    /// Writes one request past the limit of a batch.
    case exceedsLimit
    /// Keeps a mark in the header.
    case marksHeader
    /// Clears a pending overflow when something is dequeued.
    case clearsOverflowOnDequeue
    /// Clears a pending overflow when an enqueue finds room again.
    case clearsOverflowOnRoom
    /// Acknowledges a sticky overflow while requests wait.
    case acknowledgesBeforeEmpty
    /// Says that it acknowledged and leaves the flag.
    case acknowledgesNothing
    /// Sets the flag under `.wait` too.
    case overflowsUnderWait
    /// Refuses a request and delivers it all the same.
    case keepsRefused

    // Only threads that meet show these.
    /// Moves the tail before it writes the slot: it is published torn.
    case publishesBeforeWrite
    /// Moves the head before it reads the slots.
    case freesBeforeRead
    /// Two consumers can claim the same run.
    case claimsTwice
    /// Two producers can claim the same slot.
    case fillsTwice
    /// Forgets a run that is given back out of its turn.
    case losesHandBack
    /// Takes back the announcement of new requests after it looked for them, not before.
    case losesWakeUp

    /// Those that one thread's calls show.
    public static let sequential = allCases.prefix { $0 != .publishesBeforeWrite }
    /// Those that only threads show.
    public static let concurrent = allCases.drop { $0 != .publishesBeforeWrite }
}
