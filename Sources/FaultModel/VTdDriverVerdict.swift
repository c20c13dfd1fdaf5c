/// What the Linux driver for Intel VT-d does with a page request before it looks up the device.
///
/// Source: `prq_event_thread` in drivers/iommu/intel/prq.c.
public enum VTdDriverVerdict: Hashable, Sendable {
    /// The request goes on to the device's fault parameter.
    case reported
    /// A Stop Marker: dropped without an answer.
    case dropped
    /// Refused, and answered with `ResponseCode.invalid` if it is the last of its group. Never
    /// empty, in the order of the driver's checks; the driver stops at the first.
    case refused([Reason])

    /// Why the driver refuses a request.
    public enum Reason: Hashable, Sendable, CaseIterable, CustomStringConvertible {
        /// The address bits above the highest translated one do not repeat it.
        case addressNotCanonical
        /// Read or write in privileged mode, which user address spaces do not have.
        case privilegedAccess
        /// Execute together with read.
        case executeWithRead

        /// One sentence without its full stop.
        public var description: String {
            switch self {
            case .addressNotCanonical: "the address is not canonical"
            case .privilegedAccess: "a privileged request asks for read or write"
            case .executeWithRead: "the request asks for execute and read"
            }
        }
    }
}

extension PageRequest {
    /// The verdict of Intel's driver.
    ///
    /// - Parameter virtualAddressBits: 48 with four levels of page table, 57 with five.
    /// - Precondition: `virtualAddressBits` is in 13…64.
    public func vtdDriverVerdict(virtualAddressBits: Int = 48) -> VTdDriverVerdict {
        precondition(
            (13...64).contains(virtualAddressBits), "an address has 13 to 64 translated bits")
        var reasons: [VTdDriverVerdict.Reason] = []
        let unused = Int64(64 - virtualAddressBits)
        let signed = Int64(bitPattern: address)
        if (signed << unused) >> unused != signed { reasons.append(.addressNotCanonical) }
        if permissions.contains(.privileged), !permissions.isDisjoint(with: [.read, .write]) {
            reasons.append(.privilegedAccess)
        }
        if permissions.isSuperset(of: [.execute, .read]) { reasons.append(.executeWithRead) }
        guard reasons.isEmpty else { return .refused(reasons) }
        return isStopMarker ? .dropped : .reported
    }
}
