import FaultModel
import FaultTraffic
import Measurement
import Placement
import Results

/// Runs a plan round by round, the cells of a round in random order, so that a disturbance of the
/// machine falls on all schemes alike.
public struct SuiteRunner {
    let plan: SuitePlan
    let topology: Topology
    let clock: ClockCalibration
    let seed: UInt64
    /// Passes of an empty loop per nanosecond, for think, service and submit times.
    public let thinkPassesPerNs: Double
    let traces: [String: Trace]

    /// How far a run is.
    public struct Progress: Sendable {
        /// Visits finished, those of an earlier run included.
        public let done: Int
        public let total: Int
        /// Visits finished by this run.
        public let doneHere: Int
        /// What is about to run.
        public let next: CellKey?
    }

    /// - Parameters:
    ///   - traces: Those that `plan.traceNames` names.
    ///   - thinkPassesPerNs: As another process on this machine found it; nil: measured now.
    /// - Throws: `PlacementError` where the calibrating thread cannot be pinned; `SuiteError` for a
    ///   trace that is missing.
    public init(
        plan: SuitePlan, topology: Topology, clock: ClockCalibration, seed: UInt64,
        traces: [String: Trace], thinkPassesPerNs: Double? = nil
    ) throws {
        for name in plan.traceNames {
            guard let trace = traces[name] else { throw SuiteError("no trace \"\(name)\"") }
            guard !trace.events.isEmpty else {
                throw SuiteError("trace \(name): expected at least one request")
            }
        }
        self.plan = plan
        self.topology = topology
        self.clock = clock
        self.seed = seed
        self.traces = traces
        self.thinkPassesPerNs =
            try thinkPassesPerNs ?? Self.thinkPassesPerNs(topology: topology, clock: clock)
    }

    /// Passes of an empty loop per nanosecond, measured.
    public static func thinkPassesPerNs(
        topology: Topology, clock: ClockCalibration
    ) throws -> Double {
        1 / (try Floor.thinkPassNs(topology: topology, clock: clock))
    }

    /// Makes one visit to a cell of the plan.
    ///
    /// - Parameters:
    ///   - cell: Index into `plan.cells`. Not an open loop at a share of the scheme's own
    ///     saturation: two builds would be offered different loads.
    ///   - round: Which stretch of a schedule an open loop takes.
    public func visit(_ cell: Int, round: Int) throws -> RoundRecord {
        let planned = plan.cells[cell]
        if case .saturationShare = planned.arrivals {
            preconditionFailure("a load that depends on the build is not offered to two builds")
        }
        return try run(planned, try record(of: planned), round: round)
    }

    /// Runs what `document` still misses.
    ///
    /// - Parameters:
    ///   - onProgress: Called before each visit and after the last, on the calling thread.
    ///   - shouldStop: Asked before each visit; the rounds finished so far stay in the document.
    ///   - afterRound: Called after each visit, to keep what is finished.
    /// - Returns: Whether every visit was made.
    /// - Throws: `PlacementError`, and whatever `afterRound` throws; the document keeps every
    ///   finished visit.
    public func run(
        _ document: inout RunDocument, onProgress: (Progress) -> Void, shouldStop: () -> Bool,
        afterRound: (RunDocument) throws -> Void
    ) throws -> Bool {
        for cell in plan.cells where !document.cells.contains(where: { $0.key == cell.key }) {
            if shouldStop() { return false }
            document.cells.append(try record(of: cell))
        }
        let visits = Resume.missing(in: document, cells: plan.cells.map(\.key))
        let total = plan.cells.count * plan.suite.rounds
        var done = total - visits.count
        let doneBefore = done
        for visit in shuffled(visits) {
            let progress = Progress(
                done: done, total: total, doneHere: done - doneBefore, next: visit.cell)
            onProgress(progress)
            if shouldStop() { return false }
            guard let cell = plan.cells.first(where: { $0.key == visit.cell }),
                let record = document.cells.first(where: { $0.key == visit.cell })
            else { preconditionFailure("a visit names a cell of the plan and the document") }
            let round = try run(cell, record, round: visit.round)
            try Resume.merge(round, of: visit.cell, into: &document)
            done += 1
            try afterRound(document)
        }
        onProgress(Progress(done: done, total: total, doneHere: done - doneBefore, next: nil))
        return true
    }

    /// Round by round, within one in an order of its own.
    private func shuffled(_ visits: [Resume.Visit]) -> [Resume.Visit] {
        var result: [Resume.Visit] = []
        for round in 0..<plan.suite.rounds {
            var random = SeededGenerator(seed: seed, stream: UInt64(round))
            result += visits.filter { $0.round == round }.shuffled(using: &random)
        }
        return result
    }

