/// One run of `fqbench`: the whole content of a result file.
///
/// Written as JSON with sorted keys. Times are nanoseconds, rates are operations per second, unless
/// a name says otherwise. `docs/ResultFormat.md` describes the same for readers in other languages.
public struct RunDocument: Codable, Sendable, Equatable {
    /// The schema that this build writes, and the newest that it reads.
    public static let currentSchemaVersion = 1

    /// 1…`currentSchemaVersion`.
    public var schemaVersion = RunDocument.currentSchemaVersion
    /// Always `fqbench`: how a reader knows the file.
    public var tool = "fqbench"
    /// UTC, ISO 8601 with seconds: `2026-11-21T07:30:00Z`.
    public var startedAt: String
    /// Nil while rounds are still missing.
    public var finishedAt: String?
    /// What every random choice of the run derives from.
    public var seed: UInt64
    /// What was run, as data.
    public var suite: SuiteRecord
    /// The machine and its settings by dotted key (`kernel.release`, `cpu.model`, …).
    public var environment: [String: String]
    /// The program by dotted key (`commit`, `dirty`, `compiler`, `configuration`, …).
    public var build: [String: String]
    /// What hwloc saw and this run could use.
    public var topology: TopologyRecord
    /// How ticks became nanoseconds.
    public var clock: ClockRecord
    /// What nothing can beat here.
    public var floor: FloorRecord
    /// In the suite's order.
    public var cells: [CellRecord]
    /// Sentences about the run that its reader must know (skipped placements, few clean rounds).
    public var notes: [String]

    /// Every field, with the schema version and the tool's name filled in.
    public init(
        startedAt: String, finishedAt: String? = nil, seed: UInt64, suite: SuiteRecord,
        environment: [String: String], build: [String: String], topology: TopologyRecord,
        clock: ClockRecord, floor: FloorRecord, cells: [CellRecord], notes: [String] = []
    ) {
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.seed = seed
        self.suite = suite
        self.environment = environment
        self.build = build
        self.topology = topology
        self.clock = clock
        self.floor = floor
        self.cells = cells
        self.notes = notes
    }
}

/// Which suite ran, and enough of it to refuse to resume another.
public struct SuiteRecord: Codable, Sendable, Equatable {
    /// `smoke`, `quick`, `full`, or a file's own name.
    public var name: String
    /// Rounds that every cell is meant to have.
    public var rounds: Int
    /// FNV-1a 64 of the resolved cells and parameters, in hexadecimal.
    public var fingerprint: String

    public init(name: String, rounds: Int, fingerprint: String) {
        self.name = name
        self.rounds = rounds
        self.fingerprint = fingerprint
    }
}

/// The machine's shape.
public struct TopologyRecord: Codable, Sendable, Equatable {
    /// One line: `1 package, 1 NUMA node, 1 L3, 2 cores, 2 PUs`.
    public var summary: String
    /// OS indices of the CPUs that this process may use.
    public var allowedCPUs: [Int]
    /// Placement name to the CPUs it uses, for those that exist here.
    public var placements: [String: [Int]]

    public init(summary: String, allowedCPUs: [Int], placements: [String: [Int]]) {
        self.summary = summary
        self.allowedCPUs = allowedCPUs
        self.placements = placements
    }
}

/// The calibrated time-stamp counter.
public struct ClockRecord: Codable, Sendable, Equatable {
    /// Ticks per second against CLOCK_MONOTONIC_RAW.
    public var ticksPerSecond: Double
    /// Length of the calibration.
    public var calibrationNs: Double
    /// Cost of one reading.
    public var costNs: Double
    /// Smallest step seen between two readings: nothing shorter can be resolved.
    public var stepNs: Double
    /// Whether the counter runs at one rate in every power state.
    public var isInvariant: Bool

    public init(
        ticksPerSecond: Double, calibrationNs: Double, costNs: Double, stepNs: Double,
        isInvariant: Bool
    ) {
        self.ticksPerSecond = ticksPerSecond
        self.calibrationNs = calibrationNs
        self.costNs = costNs
        self.stepNs = stepNs
        self.isInvariant = isInvariant
    }
}

