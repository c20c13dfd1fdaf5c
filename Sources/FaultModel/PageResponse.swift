/// How a group was answered. The raw values are the kernel's `IOMMU_PAGE_RESP_*`; what goes on the
/// wire differs by IOMMU.
public enum ResponseCode: UInt8, Hashable, Sendable, CaseIterable, BitwiseCopyable {
    /// Every page was handled; the device may retry.
    case success = 0
    /// This access is denied; the device must not retry it.
    case invalid = 1
    /// The device's page-request interface cannot be used any more.
    case failure = 2
}

/// The one answer that a group gets, built from its last request.
public struct PageResponse: Hashable, Sendable, BitwiseCopyable {
    /// Whom it goes to.
    public let requester: RequesterID
    /// Present exactly where the function requires it and the request had one.
    public let pasid: PASID?
    /// The group answered.
    public let index: PRGIndex
    /// The verdict.
    public let code: ResponseCode

    /// The answer to the group that ends with `last`.
    public init(to last: PageRequest, code: ResponseCode) {
        requester = last.requester
        pasid = last.responseNeedsPASID ? last.pasid : nil
        index = last.index
        self.code = code
    }

    /// An answer from its fields, as a decoder builds it.
    public init(requester: RequesterID, pasid: PASID?, index: PRGIndex, code: ResponseCode) {
        self.requester = requester
        self.pasid = pasid
        self.index = index
        self.code = code
    }
}
