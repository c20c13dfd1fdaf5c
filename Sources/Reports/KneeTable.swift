import Results

/// How much load a scheme takes before its tail goes: for a sweep of open-loop workloads that offer
/// different rates, the highest one that keeps p99 under a bound. Workloads make a sweep whose
/// names differ in a number at their end alone: `load-10`, `load-25`, ….
///
/// p99 is that of the median round, so that a round in which a thread was switched out does not
/// decide; the merged tail stands in each workload's own table.
enum KneeTable {
    static let boundNs = 10_000.0
    /// Offered rates that make a sweep.
    static let leastRates = 3

    /// What one scheme did at one offered rate.
    struct Point: Equatable {
        let offeredPerSecond: Double
        let p99Ns: Double
    }

    /// The highest rate of the points within the bound, below the first one that is not; and that
    /// first one.
    static func knee(_ points: [Point]) -> (within: Point?, beyond: Point?) {
        let ascending = points.sorted { $0.offeredPerSecond < $1.offeredPerSecond }
        let beyond = ascending.firstIndex { $0.p99Ns > boundNs }
        let last = (beyond ?? ascending.endIndex) - 1
        return (last >= 0 ? ascending[last] : nil, beyond.map { ascending[$0] })
    }

    /// What the names of a sweep have in common; nil for a workload of none.
    static func family(of workload: String) -> Substring? {
        guard let dash = workload.lastIndex(of: "-"), dash > workload.startIndex else { return nil }
        let number = workload[workload.index(after: dash)...]
        return !number.isEmpty && number.allSatisfy(\.isNumber) ? workload[..<dash] : nil
    }

    /// A title, a table and a legend per placement and number of threads that has a sweep.
    static func sections(
        _ document: RunDocument, _ summary: RunSummary, _ style: Style
    ) -> [[String]] {
        let offered = Dictionary(
            document.cells.map { ($0.key, $0.offeredPerSecond) }, uniquingKeysWith: { a, _ in a })
        var sweeps: [(title: String, schemes: [String: [Point]])] = []
        for group in summary.groups where group.key.measure == .openLoop {
            let key = group.key
            guard let family = family(of: key.workload) else { continue }
            let title =
                [key.subject, String(family), key.placement].joined(separator: " · ")
                + " · \(key.producers) to \(key.consumers)"
            for row in group.rows {
                guard let rate = offered[row.summary.key] ?? nil,
                    let rounds = row.summary.latency?.p99NsByRound.values,
                    let p99Ns = Statistics.median(Array(rounds))
                else { continue }
                if !sweeps.contains(where: { $0.title == title }) { sweeps.append((title, [:])) }
                let place = sweeps.firstIndex { $0.title == title } ?? 0
                sweeps[place].schemes[row.summary.key.label, default: []].append(
                    Point(offeredPerSecond: rate, p99Ns: p99Ns))
            }
        }
        return sweeps.compactMap { sweep in
            let schemes = sweep.schemes.filter {
                Set($0.value.map(\.offeredPerSecond)).count >= leastRates
            }
            return schemes.isEmpty ? nil : section(sweep.title, schemes, style)
        }
    }

    private static func section(
        _ title: String, _ schemes: [String: [Point]], _ style: Style
    ) -> [String] {
        var table = TerminalTable(columns: [
            .init("scheme", kind: .flexible(minimum: 12), alignRight: false),
            .init("highest rate"), .init("p99 there"), .init("next rate"), .init("p99 there"),
        ])
        let rows = schemes.map { (name: $0.key, knee: knee($0.value)) }.sorted {
            let rates = (
                $0.knee.within?.offeredPerSecond ?? 0, $1.knee.within?.offeredPerSecond ?? 0
            )
            return rates.0 == rates.1 ? $0.name < $1.name : rates.0 > rates.1
        }
        for row in rows {
            table.append(
                [.text(row.name)]
                    + [row.knee.within, row.knee.beyond].flatMap { point in
                        [
                            TerminalTable.Cell.text(
                                point.map { Figures.quantity($0.offeredPerSecond) + "/s" }
                                    ?? Figures.absent),
                            .text(point.map { Figures.time(ns: $0.p99Ns) } ?? Figures.absent),
                        ]
                    })
        }
        let legend =
            "highest rate: the last offered, in ascending order, whose p99 in the median round "
            + "stays within \(Figures.time(ns: boundNs))"
        return [Emphasis.heading.applied(to: title, style: style)] + table.lines(style)
            + TextWidth.wrapped(legend, to: style.width, indent: "")
            .map { Emphasis.faint.applied(to: $0, style: style) }
    }
}
