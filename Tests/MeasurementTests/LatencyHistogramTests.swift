import Testing

@testable import Measurement

/// A small generator with a known start, so that a failure can be repeated.
private struct Stream: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

@Suite struct LatencyHistogramTests {
    @Test func percentilesOfOneToAHundredThousand() throws {
        for (precision, error) in [
            (LatencyHistogram.Precision.threeDigits, 1e-3), (.twoDigits, 1e-2),
        ] {
            var histogram = LatencyHistogram(precision: precision)
            for value in 1...UInt64(100_000) { histogram.record(value) }
            #expect(histogram.count == 100_000)
            #expect(histogram.maximum == 100_000)
            let mean = try #require(histogram.mean)
            #expect(abs(mean / 50_000.5 - 1) < error)
            // The value at p is p · 100 000, given as the top of its entry.
            for p in [0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999] {
                let exact = (p * 100_000).rounded()
                let value = Double(try #require(histogram.percentile(p)))
                #expect(value >= exact && value <= exact * (1 + error), "p \(p), \(precision)")
            }
        }
    }

    @Test func aPercentileNeedsTenSamplesBeyondIt() {
        for (p, needed) in [
            (0.0, 10), (0.5, 20), (0.75, 40), (0.9, 100), (0.99, 1000), (0.999, 10_000),
            (0.9999, 100_000), (0.99999, 1_000_000),
        ] {
            var histogram = LatencyHistogram(precision: .twoDigits)
            for _ in 1..<needed { histogram.record(77) }
            #expect(histogram.percentile(p) == nil, "p \(p), one sample too few")
            histogram.record(77)
            #expect(histogram.percentile(p) == 77, "p \(p), \(needed) samples")
        }
    }

    @Test func theLastPercentileIsTheMaximumAndNotAPercentile() {
        var histogram = LatencyHistogram()
        #expect(histogram.maximum == nil)
        #expect(histogram.mean == nil)
        #expect(histogram.percentile(0) == nil)
        for _ in 0..<100_000 { histogram.record(5) }
        histogram.record(1_234_567)
        #expect(histogram.percentile(1) == nil)
        #expect(histogram.maximum == 1_234_567)
        #expect(histogram.percentile(0.999) == 5)
    }

    @Test(arguments: [UInt64(1), 20_261_121, .max])
    func mergingIsRecordingAll(seed: UInt64) {
        var random = Stream(state: seed)
        var all = LatencyHistogram()
        var parts = Array(repeating: LatencyHistogram(), count: 5)
        for index in 0..<20_000 {
            // Every magnitude, beyond the range included.
            let value = UInt64.random(
                in: 0..<1 << UInt64.random(in: 1...40, using: &random), using: &random)
            all.record(value)
            parts[index % 4].record(value)
        }
        var merged = LatencyHistogram()
        for part in parts { merged.merge(part) }
        #expect(merged.histogram == all.histogram, "seed \(seed)")
        #expect(merged.clamped == all.clamped)
        #expect(all.clamped > 0)
        #expect(merged.count == 20_000)
        for p in [0.1, 0.5, 0.9, 0.99, 0.999] { #expect(merged.percentile(p) == all.percentile(p)) }
        #expect(merged.maximum == all.maximum)
    }

    @Test func nothingIsLostAboveTheRange() {
        var histogram = LatencyHistogram()
        let top = LatencyHistogram.maximumTrackableNs
        histogram.record(top)
        #expect(histogram.clamped == 0)
        histogram.record(top + 1)
        histogram.record(.max)
        histogram.record(0)
        #expect(histogram.clamped == 2)
        #expect(histogram.count == 4)
        #expect(histogram.maximum == top)
    }

    @Test func samplesBecomeNanoseconds() {
        let clock = ClockCalibration(
            ticksPerSecond: 2e9, calibrationNs: 3e8, costNs: 8, stepNs: 10, isInvariant: true)
        let samples = LatencySamples(capacity: 30)
        defer { samples.deallocate() }
        for _ in 0..<30 { samples.record(1000) }
        var histogram = LatencyHistogram()
        histogram.record(samples, clock: clock)
        #expect(histogram.count == 30)
        #expect(histogram.percentile(0.5) == 500)
    }

    @Test func tablesAreAsSmallAsDocumented() {
        let large = LatencyHistogram().histogram.estimatedFootprintInBytes
        let small = LatencyHistogram(precision: .twoDigits).histogram.estimatedFootprintInBytes
        print("histogram tables: \(large) and \(small) bytes")
        #expect(large <= 257 * 1024)
        #expect(small <= 33 * 1024)
    }

    @Test(.enabled(if: countsAllocations)) func recordingAllocatesNothing() throws {
        let counters = try #require(AllocationCounters.current())
        var histogram = LatencyHistogram()
        // The first use of a generic type has the runtime make its metadata.
        histogram.record(0)
        let before = counters.allocatedBytes
        var value: UInt64 = 0
        // Not over a range: its iterator allocates in a debug build.
        while value < 5000 {
            histogram.record(value * value * value)
            value += 1
        }
        let after = counters.allocatedBytes
        #expect(after == before)
        #expect(histogram.count == 5001)
    }
}
