import Placement
import Results

/// A scheme of a subject about lifetimes, as the plan sees it.
protocol LifetimeScheme: Sendable {
    associatedtype Workload: LifetimeWorkload
    var structure: String { get }
    var lockKindName: String? { get }
    func job(_ workload: Workload) -> any TrialJob
}

extension SuitePlan {
    /// The cells of one of the subjects about lifetimes.
    static func lifetimeCells<Scheme: LifetimeScheme>(
        _ subject: String, _ workloads: [Scheme.Workload], _ schemes: [Scheme],
        _ shape: MachineShape, _ notes: inout [String]
    ) throws(SuiteError) -> [Cell] {
        var cells: [Cell] = []
        for workload in schemes.isEmpty ? [] : workloads {
            let placements = try placements(
                of: workload.name, threads: workload.threads, wanted: workload.placements, shape,
                &notes)
            for (placement, cpus) in placements {
                for scheme in schemes {
                    let key = CellKey(
                        subject: subject, structure: scheme.structure,
                        lockKind: scheme.lockKindName, workload: workload.name,
                        placement: placement.rawValue, producers: workload.counted,
                        consumers: workload.background)
                    cells.append(
                        Cell(
                            key: key, job: .lifetime(scheme.job(workload)), placement: placement,
                            cpus: cpus))
                }
            }
        }
        return cells
    }
}
