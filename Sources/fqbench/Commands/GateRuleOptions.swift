import ArgumentParser
import Results

/// What a gate takes for a regression. Nil where not given: a mode without rules refuses them.
struct GateRuleOptions: ParsableArguments {
    @Option(help: "Seconds to measure, 10 to 86400. (default: 600)")
    var budget: Double?

    @Option(
        help: "Slowdowns up to this many per cent never fail; of p99: five times it. (default: 2)")
    var tolerance: Double?

    @Option(
        help: """
            A slowdown by this many per cent must be excluded to pass; of p99: ten times it. \
            (default: 10)
            """)
    var margin: Double?

    @Option(help: "How often equal builds may fail, 0.000001 to 0.5. (default: 0.005)")
    var falseAlarms: Double?

    var budgetSeconds: Double { budget ?? 600 }

    func validate() throws {
        let percent = (tolerance: tolerance ?? 2, margin: margin ?? 10)
        if !(10...86_400).contains(budgetSeconds) {
            throw ValidationError("--budget: expected 10 to 86400, found \(budgetSeconds)")
        }
        if !(0...100).contains(percent.tolerance) {
            throw ValidationError(
                "--tolerance: expected 0 to 100, found \(percent.tolerance)")
        }
        if !(percent.margin > percent.tolerance && percent.margin <= 1000) {
            throw ValidationError(
                "--margin: expected more than the tolerance, at most 1000, found "
                    + "\(percent.margin)")
        }
        // Corrections divide it by looks and figures, and it has to stay a probability.
        if let falseAlarms, !(1e-6...0.5).contains(falseAlarms) {
            throw ValidationError(
                "--false-alarms: expected 0.000001 to 0.5, found \(falseAlarms)")
        }
    }

    var rules: GateRules {
        let percent = (tolerance: tolerance ?? 2, margin: margin ?? 10)
        var rules = GateRules()
        rules.tolerance = percent.tolerance / 100
        rules.tailTolerance = percent.tolerance / 20
        rules.margin = percent.margin / 100
        rules.tailMargin = percent.margin / 10
        if let falseAlarms { rules.falseAlarmRate = falseAlarms }
        return rules
    }
}
