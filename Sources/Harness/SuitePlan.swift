import FaultQueues
import FaultTraffic
import Foundation
import Placement
import Results

/// Every scheme of every subject that a suite may name.
public struct SchemeSet: Sendable {
    public let rings: [RingScheme]
    public let reporting: [ReportingScheme]
    public let pasid: [PASIDScheme]
    public let attachHandle: [HandleScheme]
    public let release: [ReleaseScheme]

    public init(
        rings: [RingScheme], reporting: [ReportingScheme], pasid: [PASIDScheme] = [],
        attachHandle: [HandleScheme] = [], release: [ReleaseScheme] = []
    ) {
        self.rings = rings
        self.reporting = reporting
        self.pasid = pasid
        self.attachHandle = attachHandle
        self.release = release
    }

    /// As users type them, in the order of lists.
    public var names: [String] {
        rings.map(\.name) + reporting.map(\.name) + pasid.map(\.name)
            + attachHandle.map(\.name) + release.map(\.name)
    }
}

/// A suite met with a machine: every cell with its scheme and its CPUs, and what was left out.
public struct SuitePlan: Sendable {
    /// One scheme under one workload at one placement.
    public struct Cell: Sendable {
        enum Job: Sendable {
            case ring(RingScheme, RingWorkload)
            case reporting(ReportingScheme, ReportingWorkload)
            case pipeline(ReportingScheme, PipelineWorkload)
            case lifetime(any TrialJob)
        }

        public let key: CellKey
        let job: Job
        let placement: PlacementName
        /// One CPU per thread, the consumers' or workers' first.
        public let cpus: [Int]

        /// Where its requests come from, in an open loop.
        var arrivals: Arrivals? {
            switch job {
            case .ring(_, let workload): workload.arrivals
            case .reporting, .lifetime: nil
            case .pipeline(_, let workload): workload.arrivals
            }
        }

        public var measure: CellMeasure {
            switch job {
            case .ring(_, let workload): workload.measure
            case .reporting(_, let workload): workload.measure
            case .pipeline(_, let workload): workload.measure
            case .lifetime(let job): job.measure
            }
        }

        /// Every parameter, for the plan's fingerprint.
        fileprivate var parameters: String {
            switch job {
            case .ring(_, let workload): "\(workload)"
            case .reporting(_, let workload): "\(workload)"
            case .pipeline(_, let workload): "\(workload)"
            case .lifetime(let job): job.parameters
            }
        }
    }

    public let suite: Suite
    /// In the order of tables: by subject, workload, placement, scheme.
    public let cells: [Cell]
    /// What the machine or the schemes cannot do, a sentence each.
    public let notes: [String]

    /// - Parameter schemes: All that exist; the suite names some of them.
    /// - Throws: `SuiteError` for a name that does not exist, or where nothing is left to run.
    public init(suite: Suite, schemes: SchemeSet, shape: MachineShape) throws(SuiteError) {
        let chosen = Set(
            try NamePattern.select(
                suite.schemes, from: schemes.names, name: { $0 }, kind: "scheme"))
        var notes: [String] = []
        let cells =
            try Self.ringCells(
                suite, schemes.rings.filter { chosen.contains($0.name) }, shape, &notes)
            + Self.reportingCells(
                suite, schemes.reporting.filter { chosen.contains($0.name) }, shape, &notes)
            + Self.pipelineCells(
                suite, schemes.reporting.filter { chosen.contains($0.name) }, shape, &notes)
            + Self.lifetimeCells(
                "pasid", suite.pasid, schemes.pasid.filter { chosen.contains($0.name) }, shape,
                &notes)
            + Self.lifetimeCells(
                "attach-handle", suite.attachHandle,
                schemes.attachHandle.filter { chosen.contains($0.name) }, shape, &notes)
            + Self.lifetimeCells(
                "release", suite.release, schemes.release.filter { chosen.contains($0.name) },
                shape, &notes)
        guard !cells.isEmpty else {
            throw SuiteError(
                "suite \(suite.name): nothing to run: "
                    + (notes.first ?? "no chosen scheme belongs to the subject of a workload"))
        }
        self.suite = suite
        self.cells = cells
        self.notes = notes
    }

    private static func ringCells(
        _ suite: Suite, _ schemes: [RingScheme], _ shape: MachineShape, _ notes: inout [String]
    ) throws(SuiteError) -> [Cell] {
        var cells: [Cell] = []
        for workload in schemes.isEmpty ? [] : suite.ring {
            let placements = try placements(
                of: workload.name, threads: workload.threads, wanted: workload.placements, shape,
                &notes)
            for (placement, cpus) in placements {
                for scheme in schemes {
                    if scheme.limits.producers < workload.producers
                        || scheme.limits.consumers < workload.consumers
                    {
                        let consumers = scheme.limits.consumers
                        notes.append(
                            "\(scheme.name) has no \(workload.name): it takes \(consumers) "
                                + (consumers == 1 ? "consumer." : "consumers."))
                        continue
                    }
                    let key = CellKey(
                        subject: "ring", structure: scheme.structure,
                        lockKind: scheme.lockKind?.rawValue, workload: workload.name,
                        placement: placement.rawValue, producers: workload.producers,
                        consumers: workload.consumers)
                    cells.append(
                        Cell(
                            key: key, job: .ring(scheme, workload), placement: placement,
                            cpus: cpus))
                }
            }
        }
        return cells
    }

