import FaultModel
import Foundation
import Testing

@testable import FaultTraffic

@Suite struct ArrivalScheduleTests {
    @Test func poissonHasItsMeanAndItsDispersion() throws {
        let count = 50_000
        let schedule = try ArrivalSchedule(.poisson(perSecond: 1e6), count: count, seed: testSeed)
        let offsets = schedule.offsetsNs.map { Double($0) }
        let gaps = zip(offsets, [0] + offsets.dropLast()).map { $0 - $1 }
        let mean = gaps.reduce(0, +) / Double(count)
        let variance = gaps.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(count)
        // An exponential gap's standard deviation equals its mean: 1000 ns. Five standard errors.
        #expect(abs(mean - 1000) < 5 * 1000 / Double(count).squareRoot(), "seed \(testSeed)")
        let deviation = variance.squareRoot() / mean
        #expect(abs(deviation - 1) < 5 * (2 / Double(count)).squareRoot(), "seed \(testSeed)")
        // Counts in fixed windows: variance over mean is 1 for Poisson, 0 for uniform.
        var counts = [Double](repeating: 0, count: 400)
        for offset in offsets where offset < 40_000_000 { counts[Int(offset / 100_000)] += 1 }
        let perWindow = counts.reduce(0, +) / 400
        let dispersion =
            counts.map { ($0 - perWindow) * ($0 - perWindow) }.reduce(0, +) / 400 / perWindow
        #expect(abs(dispersion - 1) < 5 * (2.0 / 400).squareRoot(), "seed \(testSeed)")
    }

    @Test func uniformAndBurstsAreExact() throws {
        let uniform = try ArrivalSchedule(.uniform(perSecond: 3e6), count: 5, seed: 1)
        #expect(uniform.offsetsNs == [0, 333, 667, 1000, 1333])
        let bursts = try ArrivalSchedule(
            .bursts(perSecond: 1e9, length: 3, idleNs: 100), count: 8, seed: 1)
        #expect(bursts.offsetsNs == [0, 1, 2, 103, 104, 105, 206, 207])
        let none = try ArrivalSchedule(.asFastAsPossible, count: 3, seed: 1)
        #expect(none.offsetsNs == [0, 0, 0])
        #expect(try ArrivalSchedule(.poisson(perSecond: 1), count: 0, seed: 1).offsetsNs.isEmpty)
    }

    @Test func seedsDecide() throws {
        func schedule(_ seed: UInt64) throws -> ArrivalSchedule {
            try ArrivalSchedule(.poisson(perSecond: 1e5), count: 100, seed: seed)
        }
        #expect(try schedule(4) == schedule(4))
        #expect(try schedule(4) != schedule(5))
    }

    @Test(arguments: [
        ArrivalProcess.poisson(perSecond: 0), .poisson(perSecond: -1), .poisson(perSecond: .nan),
        .uniform(perSecond: .infinity), .bursts(perSecond: 1, length: 0, idleNs: 0),
        .poisson(perSecond: 1e-300), .uniform(perSecond: 1e-12),
        .bursts(perSecond: 1, length: 1, idleNs: .max),
    ])
    func impossibleSchedulesAreRefused(_ process: ArrivalProcess) {
        #expect(throws: TrafficConfigurationError.self) {
            try ArrivalSchedule(process, count: 10, seed: 1)
        }
    }

    @Test func negativeCountsAreRefused() {
        #expect(throws: TrafficConfigurationError.self) {
            try ArrivalSchedule(.asFastAsPossible, count: -1, seed: 1)
        }
    }

    @Test func scaling() throws {
        let trace = try imported(Sample.perfWithProcess)
        #expect(try trace.scaled(by: 0.5).events.map(\.arrivalNs) == [0, 3542, 4799])
        #expect(try trace.scaled(by: 0.5).events.map(\.request) == trace.events.map(\.request))
        #expect(try ArrivalSchedule(of: trace).scaled(by: 2).offsetsNs == [0, 14168, 19196])
        for factor in [0, -1, .nan, .infinity, 1e300] {
            #expect(throws: TrafficConfigurationError.self) { try trace.scaled(by: factor) }
            #expect(throws: TrafficConfigurationError.self) {
                try ArrivalSchedule(of: trace).scaled(by: factor)
            }
        }
    }
}

@Suite struct SyntheticTrafficTests {
    private func configuration() -> SyntheticTraffic.Configuration {
        var configuration = SyntheticTraffic.Configuration()
        configuration.seed = testSeed
        return configuration
    }