/// Measured in the run itself.
public struct FloorRecord: Codable, Sendable, Equatable {
    /// One pass of an empty loop.
    public var emptyLoopNs: Double
    /// One protocol call that does nothing, in the measured loop, less the empty loop.
    public var nullSchemeNs: Double
    /// One uncontended atomic add.
    public var localAtomicAddNs: Double
    /// Core-to-core round trip between the first two CPUs of each placement, by its name.
    public var roundTripNs: [String: Double]
    /// One 32-byte request moved from core to core in large blocks, with no protocol around it, by
    /// the same placements: what bounds throughput.
    public var transferNs: [String: Double]
    /// What two time stamps add to one operation: the same trial with and without.
    public var stampingNs: Double

    public init(
        emptyLoopNs: Double, nullSchemeNs: Double, localAtomicAddNs: Double,
        roundTripNs: [String: Double], transferNs: [String: Double], stampingNs: Double
    ) {
        self.emptyLoopNs = emptyLoopNs
        self.nullSchemeNs = nullSchemeNs
        self.localAtomicAddNs = localAtomicAddNs
        self.roundTripNs = roundTripNs
        self.transferNs = transferNs
        self.stampingNs = stampingNs
    }
}

/// What one cell measures. Two cells with equal keys can be compared.
public struct CellKey: Codable, Sendable, Hashable {
    /// `ring`, `reporting`, `pipeline`, …
    public var subject: String
    /// `spsc`, `locked`, …
    public var structure: String
    /// Nil for a structure without locks.
    public var lockKind: String?
    /// `pool`, `jemalloc` or `glibc` for a structure with nodes.
    public var nodeMemory: String?
    /// The workload's name in its suite.
    public var workload: String
    /// `same-l3`, `oversubscribed`, …
    public var placement: String
    /// Threads that produce.
    public var producers: Int
    /// Threads that consume.
    public var consumers: Int

    public init(
        subject: String, structure: String, lockKind: String? = nil, nodeMemory: String? = nil,
        workload: String, placement: String, producers: Int, consumers: Int
    ) {
        self.subject = subject
        self.structure = structure
        self.lockKind = lockKind
        self.nodeMemory = nodeMemory
        self.workload = workload
        self.placement = placement
        self.producers = producers
        self.consumers = consumers
    }

    /// The scheme as a user types it: `spsc`, `locked/ticket`.
    public var scheme: String { lockKind.map { "\(structure)/\($0)" } ?? structure }
}

/// What kind of figure a cell's headline is.
public enum CellMeasure: String, Codable, Sendable {
    /// Closed loop without time stamps: operations per second.
    case throughput
    /// Closed loop: nanoseconds there and back.
    case roundTrip = "round-trip"
    /// Latency from the intended arrival, under an offered rate.
    case openLoop = "open-loop"
    /// Closed loop: nanoseconds of one operation.
    case latency
}

/// One scheme under one workload at one placement.
public struct CellRecord: Codable, Sendable, Equatable {
    public var key: CellKey
    public var measure: CellMeasure
    /// Open loop: the intended arrivals per second; nil otherwise.
    public var offeredPerSecond: Double?
    /// FNV-1a 64 of the workload's parameters and the length of its bursts, in hexadecimal: cells
    /// of two runs with different ones did different work. Nil in older files.
    public var workloadFingerprint: String?
    /// Finished rounds only, ascending by index.
    public var rounds: [RoundRecord]

    public init(
        key: CellKey, measure: CellMeasure, offeredPerSecond: Double? = nil,
        workloadFingerprint: String? = nil, rounds: [RoundRecord] = []
    ) {
        self.key = key
        self.measure = measure
        self.offeredPerSecond = offeredPerSecond
        self.workloadFingerprint = workloadFingerprint
        self.rounds = rounds
    }
}

/// One visit to a cell: bursts between two canaries.
public struct RoundRecord: Codable, Sendable, Equatable {
    /// From 0.
    public var index: Int
    /// Median round trip of the canary before and after; nil where both threads share a CPU.
    public var canaryBeforeNs: Double?
    public var canaryAfterNs: Double?
    /// One entry per burst, in order.
    public var bursts: [BurstRecord]
    /// One entry per thread, producers first.
    public var threads: [ThreadRecord]
    /// Latencies in nanoseconds: HdrHistogram V2 encoding, base64; nil for throughput.
    public var latencyHistogram: String?
    /// Samples above p99 by cause; nil for throughput.
    public var tailBlame: TailBlame?
    /// What else was timed beside the headline (`flush`, `recovery`, …), encoded in the same way;
    /// nil where nothing was.
    public var otherLatencies: [String: String]?
    /// What was counted beside it (`retries`, `timeouts`, …); nil where nothing was.
    public var counts: [String: Int]?
    /// Requests refused because of overflow, where the workload drops instead of waiting.
    public var overflowed: Int
    /// What was checked beside the speed.
    public var check: CheckRecord

