import Foundation
import Measurement
import Placement
import Results

/// One scheme under one workload, where a trial needs nothing besides but a place and a length.
protocol TrialJob: Sendable {
    /// The kind of table that the figures go into.
    var measure: CellMeasure { get }
    associatedtype Workload: LifetimeWorkload
    var workload: Workload { get }
    /// One round.
    ///
    /// - Throws: `PlacementError` where a thread cannot be pinned or was moved.
    func run(_ settings: TrialSettings, index: Int) throws -> RoundRecord
}

extension TrialJob {
    /// Every parameter, for the plan's fingerprint.
    var parameters: String { "\(workload)" }
    /// Length of a burst in milliseconds, instead of the suite's.
    var burstMs: Double? { workload.burstMs }
    /// The same as a file has it.
    func encoded(by encoder: JSONEncoder) throws -> Data { try encoder.encode(workload) }
}

/// Where and how long a trial runs.
struct TrialSettings: Sendable {
    let topology: Topology
    /// One CPU per thread, the background's first.
    let cpus: [Int]
    let isOversubscribed: Bool
    let clock: ClockCalibration
    let bursts: Int
    let burstNs: Double
    /// Passes of an empty loop per nanosecond, for times of work and rest.
    let passesPerNs: Double
    let seed: UInt64

    /// Whether the canary has two CPUs to play between.
    var hasCanary: Bool { !isOversubscribed && cpus.count > 1 && cpus[0] != cpus[1] }

    func passes(_ ns: Double) -> Int { Int(ns * passesPerNs) }
}

/// What workloads of these subjects have in common when they are read.
protocol LifetimeWorkload: Sendable, Equatable, Codable {
    /// Name of the cell, kebab-case.
    var name: String { get }
    /// Names of placements to run at; nil for every placement that exists.
    var placements: [String]? { get }
    /// Threads whose operations are the cell's figure, and the others.
    var counted: Int { get }
    var background: Int { get }
    var burstMs: Double? { get }
    /// What is wrong with it, besides its name and the length of its bursts; nil if sound.
    var ownFault: String? { get }
}

extension LifetimeWorkload {
    /// Threads of a trial.
    var threads: Int { counted + background }

    /// What is wrong with it, as the rest of a line that begins with where it stands; nil if sound.
    var fault: String? {
        if !NamePattern.isKebab(name) { return "name: expected kebab-case, found \"\(name)\"" }
        if let burstMs, !(burstMs >= 0.1 && burstMs <= 1000) {
            return "burstMs: expected 0.1…1000, found \(burstMs)"
        }
        return ownFault
    }

    /// The complaint of the first value outside its range.
    func outside(_ values: [(String, Int, ClosedRange<Int>)]) -> String? {
        values.first { !$0.2.contains($0.1) }.map {
            "\($0.0): expected \($0.2.lowerBound)…\($0.2.upperBound), found \($0.1)"
        }
    }
}