    private func run(
        _ cell: SuitePlan.Cell, _ record: CellRecord, round: Int
    ) throws -> RoundRecord {
        switch cell.job {
        case .ring(let scheme, let workload):
            return try trial(of: cell, scheme, workload, record, round: round)
                .run(index: round)
        case .reporting(let scheme, let workload):
            return try ReportingTrial(
                scheme: scheme, workload: workload, topology: topology, cpus: cell.cpus,
                isOversubscribed: cell.placement == .oversubscribed, clock: clock,
                bursts: plan.suite.burstsPerRound,
                burstNs: (workload.burstMs ?? plan.suite.burstMs) * 1e6,
                passesPerNs: thinkPassesPerNs, seed: seed
            ).run(index: round)
        case .pipeline(let scheme, let workload):
            let script = try PipelineSource(
                workload: workload, traces: traces, burstNs: plan.suite.burstMs * 1e6, seed: seed
            ).script(round: round, bursts: plan.suite.burstsPerRound, clock: clock)
            defer { script.deallocate() }
            return try PipelineTrial(
                scheme: scheme, workload: workload, topology: topology, cpus: cell.cpus,
                isOversubscribed: cell.placement == .oversubscribed, clock: clock,
                script: script, passesPerNs: thinkPassesPerNs
            ).run(index: round)
        case .lifetime(let job):
            return try job.run(
                TrialSettings(
                    topology: topology, cpus: cell.cpus,
                    isOversubscribed: cell.placement == .oversubscribed, clock: clock,
                    bursts: plan.suite.burstsPerRound,
                    burstNs: (job.burstMs ?? plan.suite.burstMs) * 1e6,
                    passesPerNs: thinkPassesPerNs, seed: seed &+ UInt64(round)),
                index: round)
        }
    }

    /// A cell without rounds. An open loop at a share of saturation measures that now.
    private func record(of cell: SuitePlan.Cell) throws -> CellRecord {
        var offered: Double?
        if case .ring(let scheme, let workload) = cell.job, workload.measure == .openLoop {
            if case .saturationShare(let share) = workload.arrivals {
                offered = max(
                    share * (try saturation(of: cell, scheme, workload)), Arrivals.lowestRate)
            } else {
                offered = try source(of: workload, offeredPerSecond: nil).offeredPerSecond
            }
        }
        if case .pipeline(_, let workload) = cell.job {
            offered = try PipelineSource(
                workload: workload, traces: traces, burstNs: plan.suite.burstMs * 1e6, seed: seed
            ).offeredPerSecond
        }
        return CellRecord(
            key: cell.key, measure: cell.measure, offeredPerSecond: offered,
            workloadFingerprint: try plan.workloadFingerprint(of: cell))
    }

    /// Requests per second that the cell's scheme reaches in a closed loop: the median burst, or
    /// the mean where threads share a CPU and most bursts end before the consumer has run.
    private func saturation(
        of cell: SuitePlan.Cell, _ scheme: RingScheme, _ workload: RingWorkload
    ) throws -> Double {
        let closed = RingWorkload(
            name: "pilot", measure: .throughput, producers: workload.producers,
            consumers: workload.consumers, capacity: workload.capacity, batch: workload.batch,
            headUpdate: workload.headUpdate)
        var pilot = base(cell, scheme, closed, bursts: 9)
        pilot.runsCanary = false
        let rates = try pilot.run(index: 0).bursts.map(\.rate)
        let median = Statistics.median(rates) ?? 0
        return median > 0 ? median : rates.reduce(0, +) / Double(max(rates.count, 1))
    }

    private func trial(
        of cell: SuitePlan.Cell, _ scheme: RingScheme, _ workload: RingWorkload,
        _ record: CellRecord, round: Int
    ) throws -> RingTrial {
        var trial = base(cell, scheme, workload, bursts: plan.suite.burstsPerRound)
        trial.thinkPasses = UInt64(workload.thinkNs * thinkPassesPerNs)
        if workload.measure == .openLoop {
            let source = try source(of: workload, offeredPerSecond: record.offeredPerSecond)
            let bursts = plan.suite.burstsPerRound
            // The warm-up takes the requests of the burst before the first, so that successive
            // rounds go on through a trace without a gap.
            trial.schedules = try (0...bursts).map { burst in
                try source.schedule(burst: round * bursts + burst, clock: clock)
            }
        }
        return trial
    }

    private func base(
        _ cell: SuitePlan.Cell, _ scheme: RingScheme, _ workload: RingWorkload, bursts: Int
    ) -> RingTrial {
        RingTrial(
            scheme: scheme, workload: workload, topology: topology, cpus: cell.cpus,
            isOversubscribed: cell.placement == .oversubscribed, clock: clock, bursts: bursts,
            burstNs: plan.suite.burstMs * 1e6, thinkPasses: 0, seed: seed)
    }

    private func source(
        of workload: RingWorkload, offeredPerSecond: Double?
    ) throws -> RequestSource {
        let content: RequestSource.Content
        switch workload.arrivals {
        case .poisson(let perSecond): content = .process(.poisson(perSecond: perSecond))
        case .saturationShare:
            content = .process(.poisson(perSecond: offeredPerSecond ?? 1))
        case .bursts(let perSecond, let length, let idleNs):
            content = .process(.bursts(perSecond: perSecond, length: length, idleNs: idleNs))
        case .trace(let name, let speedUp):
            guard let trace = traces[name] else { throw SuiteError("no trace \"\(name)\"") }
            content = .trace(TraceStretches(trace.events, speedUp: speedUp))
        case nil: preconditionFailure("an open loop has arrivals")
        }
        return RequestSource(
            content: content, producers: workload.producers, burstNs: plan.suite.burstMs * 1e6,
            seed: seed)
    }
}
