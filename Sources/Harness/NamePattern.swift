/// Names chosen by patterns in which `*` stands for any text, and the nearest name for a mistake.
public enum NamePattern {
    /// Whether the whole of `name` fits.
    public static func fits(_ pattern: String, _ name: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return pattern == name }
        var rest = name[...]
        guard rest.hasPrefix(parts[0]) else { return false }
        rest = rest.dropFirst(parts[0].count)
        for part in parts.dropFirst().dropLast() {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(parts[parts.count - 1])
    }

    /// Whether a name is one that suites may give: small letters, digits, hyphens and dots.
    static func isKebab(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    /// The items that a pattern meets, each once, in the order of `items`.
    ///
    /// - Throws: Where a pattern meets none.
    public static func select<Item>(
        _ patterns: [String], from items: [Item], name: (Item) -> String, kind: String
    ) throws(SuiteError) -> [Item] {
        for pattern in patterns where !items.contains(where: { fits(pattern, name($0)) }) {
            let nearest = nearest(to: pattern, in: items.map(name))
            let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
            throw SuiteError("no \(kind) \"\(pattern)\"\(hint)")
        }
        return items.filter { item in patterns.contains { fits($0, name(item)) } }
    }

    /// The subjects of a list with commas; none without a list.
    ///
    /// - Throws: Where one is not among `all`.
    public static func subjects(
        _ list: String?, of all: [String]
    ) throws(SuiteError) -> [String] {
        let named = (list ?? "").split(separator: ",").map(String.init)
        return try select(named, from: all, name: { $0 }, kind: "subject")
    }

    /// The name with the smallest edit distance; nil without names, and for a text that is far
    /// longer than any name.
    public static func nearest(to text: String, in names: [String]) -> String? {
        guard text.utf8.count <= 200 else { return nil }
        return names.min { distance(text, $0) < distance(text, $1) }
    }

    /// Insertions, deletions and substitutions that turn one into the other.
    static func distance(_ from: String, _ to: String) -> Int {
        let target = Array(to)
        var row = Array(0...target.count)
        for (line, letter) in from.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in target.enumerated() {
                let substituted = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
            }
        }
        return row[target.count]
    }
}
