import FaultModel
import Foundation
import Histogram
import Testing

@testable import Results

struct HistogramCodecTests {
    /// Made with the Python package `hdrhistogram` 0.10.8: HdrHistogram(1, 3_600_000_000, 3) with
    /// `samples`, its encoding inflated.
    static let known =
        "HISTEwAAABcAAAAAAAAAAwAAAAAAAAABAAAAANaTpAA/8AAAAAAAAAIEAgPYBMMPCqsQDhICjV7gxQjT7AEG"
    static let samples: [(value: UInt64, count: UInt64)] = [
        (0, 1), (1, 2), (2, 1), (5, 300), (1000, 5), (2047, 7), (2048, 9), (2050, 1),
        (123456, 70000), (3_599_999_999, 3),
    ]

    static func knownHistogram() -> Histogram<UInt64> {
        var histogram = Histogram<UInt64>(
            highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
        for sample in samples { histogram.record(sample.value, count: sample.count) }
        return histogram
    }

    @Test func encodesAsTheReferenceDoes() throws {
        #expect(try HistogramCodec.encode(Self.knownHistogram()) == Self.known)
    }

    @Test func decodesWhatTheReferenceWrote() throws {
        let histogram = try HistogramCodec.decode(Self.known)
        #expect(histogram == Self.knownHistogram())
        #expect(histogram.valueAtPercentile(50) == 123519)
        #expect(histogram.max == 3_600_809_983)
        #expect(histogram.totalCount == 70329)
    }

    /// The C and Python implementations write one zero as a run of one, the Java one as a count of
    /// zero; this codec writes what Java does and reads both. Made as `known`, with 4 in place of 5
    /// and 2049 in place of 2050.
    @Test func singleZeroInEitherForm() throws {
        let asRun =
            "HISTEwAAABYAAAAAAAAAAwAAAAAAAAABAAAAANaTpAA/8AAAAAAAAAIEAgHYBMUPCqsQDhSPXuDFCNPsAQY="
        let histogram = try HistogramCodec.decode(asRun)
        #expect(histogram.countForValue(3) == 0)
        #expect(histogram.countForValue(4) == 300)
        var asCount = Self.bytes(asRun)
        #expect(asCount[43] == 1)
        asCount[43] = 0
        let text = Data(asCount).base64EncodedString()
        #expect(try HistogramCodec.encode(histogram) == text)
        #expect(try HistogramCodec.decode(text) == histogram)
    }

    /// The header by hand; the reference's readers accept a payload of no counts.
    @Test func emptyHistogram() throws {
        let empty = Histogram<UInt64>(
            highestTrackableValue: 3600, numberOfSignificantValueDigits: .three)
        let text = try HistogramCodec.encode(empty)
        let expected =
            "1c84931300000000000000000000000300000000000000010000000000000e103ff0000000000000"
        #expect(Self.bytes(text).map { Self.hex($0) }.joined() == expected)
        #expect(try HistogramCodec.decode(text) == empty)
        #expect(try HistogramCodec.merge([]) == nil)
    }

    /// Bucket limits must be the library's for every layout, or counts would move.
    @Test(arguments: 0...4)
    func bucketsAreThoseOfTheLibrary(digits: Int) throws {
        for highest in [2, 3, 255, 256, 1999, 2047, 2048, 70_000, 1 << 40] as [UInt64] {
            let buckets = try Buckets(digits: digits, lowest: 1, highest: highest)
            var histogram = Histogram<UInt64>(
                highestTrackableValue: highest,
                numberOfSignificantValueDigits: SignificantDigits(rawValue: Int8(digits))!)
            let last = buckets.range(of: buckets.count - 1)
            #expect(last.contains(highest) || last.upperBound > highest)
            // The library has as many counts: its last value fits, the next does not.
            let fits = histogram.record(last.upperBound)
            let pastEnd = histogram.record(last.upperBound + 1)
            #expect(fits && !pastEnd, "highest \(highest)")
            for index in 0..<min(buckets.count, 3000) {
                let range = buckets.range(of: index)
                let found = histogram.equivalentRangeForValue(range.lowerBound)
                if found != range {
                    Issue.record("bucket \(index) of \(highest): \(found), expected \(range)")
                    break
                }
            }
        }
    }

    @Test(arguments: 1...25 as ClosedRange<UInt64>)
    func randomHistogramsComeBack(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let histogram = Self.random(&generator)
        let decoded = try HistogramCodec.decode(HistogramCodec.encode(histogram))
        #expect(decoded == histogram)
        #expect(decoded.highestTrackableValue == histogram.highestTrackableValue)
        #expect(try HistogramCodec.encode(decoded) == HistogramCodec.encode(histogram))
    }

    @Test(arguments: 1...15 as ClosedRange<UInt64>)
    func mergingAfterDecodingIsDecodingAfterMerging(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let parts = (0..<4).map { _ in Self.random(&generator, digits: .two) }
        let merged = try #require(try HistogramCodec.merge(parts))
        let decoded = try parts.map { try HistogramCodec.decode(HistogramCodec.encode($0)) }
        let after = try #require(try HistogramCodec.merge(decoded))
        #expect(after == (try HistogramCodec.decode(HistogramCodec.encode(merged))))
        #expect(after.totalCount == parts.reduce(0) { $0 + $1.totalCount })
    }

    @Test func largestCountsTakeNineBytes() throws {
        var histogram = Histogram<UInt64>(
            highestTrackableValue: 100, numberOfSignificantValueDigits: .one)
        histogram.record(0, count: UInt64(Int64.max))
        let text = try HistogramCodec.encode(histogram)
        #expect(Array(Self.bytes(text)[40...]) == [0xFE, 255, 255, 255, 255, 255, 255, 255, 255])
        #expect(try HistogramCodec.decode(text) == histogram)
        histogram.record(0)
        #expect(throws: HistogramCodecError.countsTooLarge) {
            try HistogramCodec.encode(histogram)
        }
    }

