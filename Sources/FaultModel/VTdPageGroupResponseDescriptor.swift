/// The answer to a group as software puts it on Intel VT-d's invalidation queue: 32 bytes.
///
///     word 0   3:0 type (9)      4 PASID present   11:5 reserved   15:12 response code
///              31:16 requester   51:32 PASID       63:52 reserved
///     word 1   1:0 reserved      2 last in group   11:3 PRG index  63:12 reserved
///     words 2, 3   reserved
///
/// Bit 5 of word 0 and the last two words once returned the request's private data; a
/// `PageResponse` has none, so they are refused as reserved.
///
/// Source: VT-d specification, page group response descriptor; `QI_PGRP_*` in
/// drivers/iommu/intel/iommu.h.
public struct VTdPageGroupResponseDescriptor: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of one descriptor in the queue.
    public static let byteCount = 32
    /// The type code of a page group response.
    public static let pageGroupResponseType: UInt8 = 9

    /// Type, response code, requester and PASID.
    public var word0: UInt64
    /// Last and PRG index.
    public var word1: UInt64
    /// Zero.
    public var word2: UInt64
    /// Zero.
    public var word3: UInt64

    /// Raw words in host order; any value.
    public init(word0: UInt64, word1: UInt64, word2: UInt64 = 0, word3: UInt64 = 0) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// The descriptor of an answer.
    ///
    /// - Parameter isLast: Whether the answered request was the last of its group. True for every
    ///   regular answer; drivers copy the request's bit.
    public init(_ response: PageResponse, isLast: Bool = true) {
        word0 =
            UInt64(Self.pageGroupResponseType)
            | .bit(4, if: response.pasid != nil)
            | UInt64(response.code.pcieCode) << 12
            | UInt64(response.requester.rawValue) << 16
            | UInt64(response.pasid?.rawValue ?? 0) << 32
        word1 = .bit(2, if: isLast) | UInt64(response.index.rawValue) << 3
        word2 = 0
        word3 = 0
    }

    /// Whether the answered request was the last of its group. Not part of a `PageResponse`.
    public var isLast: Bool { word1.bit(2) }

    /// The answer that this descriptor carries.
    ///
    /// - Throws: `reservedResponseCode` for 2 too, which is the kernel's generic failure and has no
    ///   meaning on the wire.
    public func decoded() throws(DescriptorError) -> PageResponse {
        let format = DescriptorFormat.vtdPageGroupResponse
        let type = UInt8(word0.field(0...3))
        guard type == Self.pageGroupResponseType else {
            throw .unexpectedType(format, found: type, expected: Self.pageGroupResponseType)
        }
        try requireClear(.mask(5...11) | .mask(52...63), in: word0, word: 0, of: format)
        try requireClear(.mask(0...1) | .mask(12...63), in: word1, word: 1, of: format)
        try requireClear(.max, in: word2, word: 2, of: format)
        try requireClear(.max, in: word3, word: 3, of: format)
        let wireCode = UInt8(word0.field(12...15))
        guard let code = ResponseCode(pcieCode: wireCode) else {
            throw .reservedResponseCode(format, code: wireCode)
        }
        let pasid = try PASID.decoded(
            field: word0.field(32...51), isValid: word0.bit(4), in: format)
        return PageResponse(
            requester: RequesterID(UInt16(word0.field(16...31))), pasid: pasid,
            index: PRGIndex(unchecked: UInt16(word1.field(3...11))), code: code)
    }
}
