/// Process address space identifier of a page request: 20 bits, 0…0xFFFFF.
///
/// Source: PCI Express base specification, section 6.20; VT-d PRQ descriptor bits 51:32.
public struct PASID: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// Width on the wire.
    public static let bitWidth = 20
    /// Largest value, 0xFFFFF.
    public static let max = PASID(unchecked: 0xFFFFF)

    /// 0…0xFFFFF.
    public let rawValue: UInt32

    /// Nil where the value needs more than 20 bits.
    public init?(_ value: some BinaryInteger) {
        guard value >= 0, value <= 0xFFFFF else { return nil }
        rawValue = UInt32(value)
    }

    /// Generic code of another module is not specialised: what is measured makes PASIDs this way.
    ///
    /// - Precondition: the value has at most 20 bits; nothing checks it.
    @inlinable
    package init(unchecked value: UInt32) { rawValue = value }

    public static func < (left: PASID, right: PASID) -> Bool { left.rawValue < right.rawValue }

    public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// Page request group index: 9 bits, 0…511. The kernel calls it `grpid`.
///
/// Source: PCI Express base specification, section 10.4; VT-d PRQ descriptor bits 75:67.
public struct PRGIndex: Hashable, Comparable, Sendable, BitwiseCopyable, CustomStringConvertible {
    /// Width on the wire.
    public static let bitWidth = 9
    /// Largest value, 511.
    public static let max = PRGIndex(unchecked: 511)

    /// 0…511.
    public let rawValue: UInt16

    /// Nil where the value needs more than 9 bits.
    public init?(_ value: some BinaryInteger) {
        guard value >= 0, value <= 511 else { return nil }
        rawValue = UInt16(value)
    }

    /// - Precondition: the value has at most 9 bits; nothing checks it.
    @inlinable
    init(unchecked value: UInt16) { rawValue = value }

    public static func < (left: PRGIndex, right: PRGIndex) -> Bool {
        left.rawValue < right.rawValue
    }

    public var description: String { String(rawValue) }
}

/// Requester of a page request: PCI bus (8 bits), device (5) and function (3).
public struct RequesterID: Hashable, Comparable, Sendable, BitwiseCopyable,
    CustomStringConvertible
{
    /// Bus 15:8, device 7:3, function 2:0.
    public let rawValue: UInt16

    /// Every 16-bit value is a requester.
    @inlinable
    public init(_ value: UInt16) { rawValue = value }

    /// Nil where the device exceeds 31 or the function 7.
    public init?(bus: UInt8, device: UInt8, function: UInt8) {
        guard device < 32, function < 8 else { return nil }
        rawValue = UInt16(bus) << 8 | UInt16(device) << 3 | UInt16(function)
    }

    /// 0…255.
    public var bus: UInt8 { UInt8(rawValue >> 8) }
    /// 0…31.
    public var device: UInt8 { UInt8(rawValue >> 3 & 31) }
    /// 0…7.
    public var function: UInt8 { UInt8(rawValue & 7) }

    public static func < (left: RequesterID, right: RequesterID) -> Bool {
        left.rawValue < right.rawValue
    }

    /// As `lspci` writes it: `6a:01.0`.
    public var description: String {
        func hex(_ value: UInt8) -> String {
            (value < 16 ? "0" : "") + String(value, radix: 16)
        }
        return "\(hex(bus)):\(hex(device)).\(function)"
    }
}

/// What the access wanted. The bits are `IOMMU_FAULT_PERM_*`.
public struct Permissions: OptionSet, Hashable, Sendable, BitwiseCopyable {
    /// Four bits: read 1, write 2, execute 4, privileged 8.
    public let rawValue: UInt8

    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `IOMMU_FAULT_PERM_READ`.
    public static let read = Permissions(rawValue: 1)
    /// `IOMMU_FAULT_PERM_WRITE`.
    public static let write = Permissions(rawValue: 2)
    /// `IOMMU_FAULT_PERM_EXEC`.
    public static let execute = Permissions(rawValue: 4)
    /// `IOMMU_FAULT_PERM_PRIV`.
    public static let privileged = Permissions(rawValue: 8)
}