    @Test func differentDigitsDoNotMerge() {
        let two = Histogram<UInt64>(
            highestTrackableValue: 100, numberOfSignificantValueDigits: .two)
        let three = Histogram<UInt64>(
            highestTrackableValue: 100, numberOfSignificantValueDigits: .three)
        #expect(throws: HistogramCodecError.differentDigits(2, 3)) {
            try HistogramCodec.merge([two, three])
        }
    }

    @Test func mergedTotalsMustFit() {
        var large = Histogram<UInt64>(
            highestTrackableValue: 100, numberOfSignificantValueDigits: .two)
        large.record(0, count: UInt64(Int64.max))
        #expect(throws: HistogramCodecError.countsTooLarge) {
            try HistogramCodec.merge([large, large, large])
        }
    }

    private static func random(
        _ generator: inout SeededGenerator, digits: SignificantDigits? = nil
    ) -> Histogram<UInt64> {
        let range = generator.next() % 40
        let digits = digits ?? SignificantDigits(rawValue: Int8(1 + generator.next() % 3))!
        var histogram = Histogram<UInt64>(
            highestTrackableValue: 2 << range, numberOfSignificantValueDigits: digits)
        for _ in 0..<generator.next() % 200 {
            // Uniform in the logarithm, so that every bucket has its chance.
            let value = generator.next() >> (63 - generator.next() % (range + 2))
            histogram.record(min(value, 2 << range), count: 1 + generator.next() % 1000)
        }
        return histogram
    }

    static func bytes(_ text: String) -> [UInt8] { [UInt8](Data(base64Encoded: text)!) }
    static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}

/// Text that is not an encoded histogram, or that lies.
struct HostileHistogramTests {
    /// The known encoding with some bytes replaced, and its counts.
    static func changed(_ offset: Int, _ bytes: [UInt8], counts: [UInt8]? = nil) -> String {
        var all = HistogramCodecTests.bytes(HistogramCodecTests.known)
        if let counts {
            all = Array(all[..<40]) + counts
            all.replaceSubrange(4..<8, with: [0, 0, 0, UInt8(counts.count)])
        }
        all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return Data(all).base64EncodedString()
    }

