import FaultQueues
import Harness

// The faults as types: each switches one on in the source of a sound scheme.

enum ThreeLocks: TwinFault { static var fault: ReportingFault { .threeLocks } }
enum UnlockedPointer: TwinFault { static var fault: ReportingFault { .unlockedPointer } }
enum EarlyAssert: TwinFault { static var fault: ReportingFault { .earlyAssert } }
enum HandlerUnderLock: TwinFault { static var fault: ReportingFault { .handlerUnderLock } }
enum RemovalNoBarrier: TwinFault { static var fault: ReportingFault { .removalKeepsPointer } }
enum FreesLinked: TwinFault { static var fault: ReportingFault { .freesLinked } }
enum FlushBreak: TwinFault { static var fault: ReportingFault { .flushBreak } }
enum AnswerBreak: TwinFault { static var fault: ReportingFault { .failedAnswerBreaks } }
enum NoPASIDKept: TwinFault { static var fault: ReportingFault { .noPASIDUnflushed } }
enum LateAnswerByKey: TwinFault { static var fault: ReportingFault { .lateAnswerByKey } }
enum LateAnswerWarns: TwinFault { static var fault: ReportingFault { .lateAnswerWarns } }
enum FlushDeadlock: TwinFault { static var fault: ReportingFault { .flushDeadlock } }
enum GrpidOnly: TwinFault { static var fault: ReportingFault { .grpidOnly } }
enum StalePartial: TwinFault { static var fault: ReportingFault { .stalePartial } }
enum AnswersEachPage: TwinFault { static var fault: ReportingFault { .answersEachPage } }
enum RemovalLeaks: TwinFault { static var fault: ReportingFault { .removalLeaks } }
enum RemovalFrees: TwinFault { static var fault: ReportingFault { .removalFrees } }
enum DiscardKeeps: TwinFault { static var fault: ReportingFault { .discardKeeps } }
enum RemovalForgets: TwinFault { static var fault: ReportingFault { .removalForgets } }
enum WaitsForSilent: TwinFault { static var fault: ReportingFault { .waitsForSilent } }
enum FlushEarly: TwinFault { static var fault: ReportingFault { .flushWithoutDrain } }
enum PagesReversed: TwinFault { static var fault: ReportingFault { .pagesReversed } }

enum SharedCompletion: BoundaryTwinFault {
    static var fault: BoundaryFault { .sharedCompletion }
    static var name: String { "shared-completion" }
}
enum ReadRepeats: BoundaryTwinFault {
    static var fault: BoundaryFault { .readRepeats }
    static var name: String { "read-repeats" }
}
enum ReadLoses: BoundaryTwinFault {
    static var fault: BoundaryFault { .readLoses }
    static var name: String { "read-loses" }
}
enum FlushTakesAll: BoundaryTwinFault {
    static var fault: BoundaryFault { .flushTakesAll }
    static var name: String { "flush-takes-all" }
}
enum AnswersTwice: BoundaryTwinFault {
    static var fault: BoundaryFault { .answersTwice }
    static var name: String { "answers-twice" }
}

extension SchemeCatalogue {
    /// Every broken twin, one line each. Only `fqbench verify` uses them.
    public static let twins: [VerifyTwin] =
        reportingTwins + boundaryTwins + ringTwins + verifiedLifetimeTwins + pairTwins