    /// Follows the groups; the number that were open at once, and the finished sizes.
    private func wellFormed(_ events: [TrafficEvent]) throws -> (mostOpen: Int, sizes: [Int: Int]) {
        var open: [Int: (pasid: PASID?, count: Int, page: UInt64)] = [:]
        var mostOpen = 0
        var sizes: [Int: Int] = [:]
        for event in events {
            let request = event.request
            // Whatever the PASID, an index of a device belongs to one open group.
            let key = Int(request.requester.rawValue) << 9 | Int(request.index.rawValue)
            let group = open[key]
            if let group {
                try #require(group.pasid == request.pasid, "seed \(testSeed)")
            }
            let count = (group?.count ?? 0) + 1
            open[key] = request.isLast ? nil : (request.pasid, count, request.address)
            mostOpen = max(mostOpen, open.count)
            if request.isLast { sizes[count, default: 0] += 1 }
        }
        #expect(open.isEmpty, "every group is complete at the end")
        return (mostOpen, sizes)
    }

    @Test(arguments: [1, 2, 17, 512])
    func groupsAreWellFormed(_ openGroups: Int) throws {
        var configuration = configuration()
        configuration.deviceCount = 1
        configuration.pasidCount = 9
        configuration.groupSize = .uniform(2...5)
        configuration.openGroupCount = openGroups
        let events = try SyntheticTraffic(configuration).events(count: 6001)
        #expect(events.count == 6001)
        let (mostOpen, sizes) = try wellFormed(events)
        #expect(mostOpen <= openGroups && mostOpen >= openGroups / 2)
        #expect(sizes.map { $0.key * $0.value }.reduce(0, +) == 6001)
        #expect(sizes.keys.allSatisfy { $0 <= 5 })
    }

    @Test(arguments: 0..<40)
    func everySmallCountIsComplete(_ count: Int) throws {
        var configuration = configuration()
        configuration.deviceCount = 2
        configuration.groupSize = .fixed(7)
        configuration.openGroupCount = 4
        let events = try SyntheticTraffic(configuration).events(count: count)
        #expect(events.count == count)
        let sizes = try wellFormed(events).sizes
        #expect(sizes.filter { $0.key != 7 }.values.reduce(0, +) <= 1)
    }

    @Test func oneOpenGroupMeansNoInterleaving() throws {
        var configuration = configuration()
        configuration.deviceCount = 3
        configuration.groupSize = .fixed(4)
        let events = try SyntheticTraffic(configuration).events(count: 400)
        for start in stride(from: 0, to: 400, by: 4) {
            let group = events[start..<start + 4].map(\.request)
            #expect(Set(group.map(\.index)).count == 1)
            #expect(group.map(\.isLast) == [false, false, false, true])
        }
    }

    @Test func weightsAreFollowed() throws {
        var configuration = configuration()
        configuration.groupSize = .weighted([(size: 1, weight: 3), (size: 2, weight: 0), (4, 1)])
        configuration.accessMix = .init(read: 1, write: 3, readWrite: 0, readExecute: 0)
        let trace = try SyntheticTraffic(configuration).trace(name: "w", count: 20_000)
        let summary = trace.summary
        #expect((summary.groupSizes[2] ?? 0) + (summary.groupSizes[3] ?? 0) <= 1)
        let ones = Double(summary.groupSizes[1] ?? 0) / Double(summary.groupCount)
        #expect(abs(ones - 0.75) < 0.03, "seed \(testSeed)")
        #expect(abs(Double(summary.accesses.writes) / 20_000 - 0.75) < 0.02, "seed \(testSeed)")
        #expect(summary.accesses.executes == 0)
    }

    @Test func zipfPrefersTheFirst() throws {
        var configuration = configuration()
        configuration.pasidCount = 100
        func share(_ mix: SyntheticTraffic.PASIDMix) throws -> Double {
            configuration.pasidMix = mix
            let events = try SyntheticTraffic(configuration).events(count: 20_000)
            return Double(events.count { $0.request.pasid == PASID(1) }) / 20_000
        }
        // The first of 100 under exponent 1 has 1 / H(100) = 0.1928.
        #expect(abs(try share(.zipf(exponent: 1)) - 0.1928) < 0.015, "seed \(testSeed)")
        #expect(abs(try share(.zipf(exponent: 0)) - 0.01) < 0.005, "seed \(testSeed)")
        #expect(abs(try share(.uniform) - 0.01) < 0.005, "seed \(testSeed)")
    }

