/// A page request as an Arm SMMUv3 writes it into its PRI queue: 16 bytes.
///
///     word 0   31:0 stream    51:32 substream (PASID)   57:52 reserved   58 privileged
///              59 execute     60 read                   61 write         62 last in group
///              63 substream valid
///     word 1   8:0 PRG index  11:9 reserved             63:12 page number
///
/// A stream is taken for a PCI requester, which is the usual mapping for one host bridge; a wider
/// one is refused.
///
/// Source: SMMUv3 specification, PRI queue entry; `PRIQ_0_*` and `PRIQ_1_*` in
/// drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h.
public struct SMMUv3PageRequestEntry: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of one entry in the queue.
    public static let byteCount = 16

    /// Stream, substream, permissions, last.
    public var word0: UInt64
    /// PRG index and page number.
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
        try request.requireExpressible(withoutPrivateDataIn: .smmuv3PageRequest)
        let permissions = request.permissions
        word0 =
            UInt64(request.requester.rawValue)
            | UInt64(request.pasidBits.rawValue) << 32
            | .bit(58, if: permissions.contains(.privileged))
            | .bit(59, if: permissions.contains(.execute))
            | .bit(60, if: permissions.contains(.read))
            | .bit(61, if: permissions.contains(.write))
            | .bit(62, if: request.isLast)
            | .bit(63, if: request.hasPASID)
        word1 = UInt64(request.index.rawValue) | request.address
    }

    /// The request that this entry describes.
    ///
    /// - Parameter responseNeedsPASID: Whether the function wants the PASID in responses, which is
    ///   its configuration and not in the entry. It applies to requests with a PASID.
    public func decoded(
        responseNeedsPASID: Bool = true
    ) throws(DescriptorError) -> PageRequest {
        let format = DescriptorFormat.smmuv3PageRequest
        try requireClear(.mask(52...57), in: word0, word: 0, of: format)
        try requireClear(.mask(9...11), in: word1, word: 1, of: format)
        let stream = UInt32(word0.field(0...31))
        guard let requester = UInt16(exactly: stream) else {
            throw .requesterTooWide(format, stream: stream)
        }
        let pasid = try PASID.decoded(
            field: word0.field(32...51), isValid: word0.bit(63), in: format)

        var permissions = Permissions()
        if word0.bit(58) { permissions.insert(.privileged) }
        if word0.bit(59) { permissions.insert(.execute) }
        if word0.bit(60) { permissions.insert(.read) }
        if word0.bit(61) { permissions.insert(.write) }
        return PageRequest(
            requester: RequesterID(requester), pasid: pasid,
            index: PRGIndex(unchecked: UInt16(word1.field(0...8))), address: word1,
            permissions: permissions, isLast: word0.bit(62),
            responseNeedsPASID: responseNeedsPASID && pasid != nil)
    }
}

extension PageRequest {
    /// Throws where a format without private words cannot carry this request.
    func requireExpressible(
        withoutPrivateDataIn format: DescriptorFormat
    ) throws(DescriptorError) {
        guard privateData0 | privateData1 == 0 else {
            throw .inexpressible(format, .privateData)
        }
        guard hasPASID || !responseNeedsPASID else {
            throw .inexpressible(format, .pasidNeedWithoutPASID)
        }
    }
}
