import Results

/// How often a gate cries wolf and what it finds: the outcome of its self-test.
public struct SelfTestTable: Encodable, Sendable {
    /// Gates with one kind of planted slowdown.
    public struct Row: Encodable, Sendable {
        public let plant: String
        public private(set) var gates = 0
        /// That failed on what was planted, or that failed at all where nothing was.
        public private(set) var found = 0
        /// That failed on something else.
        public private(set) var falseAlarms = 0
        public private(set) var inconclusive = 0
        /// Of the median gate, one for each recording or real gate.
        public private(set) var seconds: [Double] = []
        /// The real gates, in the order they ran.
        public private(set) var realGates: [Gate] = []

        /// What the real gates measured of the planted figure.
        var medianSlowdown: Double? { Statistics.median(realGates.compactMap(\.slowdown)) }

        public init(plant: String) { self.plant = plant }

        public mutating func add(_ count: RecordedGate.Count) {
            gates += count.gates
            found += count.found
            falseAlarms += count.plant == .nothing ? 0 : count.falseAlarms
            inconclusive += count.inconclusive
            seconds.append(count.seconds)
        }

        public mutating func add(_ gate: Gate, isFound: Bool, isFalseAlarm: Bool) {
            gates += 1
            found += isFound ? 1 : 0
            falseAlarms += isFalseAlarm ? 1 : 0
            inconclusive += gate.outcome == .inconclusive ? 1 : 0
            seconds.append(gate.seconds)
            realGates.append(gate)
        }
    }

    /// One real gate.
    public struct Gate: Encodable, Sendable {
        public let outcome: GateVerdict.Outcome
        public let seconds: Double
        /// Of the figure that the plant is sized by, as measured: 0.1 is 10 % more time.
        public let slowdown: Double?
        /// Figures that failed, as `SCHEME, WORKLOAD, FIGURE`.
        public let failed: [String]

        public init(
            outcome: GateVerdict.Outcome, seconds: Double, slowdown: Double? = nil,
            failed: [String]
        ) {
            self.outcome = outcome
            self.seconds = seconds
            self.slowdown = slowdown
            self.failed = failed
        }
    }

    /// What the gates were played on.
    public let title: String
    public let seed: UInt64
    public let budgetSeconds: Double
    /// Gated figures, per recording.
    public let figures: [Int]
    /// Where real gates ran and what program they ran, as in a result file; nil for recordings.
    public let machine: [String: String]?
    public let build: [String: String]?
    public var rows: [Row]
    /// Stopped before all gates were played.
    public var isCutShort = false

    public var gates: Int { rows.reduce(0) { $0 + $1.gates } }

    public init(
        title: String, seed: UInt64, budgetSeconds: Double, figures: [Int],
        machine: [String: String]? = nil, build: [String: String]? = nil, rows: [Row] = []
    ) {
        self.title = title
        self.seed = seed
        self.budgetSeconds = budgetSeconds
        self.figures = figures
        self.machine = machine
        self.build = build
        self.rows = rows
    }

    /// `nothing`, `median +5.0 %`, `p99 +100 %`.
    public static func name(of plant: RecordedGate.Plant) -> String {
        switch plant {
        case .nothing: "nothing"
        case .median(let share): "median " + ChangeText.percent(1 + share)
        case .tail(let share): "p99 " + ChangeText.percent(1 + share)
        }
    }

    /// The table with what its columns mean; no line is wider than the style says.
    public func text(_ style: Style) -> String {
        let isMeasured = rows.contains { $0.medianSlowdown != nil }
        var table = TerminalTable(
            columns: [.init("planted", alignRight: false)]
                + (isMeasured ? [.init("measured")] : []) + [
                    .init("gates"), .init("failed"), .init("share", priority: 1),
                    .init("interval"), .init("other"), .init("open"), .init("time"),
                ])
        for row in rows where row.gates > 0 {
            let interval = Statistics.proportionInterval(successes: row.found, trials: row.gates)
            let measured = row.medianSlowdown.map { ChangeText.percent(1 + $0) }
            table.append(
                [.text(row.plant)] + (isMeasured ? [.text(measured ?? Figures.absent)] : []) + [
                    .text("\(row.gates)"), .text("\(row.found)"),
                    .text(Figures.percent(Double(row.found) / Double(row.gates))),
                    .text(
                        "\(Figures.percent(interval.lower).dropLast(2))…"
                            + Figures.percent(interval.upper)),
                    .text("\(row.falseAlarms)"), .text("\(row.inconclusive)"),
                    .text(
                        Statistics.median(row.seconds).map { ProgressLine.duration($0) }
                            ?? Figures.absent),
                ])
        }
        let counts =
            figures.isEmpty ? "" : figures.map(String.init).joined(separator: ", ") + " figures, "
        let heading =
            "Self-test of the gate, \(title): \(counts)budget "
            + "\(ProgressLine.duration(budgetSeconds)), seed \(seed)"
            + (isCutShort ? "; cut short" : "")
        let legend =
            "failed: on a figure of the planted cell, or, where nothing is planted, at all: false "
            + "alarms; interval: of their share, 95 %; other: gates that failed on a figure where "
            + "nothing was planted; open: inconclusive; time: of the median gate"
            + (isMeasured ? "; measured: slowdown of the planted figure, the median" : "")
        return
            (TextWidth.wrapped(heading, to: style.width, indent: "")
            .map { Emphasis.heading.applied(to: $0, style: style) } + table.lines(style)
            + TextWidth.wrapped(legend, to: style.width, indent: "")
            .map { Emphasis.faint.applied(to: $0, style: style) })
            .joined(separator: "\n") + "\n"
    }
}
