import Testing

@testable import Measurement

@Suite struct LatencySamplesTests {
    @Test(arguments: [1, 2, 15, 16, 17, 1000])
    func keepsWhatFitsAndCountsTheRest(capacity: Int) {
        let samples = LatencySamples(capacity: capacity)
        defer { samples.deallocate() }
        #expect(samples.capacity == capacity)
        #expect(samples.count == 0)
        for value in 0..<UInt64(capacity + 3) { samples.record(value * 7) }
        #expect(samples.count == capacity)
        #expect(samples.dropped == 3)
        #expect(Array(samples.samples) == (0..<UInt64(capacity)).map { $0 * 7 })
        samples.reset()
        #expect(samples.count == 0)
        #expect(samples.dropped == 0)
        samples.record(5)
        #expect(Array(samples.samples) == [5])
    }

    @Test func copiesShareTheBuffer() {
        let samples = LatencySamples(capacity: 4)
        defer { samples.deallocate() }
        let copy = samples
        copy.record(1)
        samples.record(2)
        #expect(Array(copy.samples) == [1, 2])
    }

    @Test func touchingKeepsTheSamples() {
        let samples = LatencySamples(capacity: 5000)
        defer { samples.deallocate() }
        samples.touch()
        samples.record(3)
        samples.record(4)
        samples.touch()
        #expect(Array(samples.samples) == [3, 4])
    }

    @Test func anEndBeforeItsStartIsZero() {
        let samples = LatencySamples(capacity: 3)
        defer { samples.deallocate() }
        samples.record(from: 100, to: 350)
        samples.record(from: 350, to: 349)
        samples.record(from: 5, to: 5)
        #expect(Array(samples.samples) == [250, 0, 0])
    }

    @Test func twoBuffersNeverShareALinePair() {
        let all = (0..<8).map { _ in LatencySamples(capacity: 1) }
        defer { for samples in all { samples.deallocate() } }
        let places = Set(all.map { UInt(bitPattern: $0.samples.baseAddress) / 128 })
        #expect(places.count == all.count)
        #expect(all.allSatisfy { UInt(bitPattern: $0.samples.baseAddress) % 128 == 0 })
    }

    @Test(.enabled(if: countsAllocations)) func recordingAllocatesNothing() throws {
        let counters = try #require(AllocationCounters.current())
        let samples = LatencySamples(capacity: 100)
        defer { samples.deallocate() }
        let before = counters.allocatedBytes
        var value: UInt64 = 0
        // Not over a range: its iterator allocates in a debug build.
        while value < 200 {
            samples.record(value)
            value += 1
        }
        let after = counters.allocatedBytes
        #expect(after == before)
        #expect(samples.dropped == 100)
    }
}
