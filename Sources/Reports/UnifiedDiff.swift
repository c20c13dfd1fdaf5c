/// The difference of two texts with equally many lines, as `patch -p1` reads it.
public enum UnifiedDiff {
    /// Lines shown before and after a change.
    private static let context = 3

    /// - Parameter path: As the header has it, without the leading `a/`.
    /// - Returns: Empty where nothing differs.
    /// - Precondition: `old` and `new` have equally many line breaks.
    public static func text(path: String, old: String, new: String) -> String {
        let before = lines(old)
        let after = lines(new)
        precondition(before.count == after.count, "a line may change, not come or go")
        let changed = before.indices.filter { before[$0] != after[$0] }
        guard !changed.isEmpty else { return "" }
        var hunks: [Range<Int>] = []
        for line in changed {
            let range = max(0, line - context)..<min(before.count, line + context + 1)
            if let last = hunks.last, last.upperBound >= range.lowerBound {
                hunks[hunks.count - 1] = last.lowerBound..<range.upperBound
            } else {
                hunks.append(range)
            }
        }
        var result = "--- a/\(path)\n+++ b/\(path)\n"
        for hunk in hunks {
            let place = "\(hunk.lowerBound + 1),\(hunk.count)"
            result += "@@ -\(place) +\(place) @@\n"
            var line = hunk.lowerBound
            while line < hunk.upperBound {
                // Changed lines in a row: all the old ones before all the new ones.
                var end = line
                while end < hunk.upperBound, before[end] != after[end] { end += 1 }
                if end == line {
                    result += " " + before[line]
                    line += 1
                } else {
                    for place in line..<end { result += "-" + before[place] }
                    for place in line..<end { result += "+" + after[place] }
                    line = end
                }
            }
        }
        return result
    }

    /// Each with its line break; the last one without says so as `diff` does.
    private static func lines(_ text: String) -> [String] {
        var result = text.split(separator: "\n", omittingEmptySubsequences: false).map { "\($0)\n" }
        if result.last == "\n" {
            result.removeLast()
        } else if let last = result.indices.last {
            result[last] += "\\ No newline at end of file\n"
        }
        return result
    }
}
