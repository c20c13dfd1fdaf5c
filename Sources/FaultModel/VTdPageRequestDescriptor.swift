/// A page request as Intel VT-d hardware writes it into the page request queue: 32 bytes.
///
///     word 0   7:0 type (1)      8 PASID present   9 private data present   15:10 reserved
///              31:16 requester   51:32 PASID       52 execute               53 privileged
///              63:54 reserved
///     word 1   0 read            1 write           2 last in group          11:3 PRG index
///              63:12 page number
///     words 2, 3   private data
///
/// Bit 9 and the private words belong to the older form of the specification. Newer hardware
/// reserves them, so a descriptor with bit 9 clear must have both words zero, and one with bit 9
/// set must not: a `PageRequest` cannot tell absent private data from data that is zero.
///
/// Source: VT-d specification, page request descriptor; `struct page_req_dsc` in
/// drivers/iommu/intel/prq.c.
public struct VTdPageRequestDescriptor: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of one descriptor in the queue.
    public static let byteCount = 32
    /// The type code of a page request.
    public static let pageRequestType: UInt8 = 1

    /// Type, requester, PASID, execute and privileged.
    public var word0: UInt64
    /// Read, write, last, PRG index and page number.
    public var word1: UInt64
    /// First private word.
    public var word2: UInt64
    /// Second private word.
    public var word3: UInt64

    /// Raw words in host order; any value. A log line holds only the first two.
    public init(word0: UInt64, word1: UInt64, word2: UInt64 = 0, word3: UInt64 = 0) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// The descriptor of a request. Private data that is not zero takes the older form.
    ///
    /// - Throws: `inexpressible` where a response needs a PASID that the request does not have.
    public init(_ request: PageRequest) throws(DescriptorError) {
        guard request.hasPASID || !request.responseNeedsPASID else {
            throw .inexpressible(.vtdPageRequest, .pasidNeedWithoutPASID)
        }
        let permissions = request.permissions
        let hasPrivateData = request.privateData0 | request.privateData1 != 0
        word0 =
            UInt64(Self.pageRequestType)
            | .bit(8, if: request.hasPASID)
            | .bit(9, if: hasPrivateData)
            | UInt64(request.requester.rawValue) << 16
            | UInt64(request.pasidBits.rawValue) << 32
            | .bit(52, if: permissions.contains(.execute))
            | .bit(53, if: permissions.contains(.privileged))
        word1 =
            .bit(0, if: permissions.contains(.read))
            | .bit(1, if: permissions.contains(.write))
            | .bit(2, if: request.isLast)
            | UInt64(request.index.rawValue) << 3
            | request.address
        word2 = request.privateData0
        word3 = request.privateData1
    }

    /// The request that this descriptor describes, whether or not a driver would take it.
    ///
    /// - Parameter responseNeedsPASID: Whether the function wants the PASID in responses. No
    ///   descriptor says so; Intel's driver always assumes it. It applies to requests with a PASID.
    public func decoded(
        responseNeedsPASID: Bool = true
    ) throws(DescriptorError) -> PageRequest {
        let format = DescriptorFormat.vtdPageRequest
        let type = UInt8(word0.field(0...7))
        guard type == Self.pageRequestType else {
            throw .unexpectedType(format, found: type, expected: Self.pageRequestType)
        }
        try requireClear(.mask(10...15) | .mask(54...63), in: word0, word: 0, of: format)
        let pasid = try PASID.decoded(
            field: word0.field(32...51), isValid: word0.bit(8), in: format)
        let hasPrivateData = word2 | word3 != 0
        guard word0.bit(9) == hasPrivateData else {
            throw hasPrivateData ? .privateDataWithoutFlag(format) : .emptyPrivateData(format)
        }

        var permissions = Permissions()
        if word1.bit(0) { permissions.insert(.read) }
        if word1.bit(1) { permissions.insert(.write) }
        if word0.bit(52) { permissions.insert(.execute) }
        if word0.bit(53) { permissions.insert(.privileged) }
        return PageRequest(
            requester: RequesterID(UInt16(word0.field(16...31))), pasid: pasid,
            index: PRGIndex(unchecked: UInt16(word1.field(3...11))), address: word1,
            permissions: permissions, isLast: word1.bit(2),
            responseNeedsPASID: responseNeedsPASID && pasid != nil,
            privateData0: word2, privateData1: word3)
    }
}
