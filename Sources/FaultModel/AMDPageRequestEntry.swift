/// A page request as an AMD IOMMU writes it into its peripheral page request log: 16 bytes.
///
///     word 0   15:0 requester    31:16 PASID 15:0   40:32 PRG index   41 last in group
///              45:42 PASID 19:16 47:46 reserved     49 execute        50 read
///              53 write          54 user            55 reserved bit was set in the request
///              56 PASID valid    63:60 type (1)
///              48, 52:51 and 59:57 without a meaning here
///     word 1   11:0 reserved     63:12 page number
///
/// The user flag is the opposite of `Permissions.privileged`. An entry with bit 55 stands for a
/// malformed request and is refused together with the bits that have no meaning.
///
/// Source: AMD I/O virtualization specification, PPR log entry; `PPR_*` in
/// drivers/iommu/amd/amd_iommu_types.h and drivers/iommu/amd/ppr.c.
public struct AMDPageRequestEntry: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of one entry in the log.
    public static let byteCount = 16
    /// The type code of a page request.
    public static let pageRequestType: UInt8 = 1

    /// Everything but the address.
    public var word0: UInt64
    /// Page number.
    public var word1: UInt64

    /// Raw words in host order; any value.
    public init(word0: UInt64, word1: UInt64) {
        self.word0 = word0
        self.word1 = word1
    }

    /// The entry of a request.
    ///
    /// - Throws: `inexpressible` where the request has private data, or where a response needs a
    ///   PASID that the request does not have.
    public init(_ request: PageRequest) throws(DescriptorError) {
        try request.requireExpressible(withoutPrivateDataIn: .amdPageRequest)
        let permissions = request.permissions
        let pasid = UInt64(request.pasidBits.rawValue)
        word0 =
            UInt64(request.requester.rawValue)
            | pasid.field(0...15) << 16
            | UInt64(request.index.rawValue) << 32
            | .bit(41, if: request.isLast)
            | pasid.field(16...19) << 42
            | .bit(49, if: permissions.contains(.execute))
            | .bit(50, if: permissions.contains(.read))
            | .bit(53, if: permissions.contains(.write))
            | .bit(54, if: !permissions.contains(.privileged))
            | .bit(56, if: request.hasPASID)
            | UInt64(Self.pageRequestType) << 60
        word1 = request.address
    }

    /// The request that this entry describes. Linux handles only those with a PASID above zero.
    ///
    /// - Parameter responseNeedsPASID: Whether the function wants the PASID in responses. No entry
    ///   says so; AMD's driver always assumes it. It applies to requests with a PASID.
    public func decoded(
        responseNeedsPASID: Bool = true
    ) throws(DescriptorError) -> PageRequest {
        let format = DescriptorFormat.amdPageRequest
        let type = UInt8(word0.field(60...63))
        guard type == Self.pageRequestType else {
            throw .unexpectedType(format, found: type, expected: Self.pageRequestType)
        }
        let meaningless =
            UInt64.mask(46...48) | .mask(51...52) | .mask(55...55) | .mask(57...59)
        try requireClear(meaningless, in: word0, word: 0, of: format)
        try requireClear(.mask(0...11), in: word1, word: 1, of: format)
        let pasid = try PASID.decoded(
            field: word0.field(42...45) << 16 | word0.field(16...31), isValid: word0.bit(56),
            in: format)

        var permissions = Permissions()
        if word0.bit(49) { permissions.insert(.execute) }
        if word0.bit(50) { permissions.insert(.read) }
        if word0.bit(53) { permissions.insert(.write) }
        if !word0.bit(54) { permissions.insert(.privileged) }
        return PageRequest(
            requester: RequesterID(UInt16(word0.field(0...15))), pasid: pasid,
            index: PRGIndex(unchecked: UInt16(word0.field(32...40))), address: word1,
            permissions: permissions, isLast: word0.bit(41),
            responseNeedsPASID: responseNeedsPASID && pasid != nil)
    }
}
