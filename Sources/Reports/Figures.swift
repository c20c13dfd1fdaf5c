import Foundation

/// Numbers as text: three significant digits, units with a space before them.
public enum Figures {
    /// What stands where a figure does not exist.
    public static let absent = "–"

    /// `1.23`, `12.3`, `123`, `1230`, `0.00123`.
    public static func threeDigits(_ value: Double) -> String {
        guard value.isFinite else { return absent }
        guard value != 0 else { return "0" }
        var exponent = Int(log10(abs(value)).rounded(.down))
        var scaled = (abs(value) / pow(10, Double(exponent - 2))).rounded()
        if scaled >= 1000 {
            scaled = (scaled / 10).rounded()
            exponent += 1
        }
        let rounded = scaled * pow(10, Double(exponent - 2))
        let sign = value < 0 ? "-" : ""
        return sign + String(format: "%.*f", max(0, 2 - exponent), rounded)
    }

    /// `0.41 ns`, `285 ns`, `1.24 µs`, `3.10 ms`, `2.00 s`.
    public static func time(ns: Double) -> String {
        scaled(ns, steps: [("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)])
    }

    /// A whole number: exact below 10 000, rounded above.
    public static func count(_ value: Double) -> String {
        value < 10_000 ? "\(Int(value))" : quantity(value)
    }

    /// `12.3`, `1.50 k`, `3.00 M`, `2.40 G`.
    public static func quantity(_ value: Double) -> String {
        scaled(value, steps: [("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9)])
    }

    /// `0 %`, `3.1 %`, `31 %`, `100 %`, from a share of 1.
    public static func percent(_ share: Double) -> String {
        guard share.isFinite else { return absent }
        let value = share * 100
        if value != 0, abs(value) < 0.05 { return "<0.1 %" }
        return String(format: value == 0 || abs(value) >= 9.95 ? "%.0f %%" : "%.1f %%", value)
    }

    /// `1.04×`.
    public static func ratio(_ value: Double) -> String {
        value.isFinite ? threeDigits(value) + "×" : absent
    }

    /// Six significant digits without a unit or an exponent, for programs to read.
    static func plain(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "0" }
        let digits = max(0, 5 - Int(log10(abs(value)).rounded(.down)))
        return String(format: "%.*f", min(digits, 12), value)
    }

    private static func scaled(_ value: Double, steps: [(unit: String, size: Double)]) -> String {
        guard value.isFinite else { return absent }
        // 999.6 rounds to 1000, which the next unit shows better.
        let step = steps.last { abs(value) >= $0.size * 0.9995 } ?? steps[0]
        let number = threeDigits(value / step.size)
        return step.unit.isEmpty ? number : "\(number) \(step.unit)"
    }
}
