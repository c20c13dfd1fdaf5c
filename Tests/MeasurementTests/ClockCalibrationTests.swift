import Testing

@testable import Measurement

private typealias Reading = ClockCalibration.Reading

/// Readings of a clock with `rates` ticks per nanosecond, one for each segment of 40 ms.
private func readings(rates: [Double]) -> [Reading] {
    var result = [Reading(ticks: 1_000_000, ns: 5_000_000)]
    for rate in rates {
        let last = result[result.count - 1]
        result.append(
            Reading(ticks: last.ticks + UInt64(40e6 * rate), ns: last.ns + 40_000_000))
    }
    return result
}

@Suite struct ClockSlopeTests {
    @Test func equalSegmentsGiveTheirRate() throws {
        let slope = try ClockCalibration.slope(
            through: readings(rates: Array(repeating: 2.5, count: 8)))
        #expect(slope == .init(ticksPerSecond: 2.5e9, coveredNs: 320e6))
    }

    @Test func aQuarterOfOutliersIsLeftOut() throws {
        for outlier in [2.5 * 1.01, 2.5 * 0.9, 2.5 * 3] {
            let rates = [2.5, outlier, 2.5, 2.5, 2.5, 2.5, outlier, 2.5]
            let slope = try ClockCalibration.slope(through: readings(rates: rates))
            #expect(slope == .init(ticksPerSecond: 2.5e9, coveredNs: 240e6))
        }
    }

    @Test func moreThanAQuarterIsRefused() {
        let rates = [2.5, 2.6, 2.5, 2.4, 2.5, 2.5, 3, 2.5]
        let error = #expect(throws: MeasurementError.self) {
            try ClockCalibration.slope(through: readings(rates: rates))
        }
        guard case .calibrationUnsteady(let outliers, let segments, let worst) = error else {
            Issue.record("wrong error")
            return
        }
        #expect(outliers == 3)
        #expect(segments == 8)
        #expect(abs(worst - 0.2) < 1e-6)
        #expect(
            error?.description == "clock calibration: 3 of 8 segments disagree, by up to 200000"
                + " ppm; expected at most 2 beyond 100 ppm")
    }

    @Test func theBoundIsOneHundredPartsPerMillion() throws {
        let inside = readings(rates: [2.5, 2.5, 2.5, 2.5 * 1.000_09])
        #expect(try ClockCalibration.slope(through: inside).coveredNs == 160e6)
        let outside = readings(rates: [2.5, 2.5, 2.5, 2.5 * 1.000_11])
        #expect(try ClockCalibration.slope(through: outside).coveredNs == 120e6)
        let halves = readings(rates: [2.5, 2.5, 2.5 * 1.000_11, 2.5 * 1.000_11])
        #expect(throws: MeasurementError.self) { try ClockCalibration.slope(through: halves) }
    }

    @Test func aClockThatStandsStillIsRefused() {
        let still = Array(repeating: Reading(ticks: 7, ns: 9), count: 5)
        #expect(throws: MeasurementError.self) { try ClockCalibration.slope(through: still) }
    }

    @Test func oneRefusalIsForgivenAndTwoAreNot() throws {
        let bad = readings(rates: [1, 2, 3, 4])
        let good = readings(rates: [2, 2, 2, 2])
        var attempts = [bad, good]
        let slope = try ClockCalibration.steadySlope { attempts.removeFirst() }
        #expect(slope.ticksPerSecond == 2e9)
        var calls = 0
        #expect(throws: MeasurementError.self) {
            try ClockCalibration.steadySlope {
                calls += 1
                return bad
            }
        }
        #expect(calls == 2)
    }
}

@Suite struct ClockCalibrationTests {
    @Test func conversionsRoundToNearest() {
        let clock = ClockCalibration(
            ticksPerSecond: 2.5e9, calibrationNs: 3e8, costNs: 8, stepNs: 10, isInvariant: true)
        #expect(clock.nanoseconds(fromTicks: 0) == 0)
        #expect(clock.nanoseconds(fromTicks: 1) == 0)
        #expect(clock.nanoseconds(fromTicks: 2) == 1)
        #expect(clock.nanoseconds(fromTicks: 2_500_000_000) == 1_000_000_000)
        #expect(clock.ticks(fromNanoseconds: 1) == 3)
        #expect(clock.ticks(fromNanoseconds: 1000) == 2500)
        #expect(clock.ticks(fromNanoseconds: .max) == .max)
        let slow = ClockCalibration(
            ticksPerSecond: 1e6, calibrationNs: 3e8, costNs: 8, stepNs: 1000, isInvariant: true)
        #expect(slow.nanoseconds(fromTicks: .max) == .max)
    }

    @Test func ticksSurviveTheWayToNanosecondsAndBack() {
        let clock = ClockCalibration(
            ticksPerSecond: 2_445_123_456, calibrationNs: 3e8, costNs: 8, stepNs: 10,
            isInvariant: true)
        // A nanosecond is 2.4 ticks, so half of one may be lost; beyond 2^51 ns a double's step
        // too.
        for shift in 0..<50 {
            let ticks = UInt64(1) << UInt64(shift) + 12345
            let back = clock.ticks(fromNanoseconds: clock.nanoseconds(fromTicks: ticks))
            #expect(max(back, ticks) - min(back, ticks) <= 2, "2^\(shift)")
        }
    }

    @Test func twoCalibrationsOfThisMachineAgree() throws {
        let first = try ClockCalibration.measure(allowsVariantCounter: true)
        let second = try ClockCalibration.measure(
            durationNs: ClockCalibration.minimumDurationNs, segments: 5,
            allowsVariantCounter: true)
        #expect(abs(first.ticksPerSecond / second.ticksPerSecond - 1) < 1e-3)
        for clock in [first, second] {
            // At most a quarter was left out.
            #expect(clock.calibrationNs >= 0.75 * 300e6 * 0.999)
            #expect(clock.costNs > 0)
            #expect(clock.stepNs > 0)
            // From 1 MHz (an embedded arm64) to 10 GHz: a unit mixed up would be outside.
            #expect((1e6...1e10).contains(clock.ticksPerSecond))
        }
        print(
            "clock: \(first.ticksPerSecond) ticks/s, reading \(first.costNs) ns,",
            "step \(first.stepNs) ns, invariant \(first.isInvariant)")
    }

    @Test func readingsOfOneThreadDoNotDecrease() {
        var previous = Ticks.nowOrdered()
        for _ in 0..<10_000 {
            let plain = Ticks.now()
            let ordered = Ticks.nowOrdered()
            #expect(plain >= previous && ordered >= plain)
            previous = ordered
        }
    }

    @Test func aShortCalibrationIsACallersMistake() async {
        await #expect(processExitsWith: .failure) {
            _ = try ClockCalibration.measure(durationNs: 299_999_999)
        }
    }
}
