/// What belongs to which kind of gate.
extension GateCommand {
    /// By the option that chooses it.
    enum Mode: String {
        case base = "--base"
        case baseBinary = "--base-binary"
        case counts = "--counts"
        case recorded = "--recorded"
        case selfTest = "--self-test"
    }

    /// Of options that chose one.
    var mode: Mode {
        if base != nil { return .base }
        if baseBinary != nil { return .baseBinary }
        if counts { return .counts }
        return recorded.isEmpty ? .selfTest : .recorded
    }

    /// An option that some modes have no use for, and would ignore.
    struct ParticularOption {
        let name: String
        let isGiven: Bool
        let modes: Set<Mode>
    }

    var particularOptions: [ParticularOption] {
        let builds: Set<Mode> = [.base, .baseBinary]
        let real = builds.union([.selfTest])
        let judged = real.union([.recorded])
        let rows: [(String, Bool, Set<Mode>)] = [
            ("--thresholds", thresholds != nil, [.counts]),
            ("--recorded", !recorded.isEmpty, [.recorded]),
            ("--plants", !plants.isEmpty, [.selfTest]),
            ("--gates", gates != nil, [.selfTest, .recorded]),
            ("--head-binary", headBinary != nil, real.union([.counts])),
            ("--suite", suite != nil, real),
            ("--schemes", !schemes.isEmpty, real),
            ("--workloads", !workloads.isEmpty, real),
            ("--cpus", cpus != nil, real),
            ("--seed", seed != nil, judged),
            ("--budget", rules.budget != nil, judged),
            ("--tolerance", rules.tolerance != nil, judged),
            ("--margin", rules.margin != nil, judged),
            ("--false-alarms", rules.falseAlarms != nil, judged),
            ("--junit", junit != nil, builds),
            ("--github", github, builds.union([.counts])),
            ("--strict", strict, builds.union([.counts])),
            ("--plant", plant != nil, builds.union([.counts])),
        ]
        return rows.map { ParticularOption(name: $0.0, isGiven: $0.1, modes: $0.2) }
    }
}