    private static func reportingCells(
        _ suite: Suite, _ schemes: [ReportingScheme], _ shape: MachineShape,
        _ notes: inout [String]
    ) throws(SuiteError) -> [Cell] {
        var cells: [Cell] = []
        for workload in schemes.isEmpty ? [] : suite.reporting {
            let placements = try placements(
                of: workload.name, threads: workload.threads, wanted: workload.placements, shape,
                &notes)
            for (placement, cpus) in placements {
                for scheme in schemes {
                    let key = CellKey(
                        subject: "reporting", structure: scheme.structure,
                        lockKind: scheme.lockKind?.rawValue,
                        nodeMemory: scheme.nodeMemory.rawValue, workload: workload.name,
                        placement: placement.rawValue, producers: workload.reporters,
                        consumers: workload.workers)
                    cells.append(
                        Cell(
                            key: key, job: .reporting(scheme, workload), placement: placement,
                            cpus: cpus))
                }
            }
        }
        return cells
    }

    private static func pipelineCells(
        _ suite: Suite, _ schemes: [ReportingScheme], _ shape: MachineShape,
        _ notes: inout [String]
    ) throws(SuiteError) -> [Cell] {
        var cells: [Cell] = []
        for workload in schemes.isEmpty ? [] : suite.pipeline {
            let placements = try placements(
                of: workload.name, threads: workload.threads, wanted: workload.placements, shape,
                &notes)
            for (placement, cpus) in placements {
                for scheme in schemes {
                    let key = CellKey(
                        subject: "pipeline", structure: scheme.structure,
                        lockKind: scheme.lockKind?.rawValue,
                        nodeMemory: scheme.nodeMemory.rawValue, workload: workload.name,
                        placement: placement.rawValue, producers: 1, consumers: workload.workers)
                    cells.append(
                        Cell(
                            key: key, job: .pipeline(scheme, workload), placement: placement,
                            cpus: cpus))
                }
            }
        }
        return cells
    }

    static func placements(
        of workload: String, threads: Int, wanted: [String]?, _ shape: MachineShape,
        _ notes: inout [String]
    ) throws(SuiteError) -> [(PlacementName, [Int])] {
        let existing = shape.placements(threads: threads).map { ($0.name, $0.cpus) }
        if existing.isEmpty {
            notes.append(
                "\(workload) was not run: this machine has no placement for \(threads) threads.")
        }
        guard let wanted else { return existing }
        var names: [PlacementName] = []
        for text in wanted {
            guard let name = PlacementName(rawValue: text) else {
                let all = PlacementName.allCases.map(\.rawValue)
                let nearest = NamePattern.nearest(to: text, in: all)
                let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
                throw SuiteError("workload \(workload): no placement \"\(text)\"\(hint)")
            }
            names.append(name)
        }
        if existing.isEmpty { return [] }
        // Sharing CPUs is no loss where none need be shared, nor the others where all are.
        let isOversubscribed = existing.contains { $0.0 == .oversubscribed }
        for name in names
        where name != .oversubscribed && !isOversubscribed
            && !existing.contains(where: { $0.0 == name })
        {
            notes.append(
                "\(workload) was not run at \(name.rawValue): this machine cannot place "
                    + "\(threads) threads so.")
        }
        return existing.filter { names.contains($0.0) }
    }

    /// Names of the traces that the plan's workloads need.
    public var traceNames: [String] {
        var names: [String] = []
        for cell in cells {
            if case .trace(let name, _) = cell.arrivals, !names.contains(name) {
                names.append(name)
            }
        }
        return names
    }

    /// FNV-1a 64 over every cell and parameter: what a run must share to be resumed.
    public var fingerprint: String {
        Self.hash(
            ["\(suite.name) \(suite.rounds) \(suite.burstsPerRound) \(suite.burstMs)"]
                + cells.map { "\($0.key) \($0.parameters) \($0.cpus)" })
    }

    /// FNV-1a 64 over what two runs must share for a cell of theirs to be compared: the workload,
    /// without the placements that it may also run at, and the length of a burst. Parameters that
    /// are not set do not count, so that a new one changes no older workload.
    func workloadFingerprint(of cell: Cell) throws -> String {
        let encoder = JSONEncoder()
        let bytes =
            switch cell.job {
            case .ring(_, let workload): try encoder.encode(workload)
            case .reporting(_, let workload): try encoder.encode(workload)
            case .pipeline(_, let workload): try encoder.encode(workload)
            case .lifetime(let job): try job.encoded(by: encoder)
            }
        let fields = try JSONSerialization.jsonObject(with: bytes) as? [String: Any] ?? [:]
        let shared = fields.filter { $0.key != "placements" }
        let text = try JSONSerialization.data(withJSONObject: shared, options: [.sortedKeys])
        return Self.hash([String(decoding: text, as: UTF8.self), "\(suite.burstMs)"])
    }

    private static func hash(_ texts: [String]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in texts.joined().utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
