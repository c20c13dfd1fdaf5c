import Foundation
import Histogram
import Results

/// The encoding of histograms. Its input is what base64 wraps.
enum HistogramPromises {
    static let parser = FuzzedParser(
        name: "histogram", longestInput: 2048
    ) { input throws(Violation) in
        // As text that was never base64, most likely.
        _ = try decoded(String(decoding: input, as: UTF8.self))
        guard let histogram = try decoded(Data(input).base64EncodedString()) else {
            return .refused
        }
        do throws(HistogramCodecError) {
            let text = try HistogramCodec.encode(histogram)
            let again = try HistogramCodec.decode(text)
            guard try HistogramCodec.encode(again) == text, again == histogram else {
                throw HistogramCodecError.truncatedCount
            }
        } catch {
            throw Violation("does not come back: \(error)")
        }
        var last: UInt64 = 0
        for percentile in [0.0, 50, 99, 99.9, 100] {
            let value = histogram.valueAtPercentile(percentile)
            guard value >= last else { throw Violation("percentiles that fall") }
            last = value
        }
        let merged: Histogram<UInt64>?
        do throws(HistogramCodecError) {
            merged = try HistogramCodec.merge([histogram, histogram])
        } catch {
            try Message.check(error.description)
            return .accepted
        }
        guard merged?.totalCount == 2 * histogram.totalCount else {
            throw Violation("a sum that lacks samples")
        }
        return .accepted
    }

    private static func decoded(_ text: String) throws(Violation) -> Histogram<UInt64>? {
        do throws(HistogramCodecError) {
            return try HistogramCodec.decode(text)
        } catch {
            try Message.check(error.description)
            return nil
        }
    }
}
