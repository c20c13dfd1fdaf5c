/// One page request as software handles it: 32 bytes, four words, trivially copyable, so that a
/// ring's slot holds it and a call passes it in registers.
///
/// Layout of the first word (the descriptors of real hardware differ and are encoded separately):
///
///     15:0  requester      35:16 PASID         44:36 PRG index     48:45 permissions
///     49    has PASID      50    is last       51    response needs PASID
///     63:52 zero
///
/// The second word is the page-aligned byte address. The last two are private data: devices may
/// use them, and a benchmark carries its sequence number and its intended arrival there.
///
/// Models `struct iommu_fault_page_request` (include/linux/iommu.h).
public struct PageRequest: Hashable, Sendable, BitwiseCopyable {
    /// Everything but the address and the private words, as laid out above; bits 63:52 are zero. A
    /// ring may keep its own marks there while the request lies in a slot.
    public let header: UInt64
    /// Byte address of the page; the low 12 bits are zero.
    public let address: UInt64
    /// First private word. No part of this package below the harness interprets it.
    public var privateData0: UInt64
    /// Second private word.
    public var privateData1: UInt64

    /// Size of a page, in bytes, and so the alignment of `address`.
    public static let pageSize: UInt64 = 4096

    /// A request; the address is cut to its page.
    ///
    /// - Parameters:
    ///   - pasid: Nil where the request carries none, with
    ///     `IOMMU_FAULT_PAGE_REQUEST_PASID_VALID` clear.
    ///   - responseNeedsPASID: `IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID`.
    public init(
        requester: RequesterID, pasid: PASID?, index: PRGIndex, address: UInt64,
        permissions: Permissions, isLast: Bool, responseNeedsPASID: Bool = false,
        privateData0: UInt64 = 0, privateData1: UInt64 = 0
    ) {
        precondition(
            permissions.rawValue <= 15, "permissions are four bits")
        header =
            UInt64(requester.rawValue)
            | UInt64(pasid?.rawValue ?? 0) << 16
            | UInt64(index.rawValue) << 36
            | UInt64(permissions.rawValue) << 45
            | (pasid == nil ? 0 : 1 << 49)
            | (isLast ? 1 << 50 : 0)
            | (responseNeedsPASID ? 1 << 51 : 0)
        self.address = address & ~(Self.pageSize - 1)
        self.privateData0 = privateData0
        self.privateData1 = privateData1
    }

    /// A request from its four words, as a slot kept them.
    @inlinable
    public init(header: UInt64, address: UInt64, privateData0: UInt64, privateData1: UInt64) {
        self.header = header & Self.headerMask
        self.address = address
        self.privateData0 = privateData0
        self.privateData1 = privateData1
    }

    /// The header's bits that have a meaning.
    public static let headerMask: UInt64 = 1 << 52 - 1

    /// The header's bits that the pages of one group have in common: requester, PASID, index, and
    /// whether the PASID is valid.
    @inlinable public static var groupMask: UInt64 { (1 << 45 - 1) | 1 << 49 }
    /// The index field.
    @inlinable public static var indexMask: UInt64 { 0x1FF << indexShift }
    /// Where the index field begins.
    @inlinable public static var indexShift: UInt64 { 36 }
    /// The mark of the last page.
    @inlinable public static var lastBit: UInt64 { 1 << 50 }

    /// Who asks.
    @inlinable
    public var requester: RequesterID { RequesterID(UInt16(truncatingIfNeeded: header)) }

    /// Nil where the request carries none.
    @inlinable
    public var pasid: PASID? { hasPASID ? pasidBits : nil }

    /// The PASID field whether or not it is valid; zero where it is not.
    @inlinable
    public var pasidBits: PASID {
        PASID(unchecked: UInt32(truncatingIfNeeded: header >> 16) & 0xFFFFF)
    }

    /// Whether `pasid` is valid.
    @inlinable
    public var hasPASID: Bool { header & 1 << 49 != 0 }

    /// Which of the requester's groups this page belongs to.
    @inlinable
    public var index: PRGIndex {
        PRGIndex(unchecked: UInt16(truncatingIfNeeded: header >> 36) & 0x1FF)
    }

    /// What the access wanted.
    @inlinable
    public var permissions: Permissions {
        Permissions(rawValue: UInt8(truncatingIfNeeded: header >> 45) & 0xF)
    }

    /// Last request of its group, the one that is answered (`LAST_PAGE`).
    @inlinable
    public var isLast: Bool { header & 1 << 50 != 0 }

    /// The function requires the PASID in responses.
    @inlinable
    public var responseNeedsPASID: Bool { header & 1 << 51 != 0 }

    /// A Stop Marker: last, with neither read nor write. Software drops it without an answer.
    @inlinable
    public var isStopMarker: Bool { isLast && permissions.intersection([.read, .write]).isEmpty }
}
