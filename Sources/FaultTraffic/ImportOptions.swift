/// How text becomes a trace. Every choice is deterministic: equal text and options give equal
/// traces.
public struct ImportOptions: Sendable, Equatable {
    /// What stands for an address space, or for a device, in a recording of page faults.
    public enum Owner: String, Sendable, CaseIterable {
        case thread
        case threadGroup = "thread-group"
    }

    /// Page faults: each distinct owner gets the next PASID, from 1, in order of appearance.
    /// Where the text has no process id, every thread is its own group.
    public var pasidOwner: Owner = .threadGroup
    /// Page faults: each distinct owner gets the next requester, from 00:00.1, likewise.
    public var requesterOwner: Owner = .thread
    /// Page faults: at most this many consecutive faults of one requester form a group;
    /// 1 or more. With 1 every fault is a group.
    public var groupSize = 1
    /// Page faults: a fault later than this after its group's first starts a new group.
    public var groupWindowNs: UInt64 = 10_000
    /// Count bad lines and go on, instead of refusing the file at the first.
    public var skipsBadLines = false
    /// Lines may be out of order by at most this; they are sorted. Recordings merged from several
    /// CPUs with clocks that differ a little need it.
    public var reorderToleranceNs: UInt64 = 1_000_000
    /// Spacing given to events whose text carries no time at all (lines quoted in a mail).
    public var untimedSpacingNs: UInt64 = 1000
    /// Most bytes read, after decompression.
    public var byteLimit = 4 << 30
    /// The trace's name; nil: the file's name without its extensions.
    public var name: String?
    /// Where the trace comes from; nil: what the text was and how it was mapped.
    public var source: String?
    /// Directories to look for decompressors in; nil: those of `PATH`.
    var toolDirectories: [String]?

    public init() {}

    /// The longest line that is read; a longer one is bad.
    static let lineLimit = 64 << 10
}

extension ImportOptions {
    /// Refuses what no file can be read with.
    public func validate() throws(TrafficConfigurationError) {
        guard groupSize > 0 else {
            throw TrafficConfigurationError(
                option: "group size", "expected 1 or more, not \(groupSize)")
        }
        guard byteLimit > 0 else {
            throw TrafficConfigurationError(
                option: "byte limit", "expected 1 or more, not \(byteLimit)")
        }
    }
}
