/// The hardware layouts that this module reads and writes.
public enum DescriptorFormat: String, Hashable, Sendable, CaseIterable {
    /// `VTdPageRequestDescriptor`.
    case vtdPageRequest = "VT-d page request"
    /// `VTdPageGroupResponseDescriptor`.
    case vtdPageGroupResponse = "VT-d page group response"
    /// `SMMUv3PageRequestEntry`.
    case smmuv3PageRequest = "SMMUv3 page request"
    /// `AMDPageRequestEntry`.
    case amdPageRequest = "AMD page request"
}

/// Why a descriptor could not be read, or a value not be written as one.
///
/// Decoding is strict: two different descriptors never decode to the same value. A bit without a
/// meaning must therefore be clear, and a field must be zero where its valid flag is.
public enum DescriptorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The type field holds something other than this kind of descriptor.
    case unexpectedType(DescriptorFormat, found: UInt8, expected: UInt8)
    /// Reserved bits are set: `mask` has exactly those of `word` (counted from 0).
    case reservedBits(DescriptorFormat, word: Int, mask: UInt64)
    /// The PASID field is not zero although the descriptor says that it carries none.
    case pasidWithoutFlag(DescriptorFormat, pasid: PASID)
    /// The private words are not zero although the descriptor says that it carries none.
    case privateDataWithoutFlag(DescriptorFormat)
    /// The descriptor says that it carries private data, and both words are zero: a request has no
    /// way to say that.
    case emptyPrivateData(DescriptorFormat)
    /// The stream that asks has no 16-bit PCI requester.
    case requesterTooWide(DescriptorFormat, stream: UInt32)
    /// The response code has no meaning on the wire.
    case reservedResponseCode(DescriptorFormat, code: UInt8)
    /// The format has no place for this.
    case inexpressible(DescriptorFormat, Content)

    /// What a request can say and some format cannot.
    public enum Content: String, Hashable, Sendable {
        /// The entry has no private words.
        case privateData = "private data"
        /// The need is the function's, and it only exists together with a PASID.
        case pasidNeedWithoutPASID = "a response that needs a PASID for a request without one"
    }

    /// One line.
    public var description: String {
        switch self {
        case .unexpectedType(let format, let found, let expected):
            "\(format.rawValue): type is \(found), expected \(expected)"
        case .reservedBits(let format, let word, let mask):
            "\(format.rawValue): reserved bits of word \(word) must be clear, "
                + "found set: \(Self.list(mask))"
        case .pasidWithoutFlag(let format, let pasid):
            "\(format.rawValue): PASID is \(pasid), expected 0 while its valid flag is clear"
        case .privateDataWithoutFlag(let format):
            "\(format.rawValue): words 2 and 3 must be zero while the private-data flag is clear"
        case .emptyPrivateData(let format):
            "\(format.rawValue): words 2 and 3 are zero, expected private data as the flag says"
        case .requesterTooWide(let format, let stream):
            "\(format.rawValue): stream is 0x\(String(stream, radix: 16)), "
                + "expected at most 0xffff"
        case .reservedResponseCode(let format, let code):
            "\(format.rawValue): response code is \(code), expected 0, 1 or 15"
        case .inexpressible(let format, let content):
            "\(format.rawValue): the format cannot carry \(content.rawValue)"
        }
    }

    /// The bits of a mask, runs as `high:low`, highest first: `63:54, 10`.
    private static func list(_ mask: UInt64) -> String {
        var parts: [String] = []
        var bit = 63
        while bit >= 0 {
            guard mask >> bit & 1 == 1 else {
                bit -= 1
                continue
            }
            let high = bit
            while bit > 0, mask >> (bit - 1) & 1 == 1 { bit -= 1 }
            parts.append(high == bit ? "\(high)" : "\(high):\(bit)")
            bit -= 1
        }
        return parts.joined(separator: ", ")
    }
}

extension UInt64 {
    /// A field of a descriptor's word: bits `range.upperBound` down to `range.lowerBound`.
    func field(_ range: ClosedRange<Int>) -> UInt64 {
        self >> UInt64(range.lowerBound) & UInt64.ones(range.count)
    }

    /// A mask of one field, in place.
    static func mask(_ range: ClosedRange<Int>) -> UInt64 {
        ones(range.count) << UInt64(range.lowerBound)
    }

    private static func ones(_ count: Int) -> UInt64 { .max >> UInt64(64 - count) }

    /// A flag of a descriptor's word.
    func bit(_ index: Int) -> Bool { self >> UInt64(index) & 1 == 1 }

    /// A word with this one bit, or none.
    static func bit(_ index: Int, if condition: Bool) -> UInt64 {
        condition ? 1 << UInt64(index) : 0
    }
}

/// Throws unless every bit of `mask` is clear in `value`, word number `word` of a descriptor.
func requireClear(
    _ mask: UInt64, in value: UInt64, word: Int, of format: DescriptorFormat
) throws(DescriptorError) {
    guard value & mask == 0 else {
        throw .reservedBits(format, word: word, mask: value & mask)
    }
}

extension PASID {
    /// The PASID of a 20-bit field: nil where `isValid` is false, when the field must be zero.
    static func decoded(
        field: UInt64, isValid: Bool, in format: DescriptorFormat
    ) throws(DescriptorError) -> PASID? {
        let pasid = PASID(unchecked: UInt32(field))
        guard isValid || field == 0 else {
            throw .pasidWithoutFlag(format, pasid: pasid)
        }
        return isValid ? pasid : nil
    }
}
