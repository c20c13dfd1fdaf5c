import FaultModel

/// A request and when it is meant to arrive.
@frozen
public struct ScheduledRequest: BitwiseCopyable, Sendable {
    /// After the start of its burst, in ticks.
    public let offsetTicks: UInt64
    public let request: PageRequest

    @inlinable
    public init(offsetTicks: UInt64, request: PageRequest) {
        self.offsetTicks = offsetTicks
        self.request = request
    }
}
