import FaultTraffic
import Reports

/// A trace's figures, for people and for programs.
struct TraceDescription: Encodable {
    let name: String
    let source: String
    let traceClass: String
    let requests: Int
    let durationNs: UInt64
    let devices: Int
    let pasids: Int
    let pages: Int
    let groups: Int
    let unfinishedGroups: Int
    /// Pages to number of groups.
    let groupSizes: [String: Int]
    let reads: Int
    let writes: Int
    let executes: Int
    let meanPerSecond: Double
    let peakPerSecond: Double
    let interArrivalNsP50: UInt64
    let interArrivalNsP99: UInt64
    let interArrivalNsMax: UInt64

    init(_ trace: Trace) {
        let summary = trace.summary
        name = trace.name
        source = trace.source
        traceClass = "\(trace.traceClass)"
        requests = summary.eventCount
        durationNs = summary.durationNs
        devices = summary.deviceCount
        pasids = summary.pasidCount
        pages = summary.pageCount
        groups = summary.groupCount
        unfinishedGroups = summary.unfinishedGroupCount
        groupSizes = Dictionary(
            uniqueKeysWithValues: summary.groupSizes.map { ("\($0.key)", $0.value) })
        reads = summary.accesses.reads
        writes = summary.accesses.writes
        executes = summary.accesses.executes
        meanPerSecond = summary.meanPerSecond
        peakPerSecond = summary.peakPerSecond
        interArrivalNsP50 = summary.interArrival.p50Ns
        interArrivalNsP99 = summary.interArrival.p99Ns
        interArrivalNsMax = summary.interArrival.maximumNs
    }

    func lines(_ style: Style) -> [String] {
        let sizes = groupSizes.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }
            .prefix(8).map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        let fields = [
            ("name", name),
            ("source", source),
            ("class", traceClass),
            ("requests", "\(requests) over \(Figures.time(ns: Double(durationNs)))"),
            ("devices", "\(devices)"),
            ("PASIDs", "\(pasids)"),
            ("pages", "\(pages)"),
            ("groups", "\(groups), \(unfinishedGroups) of them unfinished"),
            ("group sizes", sizes),
            ("access", "\(reads) reads, \(writes) writes, \(executes) executes"),
            (
                "rate",
                "\(Figures.quantity(meanPerSecond))/s mean, "
                    + "\(Figures.quantity(peakPerSecond))/s in the busiest millisecond"
            ),
            (
                "inter-arrival",
                "\(Figures.time(ns: Double(interArrivalNsP50))) median, "
                    + "\(Figures.time(ns: Double(interArrivalNsP99))) p99, "
                    + "\(Figures.time(ns: Double(interArrivalNsMax))) max"
            ),
        ]
        return fields.flatMap { Wrapped.lines($0, $1, textColumn: 15, style) }
    }
}