    private static let reportingTwins: [VerifyTwin] = [
        twin(
            DeviceLockReporting<CheckedLock, TwinNodes<ThreeLocks>>.self, "three-locks", "H1",
            of: "device-lock",
            "discard takes the queue lock, report the device lock, for one list; v4 "
                + "series of August 2023, review of its locking"
        ),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<UnlockedPointer>>.self, "unlocked-pointer",
            "H2", of: "rcu-refcount",
            "the response reads the pointer unlocked, then locks what removal may have "
                + "freed; iommu.c, 5.12 to 6.8"
        ),
        twin(
            DomainHandlerReporting<CheckedLock, TwinNodes<EarlyAssert>>.self, "early-assert", "H4",
            of: "domain-handler",
            "an assertion at detach fires before the driver has drained; v4 series, its review"),
        twin(
            ConsolidatedReporting<CheckedLock, TwinNodes<HandlerUnderLock>>.self,
            "handler-under-lock", "H5", of: "consolidated",
            "a handler that answers is called under the lock that the answer takes; v4 to "
                + "v6 of the series, changelog of v7"
        ),
        twin(
            ConsolidatedReporting<CheckedLock, TwinNodes<RemovalNoBarrier>>.self,
            "removal-no-barrier", "H6", of: "consolidated",
            "removal clears the pointer only where nobody has a reference; September 2023 "
                + "proposal"),
        twin(
            ConsolidatedReporting<CheckedLock, TwinNodes<FreesLinked>>.self, "frees-linked",
            "H7, H20", of: "consolidated",
            "removal frees partial requests and leaves them in their list; September 2023 "
                + "proposal, and 6.9"
        ),
        twin(
            ConsolidatedFlushReporting<CheckedLock, TwinNodes<FlushBreak>>.self, "flush-break",
            "H9", of: "consolidated-flush",
            "break for continue in the walk of the partial list; per-PASID flush "
                + "proposal, September 2023"
        ),
        twin(
            ConsolidatedFlushReporting<CheckedLock, TwinNodes<AnswerBreak>>.self, "answer-break",
            "H10", of: "consolidated-flush",
            "a failed hardware answer ends the loop over what is pending; per-PASID flush "
                + "proposal"),
        twin(
            ConsolidatedFlushReporting<CheckedLock, TwinNodes<NoPASIDKept>>.self, "no-pasid-kept",
            "H11", of: "consolidated-flush",
            "the flush wants a valid PASID, so requests without one never match; "
                + "per-PASID flush proposal"
        ),
        twin(
            DeviceLockReporting<CheckedLock, TwinNodes<LateAnswerByKey>>.self, "late-answer-by-key",
            "H12", of: "device-lock",
            "a late answer completes the next group with its index; every scheme that "
                + "searches by index, up to 6.8"
        ),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<LateAnswerWarns>>.self, "late-answer-warns",
            "H13", of: "rcu-refcount",
            "a warning where nothing is pending any more, which a flush makes normal; "
                + "review of the flush proposal"
        ),
        twin(
            ConsolidatedReporting<CheckedLock, TwinNodes<FlushDeadlock>>.self, "flush-deadlock",
            "H15", of: "consolidated",
            "flush drains with the lock that answers take; one commit of v11, January 2024"),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<GrpidOnly>>.self, "grpid-only", "H16",
            of: "rcu-refcount",
            "groups by index alone, two PASIDs mix; io-pgfault.c up to today"),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<StalePartial>>.self, "stale-partial", "H17",
            of: "rcu-refcount",
            "the early way out answers the last request and leaves the others queued; "
                + "6.11 and later"
        ),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<AnswersEachPage>>.self, "answers-each-page",
            "H18", of: "rcu-refcount",
            "an error answers a request that is not the last; 6.11 and later"),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<RemovalLeaks>>.self, "removal-leaks", "H19",
            of: "rcu-refcount",
            "removal answers pending groups and nobody frees them; CVE-2025-21770, 6.9 to 6.13"),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<RemovalFrees>>.self, "removal-frees", "H19",
            of: "rcu-refcount",
            "removal frees groups that a worker still has; 6.14"),
        twin(
            DeviceLockReporting<CheckedLock, TwinNodes<DiscardKeeps>>.self, "discard-keeps", "H23",
            of: "device-lock",
            "nothing is discarded after an overflow; every driver but VT-d"),
        twin(
            DeviceLockReporting<CheckedLock, TwinNodes<RemovalForgets>>.self, "removal-forgets",
            "H29", of: "device-lock",
            "detach answers nothing; first version of iommufd fault.c, 6.11"),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<WaitsForSilent>>.self, "waits-for-silent",
            "H31", of: "rcu-refcount",
            "nothing bounds the wait for a consumer that never answers; review of the "
                + "flush proposal"
        ),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<PagesReversed>>.self, "pages-reversed",
            "–",
            of: "rcu-refcount",
            "one reversal of the list is missing: made for the check of order"),
        twin(
            RCURefcountReporting<CheckedLock, TwinNodes<FlushEarly>>.self, "flush-early", "–",
            of: "rcu-refcount",
            "a flush waits for no handler: made for the check of flushes"),
    ]

    private static let boundaryTwins: [VerifyTwin] = [
        twin(
            BoundaryTwin<SharedCompletion>.self, "shared-completion", "H22", of: "rcu-refcount",
            "drainers share one completion that each re-initialises; the VT-d drain"),
        twin(
            BoundaryTwin<ReadRepeats>.self, "read-repeats", "H28", of: "rcu-refcount",
            "a failed copy puts the group back, and it is read again; iommufd eventq.c"),
        twin(
            BoundaryTwin<ReadLoses>.self, "read-loses", "H28", of: "rcu-refcount",
            "a failed copy comes after the group was unlinked; first version of iommufd fault.c"),
        twin(
            BoundaryTwin<FlushTakesAll>.self, "flush-takes-all", "–", of: "rcu-refcount",
            "a flush settles every PASID: made for the check of its bounds"),
        twin(
            BoundaryTwin<AnswersTwice>.self, "answers-twice", "–", of: "rcu-refcount",
            "every answer goes out twice: made for the count of answers"),
        promisingTwin,
    ]

    private static let ringTwins: [VerifyTwin] = [
        ringTwin("ring-drops", .drops, "a request that was accepted is forgotten"),
        ringTwin("ring-duplicates", .duplicates, "the last of a batch stays in the ring"),
        ringTwin("ring-reorders", .reorders, "two requests of a batch change places"),
        ringTwin("ring-fits-one-more", .fitsOneMore, "N where N-1 fit: full is taken for empty"),
        ringTwin("ring-fits-one-less", .fitsOneLess, "full one request too early"),
        ringTwin("ring-exceeds-limit", .exceedsLimit, "one request more than was asked for"),
        ringTwin("ring-marks-header", .marksHeader, "a mark of the slot is left in the request"),
        ringTwin(
            "ring-clears-on-dequeue", .clearsOverflowOnDequeue, "overflow is cleared by a dequeue"),
        ringTwin(
            "ring-clears-on-room", .clearsOverflowOnRoom,
            "overflow is cleared where there is room again"),
        ringTwin(
            "ring-clears-early", .acknowledgesBeforeEmpty,
            "overflow is cleared before head meets tail; fixed by 28a77185"),
        ringTwin(
            "ring-clears-nothing", .acknowledgesNothing,
            "an acknowledgement in software alone; the SMMUv3 event queue before 2023"),
        ringTwin("ring-overflows-waiting", .overflowsUnderWait, "overflow where the device waits"),
        ringTwin("ring-keeps-refused", .keepsRefused, "a refused request is delivered"),
        ringTwin(
            "ring-torn-slot", .publishesBeforeWrite, "the tail moves before the slot is written"),
        ringTwin("ring-frees-early", .freesBeforeRead, "the head moves before the slot is read"),
        ringTwin("ring-claims-twice", .claimsTwice, "two consumers take the same run"),
        ringTwin("ring-fills-twice", .fillsTwice, "two producers take the same slot"),
        ringTwin(
            "ring-loses-hand-back", .losesHandBack, "a run that is given back out of turn is lost"),
        ringTwin(
            "ring-loses-wake-up", .losesWakeUp,
            "the pending bit is cleared after the tail was read, not before"),
    ]

    /// Inlined, so that the twin is specialised.
    @inline(__always)
    private static func twin<Structure: FaultReporting>(
        _ type: Structure.Type, _ name: String, _ hazard: String, of base: String, _ source: String
    ) -> VerifyTwin {
        let make: @Sendable (ReportingConfiguration) -> VerifiedReporting = {
            VerifiedReporting(Structure.self, $0)
        }
        return VerifyTwin(
            VerifySubject(reporting: name, make: make, makeChecked: make), hazard: hazard,
            base: base, source: source)
    }

    /// Made for the check of progress: locks, and the promises of a structure without.
    private static let promisingTwin: VerifyTwin = {
        let make: @Sendable (ReportingConfiguration) -> VerifiedReporting = {
            var subject = VerifiedReporting(DeviceLockReporting<FutexLock, PoolNodes>.self, $0)
            subject.progress = SlotTableReporting<PoolNodes>.progress
            return subject
        }
        return VerifyTwin(
            VerifySubject(
                reporting: "locks-promise-progress", make: make, makeChecked: make,
                checks: [.stalls]),
            hazard: "–", base: "device-lock",
            source: "a lock where none was promised: made for the check of progress")
    }()

    private static func ringTwin(
        _ name: String, _ fault: RingFault, _ source: String
    ) -> VerifyTwin {
        VerifyTwin(
            VerifySubject(ring: name) { TwinRing($0, fault: fault) }, hazard: "ring",
            base: "locked",
            source: source)
    }
}