    static func counts(_ counts: [UInt8]) -> String { changed(0, [], counts: counts) }

    @Test(arguments: ["ü", "HIST", "a===", "!!!!", " "])
    func textThatIsNoHistogram(text: String) {
        #expect(throws: HistogramCodecError.self) { try HistogramCodec.decode(text) }
    }

    @Test func everyTruncationIsRefused() {
        let bytes = HistogramCodecTests.bytes(HistogramCodecTests.known)
        for length in 0..<bytes.count {
            #expect(throws: HistogramCodecError.self, "\(length) bytes") {
                try HistogramCodec.decode(Data(bytes[..<length]).base64EncodedString())
            }
        }
        #expect(throws: HistogramCodecError.length(expected: 63, found: 64)) {
            try HistogramCodec.decode(Data(bytes + [0]).base64EncodedString())
        }
    }

    @Test func hugePayloadLength() {
        #expect(throws: HistogramCodecError.length(expected: 0xFFFF_FFFF + 40, found: 63)) {
            try HistogramCodec.decode(Self.changed(4, [255, 255, 255, 255]))
        }
    }

    @Test(
        arguments: [
            (0, [0x1C, 0x84, 0x93, 0x14]), (11, [1]), (15, [6]), (15, [5]), (12, [0x80]), (23, [2]),
            (23, [0]), (24, [0x80]), (24, [0, 0, 0, 0, 0, 0, 0, 1]), (32, [0x40]),
            (32, [0x7F, 0xF8]),
        ] as [(Int, [UInt8])])
    func headerFieldsAreChecked(offset: Int, bytes: [UInt8]) {
        let error = #expect(throws: HistogramCodecError.self) {
            try HistogramCodec.decode(Self.changed(offset, bytes))
        }
        #expect(error?.description.contains("expected") == true)
    }

    @Test func cookieWithoutWordSizeIsAccepted() throws {
        #expect(
            try HistogramCodec.decode(Self.changed(3, [0x03]))
                == HistogramCodecTests.knownHistogram())
    }

    @Test(
        arguments: [
            ([0x80], .truncatedCount), ([0xFF, 0xFF, 0xFF], .truncatedCount),
            // A run of 2^62 zeros, the longest run, and one zero more than there are buckets.
            (
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
                .countsPastEnd(buckets: 23552)
            ),
            (
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
                .countsPastEnd(buckets: 23552)
            ),
            ([0x81, 0xF0, 0x02], .countsPastEnd(buckets: 23552)),
            // All zeros are right, but then there is a count.
            ([0xFF, 0xEF, 0x02, 0x02], .countsPastEnd(buckets: 23552)),
            ([0x05, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .countsTooLarge),
        ] as [([UInt8], HistogramCodecError)])
    func countsAreChecked(counts: [UInt8], expected: HistogramCodecError) {
        #expect(throws: expected) { try HistogramCodec.decode(Self.counts(counts)) }
    }

    @Test func allZerosAreAnEmptyHistogram() throws {
        #expect(try HistogramCodec.decode(Self.counts([0xFF, 0xEF, 0x02])).totalCount == 0)
    }

    /// Whatever the bytes, decoding ends with a histogram or a typed error, and what is accepted
    /// survives the library's own iterators.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func randomBytesNeverTrap(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<25 {
            let counts = (0..<generator.next() % 40).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            var text = Self.counts(counts)
            if generator.next() % 3 == 0 {
                let offset = Int(generator.next() % 40)
                let byte = UInt8(truncatingIfNeeded: generator.next())
                text = Self.changed(offset, [byte], counts: counts)
            }
            guard let histogram = try? HistogramCodec.decode(text) else { continue }
            #expect(histogram.mean >= 0)
            #expect(histogram.valueAtPercentile(99) <= histogram.max)
        }
    }
}
