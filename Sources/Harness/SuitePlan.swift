import FaultQueues
import FaultTraffic
import Placement
import Results

/// A suite met with a machine: every cell with its scheme and its CPUs, and what was left out.
public struct SuitePlan: Sendable {
    /// One scheme under one workload at one placement.
    public struct Cell: Sendable {
        public let key: CellKey
        let scheme: RingScheme
        let workload: RingWorkload
        let placement: PlacementName
        /// One CPU per thread, the consumers' first.
        public let cpus: [Int]
    }

    public let suite: Suite
    /// In the order of tables: by workload, placement, scheme.
    public let cells: [Cell]
    /// What the machine or the schemes cannot do, a sentence each.
    public let notes: [String]

    /// - Parameter schemes: All that exist; the suite names some of them.
    /// - Throws: `SuiteError` for a name that does not exist, or where nothing is left to run.
    public init(
        suite: Suite, schemes: [RingScheme], shape: MachineShape
    ) throws(SuiteError) {
        let chosen = try NamePattern.select(
            suite.schemes, from: schemes, name: \.name, kind: "scheme")
        var cells: [Cell] = []
        var notes: [String] = []
        for workload in suite.ring {
            for (placement, cpus) in try Self.placements(of: workload, shape, &notes) {
                for scheme in chosen {
                    if scheme.limits.producers < workload.producers
                        || scheme.limits.consumers < workload.consumers
                    {
                        notes.append(
                            "\(scheme.name) has no \(workload.name): it takes "
                                + "\(scheme.limits.consumers) consumer"
                                + (scheme.limits.consumers == 1 ? "." : "s."))
                        continue
                    }
                    let key = CellKey(
                        subject: "ring", structure: scheme.structure,
                        lockKind: scheme.lockKind?.rawValue, workload: workload.name,
                        placement: placement.rawValue, producers: workload.producers,
                        consumers: workload.consumers)
                    cells.append(
                        Cell(
                            key: key, scheme: scheme, workload: workload, placement: placement,
                            cpus: cpus))
                }
            }
        }
        guard !cells.isEmpty else {
            throw SuiteError(
                "suite \(suite.name): nothing to run on this machine; \(notes.first ?? "no cells")")
        }
        self.suite = suite
        self.cells = cells
        self.notes = notes
    }

    private static func placements(
        of workload: RingWorkload, _ shape: MachineShape, _ notes: inout [String]
    ) throws(SuiteError) -> [(PlacementName, [Int])] {
        let existing = shape.placements(threads: workload.threads).map { ($0.name, $0.cpus) }
        if existing.isEmpty {
            notes.append(
                "\(workload.name) was not run: this machine has no placement for "
                    + "\(workload.threads) threads.")
        }
        guard let wanted = workload.placements, !existing.isEmpty else { return existing }
        var names: [PlacementName] = []
        for text in wanted {
            guard let name = PlacementName(rawValue: text) else {
                let all = PlacementName.allCases.map(\.rawValue)
                let nearest = NamePattern.nearest(to: text, in: all) ?? ""
                throw SuiteError(
                    "workload \(workload.name): no placement \"\(text)\"; "
                        + "did you mean \"\(nearest)\"?")
            }
            names.append(name)
        }
        // Sharing CPUs is no loss where none need be shared, nor the others where all are.
        let isOversubscribed = existing.contains { $0.0 == .oversubscribed }
        for name in names
        where name != .oversubscribed && !isOversubscribed
            && !existing.contains(where: { $0.0 == name })
        {
            notes.append(
                "\(workload.name) was not run at \(name.rawValue): this machine cannot place "
                    + "\(workload.threads) threads so.")
        }
        return existing.filter { names.contains($0.0) }
    }

    /// Names of the traces that the plan's workloads need.
    public var traceNames: [String] {
        var names: [String] = []
        for cell in cells {
            if case .trace(let name, _) = cell.workload.arrivals, !names.contains(name) {
                names.append(name)
            }
        }
        return names
    }

    /// FNV-1a 64 over every cell and parameter: what a run must share to be resumed.
    public var fingerprint: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        add("\(suite.name) \(suite.rounds) \(suite.burstsPerRound) \(suite.burstMs)")
        for cell in cells { add("\(cell.key) \(cell.workload) \(cell.cpus)") }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