    public init(
        index: Int, canaryBeforeNs: Double? = nil, canaryAfterNs: Double? = nil,
        bursts: [BurstRecord], threads: [ThreadRecord], latencyHistogram: String? = nil,
        tailBlame: TailBlame? = nil, otherLatencies: [String: String]? = nil,
        counts: [String: Int]? = nil, overflowed: Int = 0, check: CheckRecord
    ) {
        self.index = index
        self.canaryBeforeNs = canaryBeforeNs
        self.canaryAfterNs = canaryAfterNs
        self.bursts = bursts
        self.threads = threads
        self.latencyHistogram = latencyHistogram
        self.tailBlame = tailBlame
        self.otherLatencies = otherLatencies
        self.counts = counts
        self.overflowed = overflowed
        self.check = check
    }
}

/// About two milliseconds of load.
public struct BurstRecord: Codable, Sendable, Equatable {
    /// The overlap: every thread was loading.
    public var durationNs: Double
    /// Requests (or round trips) that went all the way in that time.
    public var operations: Int
    /// Enqueues that found the ring full, and dequeues that found it empty.
    public var failedTries: Int
    /// Of all its threads.
    public var involuntarySwitches: Int
    /// Of all its threads.
    public var voluntarySwitches: Int

    public init(
        durationNs: Double, operations: Int, failedTries: Int, involuntarySwitches: Int,
        voluntarySwitches: Int
    ) {
        self.durationNs = durationNs
        self.operations = operations
        self.failedTries = failedTries
        self.involuntarySwitches = involuntarySwitches
        self.voluntarySwitches = voluntarySwitches
    }

    /// No thread was preempted.
    public var isClean: Bool { involuntarySwitches == 0 }
    /// Per second.
    public var rate: Double { durationNs > 0 ? Double(operations) * 1e9 / durationNs : 0 }
}

/// One thread's share of a round.
public struct ThreadRecord: Codable, Sendable, Equatable {
    /// `producer` or `consumer`.
    public var role: String
    /// Where it was bound and found to be.
    public var cpu: Int
    /// Requests that it moved.
    public var operations: Int
    /// Full or empty.
    public var failedTries: Int
    /// Bytes allocated in the measured loops; nil where the allocator cannot be asked.
    public var allocatedBytes: Int?
    /// Ready to run but not running, from the scheduler's own counter; nil where not offered.
    public var waitedNs: Double?
    public var minorFaults: Int

    public init(
        role: String, cpu: Int, operations: Int, failedTries: Int, allocatedBytes: Int?,
        waitedNs: Double?, minorFaults: Int
    ) {
        self.role = role
        self.cpu = cpu
        self.operations = operations
        self.failedTries = failedTries
        self.allocatedBytes = allocatedBytes
        self.waitedNs = waitedNs
        self.minorFaults = minorFaults
    }
}

/// Why samples above p99 were slow, counted by the burst they came from.
public struct TailBlame: Codable, Sendable, Equatable {
    /// A thread was switched out against its will.
    public var preemption: Int
    /// The hypervisor took the CPU (steal time moved).
    public var stolen: Int
    /// A page fault in the measured loop.
    public var pageFault: Int
    /// The canary says that the machine was in its slow state.
    public var machineState: Int
    /// None of the above.
    public var scheme: Int

    public init(
        preemption: Int = 0, stolen: Int = 0, pageFault: Int = 0, machineState: Int = 0,
        scheme: Int = 0
    ) {
        self.preemption = preemption
        self.stolen = stolen
        self.pageFault = pageFault
        self.machineState = machineState
        self.scheme = scheme
    }
}

/// Conservation and order, checked in the trial itself.
public struct CheckRecord: Codable, Sendable, Equatable {
    /// Accepted by the subject.
    public var accepted: Int
    /// Handed out by it.
    public var delivered: Int
    /// Each a sentence; empty where everything held. A figure from a round with any is not shown.
    public var violations: [String]

    public init(accepted: Int, delivered: Int, violations: [String] = []) {
        self.accepted = accepted
        self.delivered = delivered
        self.violations = violations
    }

    public var holds: Bool { violations.isEmpty }
}
