/// How far a run is, as one line; the caller decides where and how often to print it.
public enum ProgressLine {
    /// `[█████▌    ] 45 of 120  37 %  12 s gone, about 20 s left  label`.
    ///
    /// - Parameters:
    ///   - done: Rounds finished, 0…`total`; brought into that range.
    ///   - total: Rounds in all.
    ///   - elapsedSeconds: Since the first of them started.
    ///   - resumed: Those of `done` that an earlier run had finished: they took no time now.
    ///   - label: What runs now; nil for none.
    ///   - width: The line is cut to this many columns.
    public static func text(
        done: Int, total: Int, elapsedSeconds: Double, resumed: Int = 0, label: String? = nil,
        width: Int
    ) -> String {
        let total = max(0, total)
        let done = min(max(0, done), total)
        let share = total > 0 ? Double(done) / Double(total) : 1
        let bar = TerminalTable.bar(share, width: 16)
        let fresh = done - min(max(0, resumed), done)
        var text = "[\(TextWidth.padded(bar, to: 16, alignRight: false))]"
        text += " \(done) of \(total)  \(Int(share * 100)) %  \(duration(elapsedSeconds)) gone"
        if done < total {
            text += ", "
            if fresh > 0, elapsedSeconds > 0 {
                let left = elapsedSeconds / Double(fresh) * Double(total - done)
                text += "about \(duration(left)) left"
            } else {
                text += "time left unknown"
            }
        }
        if let label { text += "  \(TextWidth.printable(label))" }
        return TextWidth.cutEnd(text, to: max(0, width))
    }

    /// `45 s`, `1 min 20 s`, `2 h 05 min`; whole seconds, at most 999 hours.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds > 0 else { return "0 s" }
        let whole = Int(min(seconds, 999 * 3600).rounded())
        func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
    }
}
