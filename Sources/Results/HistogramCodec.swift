import Foundation
import Histogram

/// Why an encoded histogram was refused, or a histogram could not be encoded.
public enum HistogramCodecError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is not base64.
    case notBase64
    /// Fewer bytes than the header, or than the header announces, or more.
    case length(expected: Int, found: Int)
    /// The first four bytes are not the V2 cookie.
    case cookie(UInt32)
    /// A field of the header has a value that this codec does not accept.
    case header(field: String, value: String, expected: String)
    /// A count's bytes end in the middle.
    case truncatedCount
    /// Counts or a run of zeros go past the last bucket.
    case countsPastEnd(buckets: Int)
    /// A sum over the samples does not fit its integer.
    case countsTooLarge
    /// Histograms with different significant digits cannot be merged.
    case differentDigits(Int, Int)

    public var description: String {
        switch self {
        case .notBase64: "the histogram is not base64"
        case .length(let expected, let found):
            "the histogram has \(found) bytes, expected \(expected)"
        case .cookie(let cookie):
            "the histogram starts with 0x\(String(cookie, radix: 16)), "
                + "expected 0x1c849313 (HdrHistogram V2, uncompressed)"
        case .header(let field, let value, let expected):
            "the histogram's \(field) is \(value), expected \(expected)"
        case .truncatedCount: "the histogram ends inside a count"
        case .countsPastEnd(let buckets):
            "the histogram's counts go past its \(buckets) buckets"
        case .countsTooLarge: "the histogram's counts are too large to add up"
        case .differentDigits(let left, let right):
            "histograms with \(left) and \(right) significant digits cannot be merged"
        }
    }
}

/// HdrHistogram's V2 encoding, uncompressed, as base64 text.
///
/// Header (40 bytes, big-endian): cookie, payload length, normalising offset, significant digits
/// (32 bits each), lowest and highest trackable value (64 bits each), conversion ratio (double).
/// Then the counts in the order of their buckets up to the largest recorded value, as zigzag
/// LEB128 in the variant that ends after nine bytes; a run of two or more zeros is one negative
/// number. Every other implementation of HdrHistogram reads this.
///
/// What the format does not carry: the exact largest and smallest sample. After decoding both are
/// known to their bucket, the largest as the bucket's upper end.
public enum HistogramCodec {
    /// With the word-size nibble set, as the reference writes it; readers ignore that nibble.
    static let cookie: UInt32 = 0x1c84_9313
    static let headerLength = 40
    /// Bounds what a few hostile bytes can make this process allocate (8 MiB of counts).
    static let maximumBuckets = 1 << 20

