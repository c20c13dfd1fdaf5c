/// What is wrong with a broken twin of a reporting scheme. Each is a mistake that a real patch
/// made, or could make, in the sound scheme's own source: a branch on a constant of its type.
public enum ReportingFault: Sendable {
    case none
    /// Discard takes the queue's lock alone, report the device's: nothing keeps the two apart.
    case threeLocks
    /// The answer reads the pointer to the fault parameter with no lock, section or reference.
    case unlockedPointer
    /// Detach warns of pending faults before anything was drained, whoever's they are.
    case earlyAssert
    /// The handler answers from inside report, under the lock that the answer needs.
    case handlerUnderLock
    /// Removal leaves the device served while somebody has a reference.
    case removalKeepsPointer
    /// Removal frees the partial requests and leaves them in their list.
    case freesLinked
    /// The walk of the partial list ends at the first request of another PASID.
    case flushBreak
    /// A flush whose second answer fails leaves the rest unanswered.
    case failedAnswerBreaks
    /// A flush of the requests without a PASID matches none.
    case noPASIDUnflushed
    /// An answer looks for the first pending group of its key, not for its own.
    case lateAnswerByKey
    /// An answer that comes after a flush raises a warning.
    case lateAnswerWarns
    /// A flush holds across its drain the lock that every answer takes.
    case flushDeadlock
    /// Groups are put together by their index alone.
    case grpidOnly
    /// A last request that gets no group is answered, and its partial ones stay.
    case stalePartial
    /// A request that is refused is answered, also where it is not the last.
    case answersEachPage
    /// A group that was answered by a removal is freed by nobody.
    case removalLeaks
    /// Removal frees groups that their owners still have.
    case removalFrees
    /// Removal leaves pending groups unanswered.
    case removalForgets
    /// A flush waits until every owner has answered.
    case waitsForSilent
    /// A flush settles what is left of its PASID and waits for no handler.
    case flushWithoutDrain
    /// A discard after an overflow keeps what is partial.
    case discardKeeps
    /// A group has its pages in the order in which the list had them.
    case pagesReversed
}

/// A fault as a type, for node memory that carries it.
public protocol TwinFault: Sendable {
    static var fault: ReportingFault { get }
}

/// Nodes that are checked at every allocation and free.
public enum CheckedNodes: ReportingNodes {
    public typealias Pages = CheckedAllocator<PageFault>
    public typealias Groups = CheckedAllocator<FaultGroup>
}

/// The same for a broken twin.
public enum TwinNodes<Fault: TwinFault>: ReportingNodes {
    public typealias Pages = CheckedAllocator<PageFault>
    public typealias Groups = CheckedAllocator<FaultGroup>

    @inlinable public static var fault: ReportingFault { Fault.fault }
}
