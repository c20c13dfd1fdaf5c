/// What became of one reported page request.
public enum ReportOutcome: UInt8, Sendable, BitwiseCopyable {
    /// Not the last of its group: kept.
    case held
    /// The last: its group is on its way to a worker.
    case queued
    /// The device is not added; nothing was kept and nothing answered.
    case noDevice
    /// No memory. A request that is not last is dropped without an answer; the last one's group is
    /// answered `.failure`, and its pages are freed.
    case refused
}

/// What became of an answer.
public enum RespondOutcome: UInt8, Sendable, BitwiseCopyable {
    /// The response went to the device.
    case answered
    /// The group had been answered already, by a flush or a removal; nothing was sent.
    case notPending
}

/// What became of a request to serve a device.
public enum AddDeviceOutcome: UInt8, Sendable, BitwiseCopyable {
    case added
    /// It is served already (`-EBUSY`).
    case busy
    /// More devices than the structure was made for.
    case noRoom
}

/// What became of a request to stop serving a device.
public enum RemoveDeviceOutcome: UInt8, Sendable, BitwiseCopyable {
    case removed
    /// It is not served.
    case unknown
}
