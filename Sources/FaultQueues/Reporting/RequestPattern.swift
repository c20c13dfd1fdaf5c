import FaultModel

/// Which requests of one device are meant: those whose header, under a mask, has a value.
@usableFromInline
struct RequestPattern: BitwiseCopyable, Sendable {
    @usableFromInline let mask: UInt64
    @usableFromInline let value: UInt64

    @inlinable
    init(mask: UInt64, value: UInt64) {
        self.mask = mask
        self.value = value
    }

    /// The PASID field and whether it is valid.
    @inlinable static var pasidMask: UInt64 { 0xFFFFF << 16 | 1 << 49 }
    /// The index field.
    @inlinable static var indexMask: UInt64 { 0x1FF << 36 }

    @inlinable
    static var all: RequestPattern { RequestPattern(mask: 0, value: 0) }

    /// Requests that carry this PASID, or none.
    @inlinable
    static func pasid(_ pasid: PASID?) -> RequestPattern {
        RequestPattern(mask: pasidMask, value: PageChain.bits(of: pasid))
    }

    /// Requests of the same group: one PASID, or none, and one index.
    @inlinable
    static func group(of request: PageRequest) -> RequestPattern {
        let mask = pasidMask | indexMask
        return RequestPattern(mask: mask, value: request.header & mask)
    }

    @inlinable
    func matches(_ request: PageRequest) -> Bool { request.header & mask == value }
}
