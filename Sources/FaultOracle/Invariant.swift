/// One of the rules that the fault path has to keep, with where it is checked.
public struct Invariant: Sendable {
    public enum Status: Sendable, Equatable {
        /// In the checks that are named.
        case checked(String)
        /// Nowhere, for the reason given.
        case notModelled(String)

        /// As the table has it.
        public var text: String {
            switch self {
            case .checked(let place): place
            case .notModelled(let reason): "not modelled: \(reason)"
            }
        }
    }

    /// 1…46.
    public let number: Int
    public let statement: String
    public let status: Status

    /// The row of the table in docs/Correctness.md.
    public var row: String { "| \(number) | \(statement) | \(status.text) |" }

    public init(_ number: Int, _ statement: String, _ status: Status) {
        self.number = number
        self.statement = statement
        self.status = status
    }

    /// All of them, in order.
    public static let all: [Invariant] = [
        Invariant(
            1, "A completed group gets exactly one response",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            2, "A request that is not the last of its group gets none",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            3, "A Stop Marker is neither reported nor answered",
            .notModelled(
                "rings carry requests, not descriptors; the driver's verdict that drops it is "
                    + "tested with the descriptors")),
        Invariant(
            4, "A group is handled in order of arrival, its last request last",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            5, "A group holds requests of one device, PASID and index",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            6,
            "After the first failed page of a group no later one is handled, and its code is "
                + "the answer",
            .notModelled(
                "handlers belong to the workload, not to a scheme; the code that a handler "
                    + "gives must come out, which 14 checks")),
        Invariant(
            7, "Success is answered only where every page succeeded",
            .checked(
                "`fqbench run`, workloads with failing pages; not in `verify`")),
        Invariant(
            8, "Groups may finish in any order; only the order inside a group counts",
            .checked(
                "no check asks for an order of groups, and workers finish theirs in any")),
        Invariant(
            9, "When a flush returns, no handler runs for what was queued before it",
            .checked(
                "threads, one-cpu, silent")),
        Invariant(
            10, "9 holds only where the ring was drained before",
            .checked(
                "the caller's duty, kept by a gate per PASID in every driver")),
        Invariant(
            11, "After a flush no partial request of the PASID is left",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            12, "A flush of one PASID drops nothing of another",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            13, "After a flush a late response sends nothing and says nothing",
            .checked(
                "threads, one-cpu, silent, lists; what it says, as 40")),
        Invariant(
            14, "A late response never completes a newer group of the same index",
            .checked(
                "threads, one-cpu, silent, lists")),
        Invariant(
            15, "A response carries the PASID where the function wants it and the request had one",
            .notModelled(
                "responses are counted by request, not encoded; the encoding is tested with the "
                    + "descriptors")),
        Invariant(
            16, "PRI is enabled only where PASID is off or responses carry it",
            .notModelled(
                "no scheme enables a device's PRI")),
        Invariant(
            17, "A response is matched by index and PASID where it carries one",
            .notModelled(
                "groups are matched as objects; schemes that search compare both")),
        Invariant(
            18, "An overflow drops what is partial and leaves what is pending",
            .checked(
                "threads, one-cpu, lists, memory")),
        Invariant(
            19, "Overflow is cleared only with head at tail",
            .checked(
                "rings: lists, threads, one-cpu")),
        Invariant(
            20, "While overflow is set, requests are dropped",
            .checked(
                "rings: lists, threads, one-cpu")),
        Invariant(
            21, "What hardware answers by itself at an overflow is Success",
            .notModelled(
                "hardware's own answers are not part of a ring here")),
        Invariant(
            22,
            "A group with a page missing after an overflow, or given up for want of memory, is "
                + "never handled as one",
            .checked(
                "memory, and threads with discards")),
        Invariant(
            23,
            "Where there is nobody to handle it, a request is refused to its caller and "
                + "answered to nobody",
            .checked(
                "threads, one-cpu, lists, memory")),
        Invariant(
            24, "A group for which there is no memory is answered FAILURE",
            .checked(
                "memory")),
        Invariant(
            25, "A page for which there is no memory is not answered",
            .checked(
                "memory")),
        Invariant(
            26, "User space never sends FAILURE",
            .notModelled(
                "there is no consumer in user space")),
        Invariant(
            27, "Adding a device twice is refused",
            .checked(
                "lists, memory")),
        Invariant(
            28, "Removing a device that is served does not fail",
            .checked(
                "threads, one-cpu, lists, memory")),
        Invariant(
            29, "A removal answers what is pending; reports after it find no device",
            .checked(
                "threads, one-cpu, lists, memory")),
        Invariant(
            30, "A fault parameter lives as long as anybody who refers to it, and a grace period",
            .checked(
                "threads, one-cpu, silent, memory and the lists by chance, by checked locks and "
                    + "poisoned memory")),
        Invariant(
            31, "A parameter is published after it is complete",
            .checked(
                "threads under ThreadSanitizer; a lock that is not there yet is a crash. Attach "
                    + "handles: threads, one-cpu")),
        Invariant(
            32, "No lock is held while a handler runs",
            .checked(
                "silent and lists: a handler that answers, flushes and removals go on beside "
                    + "it; a self-deadlock is reported")),
        Invariant(
            33, "A flush waits for no lock that its workers need",
            .checked(
                "all that run threads: a standstill is reported with who holds and who waits")),
        Invariant(
            34, "The last user of an address space does not run its release inside a worker",
            .checked(
                "release: threads, one-cpu: a worker that waits for itself stands still, which is "
                    + "reported; pairs")),
        Invariant(
            35, "A bind that fails frees no PASID",
            .checked(
                "pasid: lists, threads, one-cpu")),
        Invariant(
            36, "A bind that fails leaves the device without the PASID",
            .checked(
                "pasid: lists, threads, one-cpu")),
        Invariant(
            37, "A PASID is used again only after its last reference, or its owner's end",
            .checked(
                "pasid: lists, threads, one-cpu; pairs")),
        Invariant(
            38,
            "When a stop request has completed, its requests are in the ring; the flush comes "
                + "before the PASID is free",
            .checked(
                "release: threads, one-cpu; pairs, with stop, drain and flush in this order")),
        Invariant(
            39, "The release of an address space does not block",
            .checked(
                "release: threads, one-cpu, whose last puts are made with a lock held that "
                    + "handlers take, where the scheme promises that they may be")),
        Invariant(
            40, "A fault that a user can cause prints nothing",
            .checked(
                "reporting: a scheme says that it warns with `Complaints.note`, and then fails. No "
                    + "sound scheme has a warning; the twins of H4 and H13 do")),
        Invariant(
            41, "A second bind of the same address space returns the same handle",
            .checked(
                "attach-handle: lists, threads, one-cpu; of PASIDs: as 37")),
        Invariant(
            42, "A handle of another type is busy, none is not found",
            .checked(
                "attach-handle: lists, threads, one-cpu")),
        Invariant(
            43, "The type is compared under the lock of the lookup",
            .checked(
                "attach-handle: threads, one-cpu: a handle that is found is of the wanted type and "
                    + "stays what it is")),
        Invariant(
            44, "An answer is accepted once",
            .checked(
                "threads, one-cpu, silent, lists: one answer comes for a group, whoever of owner, "
                    + "flush and removal was first. No owner answers twice: the group is gone")),
        Invariant(
            45, "A group is delivered once and whole",
            .checked(
                "threads, one-cpu, silent, lists, memory")),
        Invariant(
            46, "A detach answers what is pending for it, and nothing else",
            .checked(
                "threads, one-cpu, lists, memory; as 29, by device")),
    ]
}
