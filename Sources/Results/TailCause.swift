/// What a slow sample is put down to.
public enum TailCause: String, CaseIterable, Sendable {
    case preemption, stolen, pageFault, machineState, scheme
}

extension TailBlame {
    /// Samples by cause, in the order of `TailCause`.
    public var byCause: [(cause: TailCause, samples: Int)] {
        [
            (.preemption, preemption), (.stolen, stolen), (.pageFault, pageFault),
            (.machineState, machineState), (.scheme, scheme),
        ]
    }

    /// All causes together; stops at `Int.max`.
    public var total: Int { byCause.reduce(0) { Self.sum($0, $1.samples) } }

    /// Cause by cause; each stops at `Int.max`.
    public func adding(_ other: TailBlame) -> TailBlame {
        TailBlame(
            preemption: Self.sum(preemption, other.preemption),
            stolen: Self.sum(stolen, other.stolen),
            pageFault: Self.sum(pageFault, other.pageFault),
            machineState: Self.sum(machineState, other.machineState),
            scheme: Self.sum(scheme, other.scheme))
    }

    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflowed) = left.addingReportingOverflow(right)
        return overflowed ? Int.max : sum
    }
}
