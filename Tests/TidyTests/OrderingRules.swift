/// The rules about memory orderings in the algorithms.
enum OrderingRules {
    /// How far above an ordering its comment may begin, in lines.
    static let commentDistance = 12

    /// Every ordering that is not relaxed says why: an `ORDER` or a `NO ORDER` comment on its line
    /// or within the lines above.
    static func commented(_ file: SourceFile) -> [Finding] {
        let ordering =
            #/
            [oO]rdering: \s* \.
            ( acquiring | releasing | acquiringAndReleasing | sequentiallyConsistent ) \b
            /#
        let lines = file.lines
        var findings: [Finding] = []
        for (index, line) in lines.enumerated() {
            guard let match = TidyRules.code(of: line).firstMatch(of: ordering) else { continue }
            let nearby = lines[max(0, index - commentDistance)...index]
            guard !nearby.contains(where: { tag(of: $0) != nil || isNoOrder($0) }) else {
                continue
            }
            findings.append(
                "\(file.path):\(index + 1): .\(match.1) without an ORDER comment within "
                    + "\(commentDistance) lines")
        }
        return findings
    }

    /// Every tag occurs on both of its sides, so at least twice in the module.
    static func paired(_ files: [SourceFile]) -> [Finding] {
        var places: [String: [String]] = [:]
        for file in files {
            for (index, line) in file.lines.enumerated() {
                guard let tag = tag(of: line) else { continue }
                let place = "\(file.path):\(index + 1)"
                // One comment for both sides, where both are in a library's own code.
                let sides = line.contains(", both sides") ? 2 : 1
                places[tag, default: []] += Array(repeating: place, count: sides)
            }
        }
        return places.filter { $0.value.count < 2 }.sorted { $0.key < $1.key }.map { tag, places in
            "\(places[0]): ORDER \(tag) has no other side"
        }
    }

    /// The tag of an `// ORDER tag, side.` comment; nil on every other line.
    static func tag(of line: String) -> String? {
        comment(of: line)?.firstMatch(of: #/^ORDER\s+([\w.\-]*\w)/#).map { String($0.1) }
    }

    static func isNoOrder(_ line: String) -> Bool {
        comment(of: line)?.hasPrefix("NO ORDER") ?? false
    }

    /// The text of the line's comment, without its slashes.
    private static func comment(of line: String) -> Substring? {
        let code = TidyRules.code(of: line)
        guard code.endIndex < line.endIndex else { return nil }
        return line[code.endIndex...].drop { $0 == "/" || $0 == " " }
    }
}