    @Test func devicesAndPASIDsAreAllUsed() throws {
        var configuration = configuration()
        configuration.deviceCount = 7
        configuration.pasidCount = 11
        let summary = try SyntheticTraffic(configuration).trace(name: "", count: 5000).summary
        #expect(summary.deviceCount == 7 && summary.pasidCount == 11)
    }

    @Test func seedsDecide() throws {
        var configuration = configuration()
        configuration.pasidCount = 50
        let first = try SyntheticTraffic(configuration).events(count: 100)
        #expect(try SyntheticTraffic(configuration).events(count: 100) == first)
        configuration.seed &+= 1
        #expect(try SyntheticTraffic(configuration).events(count: 100) != first)
    }

    @Test func widestConfigurationFitsTheFields() throws {
        var configuration = configuration()
        configuration.deviceCount = 65535
        configuration.pasidCount = 0xFFFFF
        configuration.pagesPerPASID = 1 << 34
        configuration.pasidMix = .zipf(exponent: 0.5)
        let events = try SyntheticTraffic(configuration).events(count: 1000)
        #expect(events.allSatisfy { $0.request.address < 1 << 47 })
    }

    @Test func impossibleConfigurationsAreRefused() {
        typealias Change = (inout SyntheticTraffic.Configuration) -> Void
        let changes: [Change] = [
            { $0.deviceCount = 0 }, { $0.deviceCount = 65536 }, { $0.pasidCount = 0 },
            { $0.pasidCount = 0x100000 }, { $0.openGroupCount = 0 }, { $0.openGroupCount = 513 },
            { $0.groupSize = .fixed(0) }, { $0.groupSize = .uniform(0...3) },
            { $0.groupSize = .weighted([]) }, { $0.groupSize = .weighted([(1, -1)]) },
            { $0.groupSize = .weighted([(1, .nan)]) }, { $0.groupSize = .weighted([(0, 1)]) },
            { $0.pasidMix = .zipf(exponent: -1) }, { $0.pasidMix = .zipf(exponent: .nan) },
            { $0.arrivals = .poisson(perSecond: 0) }, { $0.pagesPerPASID = 0 },
            { $0.accessMix = .init(read: 0, write: 0) },
            { $0.accessMix = .init(read: 2, write: -1) },
        ]
        for (position, change) in changes.enumerated() {
            var configuration = SyntheticTraffic.Configuration()
            change(&configuration)
            let message = line { _ = try SyntheticTraffic(configuration) }
            #expect(message?.contains("expected") == true, "change \(position)")
        }
        #expect(throws: TrafficConfigurationError.self) {
            try SyntheticTraffic(SyntheticTraffic.Configuration()).events(count: -1)
        }
    }
}

@Suite struct TraceSummaryTests {
    @Test func knownFigures() throws {
        let lines = [0, 100, 300, 999_999, 1_000_000, 4_000_000].map { atNs in
            let digits = String(1_000_000_000 + atNs).dropFirst()
            return Sample.fault(seconds: "2.\(digits)", code: atNs == 300 ? 0x16 : 4)
        }
        let summary = try imported(lines.joined()).summary
        #expect(summary.eventCount == 6)
        #expect(summary.durationNs == 4_000_000)
        #expect(summary.meanPerSecond == 1250)
        // The window is half open: 0…999,999 holds four, and so does 100…1,000,099.
        #expect(summary.peakPerSecond == 4000)
        #expect(
            summary.accesses
                == {
                    var mix = TraceSummary.AccessMix()
                    mix.reads = 5; mix.writes = 1; mix.executes = 1; return mix
                }())
        #expect(summary.pageCount == 1)
        #expect(summary.interArrival.minimumNs == 1)
        #expect(summary.interArrival.p50Ns == 200)
        #expect(summary.interArrival.maximumNs == 3_000_000)
    }

    @Test func oneEventAndUnfinishedGroups() throws {
        let one = try imported(
            Sample.pageRequest(
                "dmar0/0000:00:0a.0 seq# 1: rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1"))
        let summary = one.summary
        #expect(summary.unfinishedGroupCount == 1 && summary.groupCount == 0)
        #expect(summary.meanPerSecond == 0 && summary.peakPerSecond == 1000)
        #expect(summary.interArrival == TraceSummary.InterArrival())
    }
}
