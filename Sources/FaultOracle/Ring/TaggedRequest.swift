import FaultModel

/// Requests whose four words all follow from a tag, so that a slot put together from two of them
/// shows.
public enum TaggedRequest {
    /// The request that stands for a tag.
    public static func make(_ tag: SequenceTag) -> PageRequest {
        PageRequest(
            header: tag.rawValue &* 0xD1B5_4A32_D192_ED03, address: tag.address,
            privateData0: tag.rawValue, privateData1: ~tag.rawValue)
    }

    /// Whether all four words belong to the tag that the request carries.
    public static func isWhole(_ request: PageRequest) -> Bool {
        let tag = request.privateData0
        return request.privateData1 == ~tag
            && request.header == (tag &* 0xD1B5_4A32_D192_ED03) & PageRequest.headerMask
            && request.address == SequenceTag(rawValue: tag).address
    }
}