    /// The text of `histogram`, whose lowest discernible value must be 1.
    public static func encode(_ histogram: Histogram<UInt64>) throws(HistogramCodecError)
        -> String
    {
        let digits = Int(histogram.numberOfSignificantValueDigits.rawValue)
        let buckets = try Buckets(
            digits: digits, lowest: histogram.lowestDiscernibleValue,
            highest: histogram.highestTrackableValue)
        let counts = try encodedCounts(of: histogram, buckets: buckets)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerLength + counts.count)
        append(cookie, to: &bytes)
        append(UInt32(counts.count), to: &bytes)
        append(UInt32(0), to: &bytes)
        append(UInt32(digits), to: &bytes)
        append(histogram.lowestDiscernibleValue, to: &bytes)
        append(histogram.highestTrackableValue, to: &bytes)
        append(Double(1).bitPattern, to: &bytes)
        return Data(bytes + counts).base64EncodedString()
    }

    /// The histogram in `text`: each sample at the upper end of its bucket.
    public static func decode(_ text: String) throws(HistogramCodecError) -> Histogram<UInt64> {
        guard let data = Data(base64Encoded: text) else { throw .notBase64 }
        let bytes = [UInt8](data)
        guard bytes.count >= headerLength else {
            throw .length(expected: headerLength, found: bytes.count)
        }
        let found: UInt32 = integer(bytes, at: 0)
        guard found & ~0xF0 == cookie & ~0xF0 else { throw .cookie(found) }
        let payload: UInt32 = integer(bytes, at: 4)
        guard bytes.count - headerLength == Int(payload) else {
            throw .length(expected: headerLength + Int(payload), found: bytes.count)
        }
        let offset: UInt32 = integer(bytes, at: 8)
        guard offset == 0 else {
            throw .header(field: "normalising offset", value: "\(offset)", expected: "0")
        }
        let ratio = Double(bitPattern: integer(bytes, at: 32))
        guard ratio == 1 else {
            throw .header(field: "conversion ratio", value: "\(ratio)", expected: "1.0")
        }
        let digits: UInt32 = integer(bytes, at: 12)
        let highest: UInt64 = integer(bytes, at: 24)
        let buckets = try Buckets(
            digits: Int(digits), lowest: integer(bytes, at: 16), highest: highest)
        var histogram = Histogram<UInt64>(
            highestTrackableValue: highest,
            numberOfSignificantValueDigits: SignificantDigits(rawValue: Int8(digits))!)
        try fill(&histogram, from: bytes[headerLength...], buckets: buckets)
        return histogram
    }

    /// The sum of several histograms, over the widest of their ranges; nil for none.
    public static func merge(_ histograms: [Histogram<UInt64>]) throws(HistogramCodecError)
        -> Histogram<UInt64>?
    {
        let widest = histograms.max { $0.highestTrackableValue < $1.highestTrackableValue }
        guard let widest else { return nil }
        var merged = Histogram<UInt64>(
            highestTrackableValue: widest.highestTrackableValue,
            numberOfSignificantValueDigits: widest.numberOfSignificantValueDigits)
        for histogram in histograms {
            let digits = histogram.numberOfSignificantValueDigits
            guard digits == merged.numberOfSignificantValueDigits else {
                throw .differentDigits(
                    Int(merged.numberOfSignificantValueDigits.rawValue), Int(digits.rawValue))
            }
            // The library adds with wrapping; a wrapped total would make percentiles nonsense.
            let (_, overflowed) = merged.totalCount.addingReportingOverflow(histogram.totalCount)
            guard !overflowed else { throw .countsTooLarge }
            merged.add(histogram)
        }
        return merged
    }

    private static func encodedCounts(
        of histogram: Histogram<UInt64>, buckets: Buckets
    ) throws(HistogramCodecError) -> [UInt8] {
        guard histogram.totalCount > 0 else { return [] }
        var bytes: [UInt8] = []
        var zeros: Int64 = 0
        var index = 0
        while buckets.range(of: index).lowerBound <= histogram.maxRecorded {
            let count = histogram.countForValue(buckets.range(of: index).lowerBound)
            index += 1
            if count == 0 {
                zeros += 1
                continue
            }
            guard let count = Int64(exactly: count) else { throw .countsTooLarge }
            if zeros > 0 { appendCount(zeros > 1 ? -zeros : 0, to: &bytes) }
            zeros = 0
            appendCount(count, to: &bytes)
        }
        return bytes
    }

    private static func fill(
        _ histogram: inout Histogram<UInt64>, from bytes: ArraySlice<UInt8>, buckets: Buckets
    ) throws(HistogramCodecError) {
        var position = bytes.startIndex
        var index = 0
        var total: UInt64 = 0
        var sum: UInt64 = 0
        while position < bytes.endIndex {
            let number = try takeCount(bytes, &position)
            guard number > 0 else {
                let run = number == 0 ? 1 : number.magnitude
                guard run <= UInt64(buckets.count - index) else {
                    throw .countsPastEnd(buckets: buckets.count)
                }
                index += Int(run)
                continue
            }
            guard index < buckets.count else { throw .countsPastEnd(buckets: buckets.count) }
            let count = UInt64(number)
            let value = buckets.range(of: index).upperBound
            // The library traps where these overflow, for instance in its iterators.
            let (product, overflowed) = value.multipliedReportingOverflow(by: count)
            let (newSum, sumOverflowed) = sum.addingReportingOverflow(product)
            let (newTotal, totalOverflowed) = total.addingReportingOverflow(count)
            guard !overflowed, !sumOverflowed, !totalOverflowed else { throw .countsTooLarge }
            (sum, total) = (newSum, newTotal)
            guard histogram.record(value, count: count) else {
                throw .countsPastEnd(buckets: buckets.count)
            }
            index += 1
        }
    }

    private static func appendCount(_ value: Int64, to bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
        for _ in 0..<8 {
            guard rest >= 0x80 else { break }
            bytes.append(UInt8(rest & 0x7F | 0x80))
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func takeCount(
        _ bytes: ArraySlice<UInt8>, _ position: inout Int
    ) throws(HistogramCodecError) -> Int64 {
        var value: UInt64 = 0
        for group in 0..<9 {
            guard position < bytes.endIndex else { throw .truncatedCount }
            let byte = bytes[position]
            position += 1
            // The ninth byte is all value: 8 · 7 + 8 bits.
            value |= UInt64(group == 8 ? byte : byte & 0x7F) << UInt64(7 * group)
            if byte & 0x80 == 0 { break }
        }
        return Int64(bitPattern: value >> 1) ^ -Int64(value & 1)
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func integer<Value: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int)
        -> Value
    {
        bytes[offset..<offset + Value.bitWidth / 8].reduce(0) { $0 << 8 | Value($1) }
    }
}

/// Which values share a count, by index: HdrHistogram's layout for a lowest value of 1.
struct Buckets {
    /// How many counts cover 0…highest.
    let count: Int
    private let halfMagnitude: Int

    /// - Parameters:
    ///   - digits: 0…5.
    ///   - highest: 2…`Int64.max`; what the reference's signed 64 bits hold.
    init(digits: Int, lowest: UInt64, highest: UInt64) throws(HistogramCodecError) {
        guard (0...5).contains(digits) else {
            throw .header(field: "number of digits", value: "\(digits)", expected: "0…5")
        }
        guard lowest == 1 else {
            throw .header(field: "lowest value", value: "\(lowest)", expected: "1")
        }
        guard highest >= 2, highest <= UInt64(Int64.max) else {
            throw .header(
                field: "highest value", value: "\(highest)", expected: "2…\(Int64.max)")
        }
        // Single-unit resolution up to 2 · 10^digits, rounded up to a power of two.
        let resolved = 2 * (0..<digits).reduce(1) { power, _ in power * 10 }
        let magnitude = Int.bitWidth - (resolved - 1).leadingZeroBitCount
        halfMagnitude = magnitude - 1
        let highestBit = 63 - highest.leadingZeroBitCount
        count = (max(0, highestBit - halfMagnitude) + 2) << halfMagnitude
        guard count <= HistogramCodec.maximumBuckets else {
            throw .header(
                field: "range", value: "\(count) buckets",
                expected: "at most \(HistogramCodec.maximumBuckets)")
        }
    }

    /// The values that the bucket counts.
    func range(of index: Int) -> ClosedRange<UInt64> {
        let half = 1 << halfMagnitude
        let block = index >> halfMagnitude
        guard block > 0 else { return UInt64(index)...UInt64(index) }
        let low = UInt64(half + (index & (half - 1))) << UInt64(block - 1)
        return low...low + ((1 << UInt64(block - 1)) - 1)
    }
}
