/// A place that breaks a rule, as a compiler would write it: `path:line: sentence`.
typealias Finding = String

/// The rules of this package's own sources, each a function of text, so that each is seen to fail.
enum TidyRules {
    /// The part of a line that is code: cut at `//` outside a string literal.
    static func code(of line: String) -> Substring {
        var isQuoted = false
        var previous: Character = " "
        for index in line.indices {
            let character = line[index]
            if character == "\"", previous != "\\" { isQuoted.toggle() }
            if !isQuoted, character == "/", previous == "/" {
                return line[..<line.index(before: index)]
            }
            // A backslash that is itself escaped escapes nothing.
            previous = previous == "\\" && character == "\\" ? " " : character
        }
        return line[...]
    }

    /// Every line for which `sentence` has something to say.
    static func findings(
        in file: SourceFile, _ sentence: (_ line: String) -> String?
    ) -> [Finding] {
        file.lines.enumerated().compactMap { index, line in
            sentence(line).map { "\(file.path):\(index + 1): \($0)" }
        }
    }

    // MARK: Any file

    static let longestLine = 100
    /// What the program prints at wide terminals, kept as it is.
    static let wideFiles: Set<String> = ["Golden.swift"]

    static func layout(_ file: SourceFile) -> [Finding] {
        findings(in: file) { line in
            if line.contains("\t") { return "a tab, expected spaces" }
            if line.last?.isWhitespace ?? false { return "white space at the end of the line" }
            if line.count > longestLine, !wideFiles.contains(file.name) {
                return "\(line.count) columns, expected at most \(longestLine)"
            }
            return nil
        }
    }

    static func noReminders(_ file: SourceFile) -> [Finding] {
        // Written apart, so that this file keeps its own rule.
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        return findings(in: file) { line in
            words.first { word in
                line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains { $0 == word }
            }.map { "\($0) left in the file" }
        }
    }

    /// A path that exists on one machine only.
    static func noLocalPaths(_ file: SourceFile) -> [Finding] {
        let folders = ["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"]
        return findings(in: file) { line in
            folders.first { containsAbsolutePath(to: $0, in: line) }
                .map { "names a path below /\($0)" }
        }
    }

    /// Whether `/folder` occurs in the line as the beginning of a path: no path or word before it,
    /// no longer word after it.
    private static func containsAbsolutePath(to folder: String, in line: String) -> Bool {
        func belongsToPath(_ character: Character) -> Bool {
            character.isLetter || character.isNumber || "_.-~)}$*".contains(character)
        }
        var rest = line[...]
        while let found = rest.firstRange(of: "/" + folder) {
            let before =
                found.lowerBound > line.startIndex
                ? line[line.index(before: found.lowerBound)] : " "
            let after = found.upperBound < line.endIndex ? line[found.upperBound] : " "
            if !belongsToPath(before), before != "/",
                !after.isLetter, !after.isNumber, after != "_", after != "-"
            {
                return true
            }
            rest = line[found.upperBound...]
        }
        return false
    }

    // MARK: Sources

    static let longestFile = 500

    static func fileLength(_ file: SourceFile) -> [Finding] {
        let count = file.lines.count
        guard count > longestFile else { return [] }
        return ["\(file.path):\(count): \(count) lines, expected at most \(longestFile)"]
    }

    /// Files that hold a family of small types, by name.
    static let familyFiles: Set<String> = [
        "Identifiers.swift", "MeasuredHandleLoops.swift", "MeasuredLoops.swift",
        "MeasuredPASIDLoops.swift", "MeasuredPipelineLoops.swift", "MeasuredReleaseLoops.swift",
        "MeasuredReportingLoops.swift", "SharedMemory.swift",
    ]

    /// A Swift file is named after a type that it declares, or `Type+Topic.swift` after one that it
    /// extends. A file that still has no code has no name to deserve.
    static func fileName(_ file: SourceFile) -> [Finding] {
        guard file.isSwift, !familyFiles.contains(file.name) else { return [] }
        let declaration =
            #/\b(?:struct|class|enum|protocol|actor|typealias|extension)\s+([A-Za-z_][\w.]*)/#
        var declared: Set<Substring> = []
        var extended: Set<Substring> = []
        for line in file.lines {
            for match in code(of: line).matches(of: declaration) {
                if match.0.hasPrefix("extension") {
                    extended.insert(match.1)
                } else {
                    declared.insert(match.1)
                }
            }
        }
        guard file.lines.contains(where: { !code(of: $0).allSatisfy(\.isWhitespace) }) else {
            return []
        }
        let base = file.name.dropLast(".swift".count)
        if let plus = base.firstIndex(of: "+") {
            let type = base[..<plus]
            guard !extended.contains(type) else { return [] }
            return ["\(file.path):1: expected an extension of \(type)"]
        }
        guard !declared.contains(base) else { return [] }
        return ["\(file.path):1: expected a declaration of \(base), which the file is named after"]
    }

    // MARK: Imports

    /// What every target may import beside the standard library: the arrows of the design, and
    /// nothing that points up.
    static let imports: [String: Set<String>] = [
        "FaultModel": [],
        "FaultQueues": ["FaultModel", "CPlatform", "CControl", "CJemalloc", "CURCU", "Glibc"],
        "Decompression": [] + systemModules,
        "FaultTraffic": ["FaultModel", "Decompression"] + systemModules,
        "FaultOracle": ["FaultModel"],
        "Placement": ["CHwloc", "CPlatform"] + systemModules,
        "Measurement": ["CPlatform", "CJemalloc", "CHwloc", "Histogram"] + systemModules,
        "Results": ["FaultModel", "Decompression", "Histogram"] + systemModules,
        "Harness": [
            "FaultModel", "FaultQueues", "FaultTraffic", "FaultOracle", "Placement",
            "Measurement", "Results", "CPlatform",
        ] + systemModules,
        "SchemeCatalogue": ["FaultModel", "FaultQueues", "Harness"],
        "Reports": ["Results"] + systemModules,
        "fqbench": [
            "FaultModel", "FaultQueues", "FaultTraffic", "FaultOracle", "Placement",
            "Measurement", "Results", "Harness", "SchemeCatalogue", "Reports", "ArgumentParser",
        ] + systemModules,
    ].mapValues { Set($0) }

    /// What belongs to the platform. The algorithms and the vocabulary do without Foundation.
    static let systemModules = ["Glibc", "Foundation", "FoundationEssentials", "Dispatch"]

    static func importArrows(_ file: SourceFile) -> [Finding] {
        guard file.isSwift, let target = file.target else { return [] }
        guard let allowed = imports[target] else {
            return ["\(file.path):1: target \(target) is not in the table of imports"]
        }
        let statement =
            #/
            ^ \s* (?: @ \w+ (?: \( [^)]* \) )? \s+ )*
            (?: (?: public | package | internal | fileprivate | private ) \s+ )?
            import \s+
            (?: (?: struct | class | enum | protocol | func | var | let | typealias ) \s+ )?
            ( \w+ )
            /#
        return findings(in: file) { line in
            guard let match = code(of: line).firstMatch(of: statement) else { return nil }
            let module = String(match.1)
            // In the algorithms only the seam may: the rule below.
            if module == "Synchronization" { return nil }
            return allowed.contains(module) ? nil : "\(target) may not import \(module)"
        }
    }

    // MARK: The atomics seam

    static let seam = "Sources/FaultQueues/Primitives"

    /// Outside the seam no file of the algorithms names what only the seam may use.
    static func atomicsSeam(_ file: SourceFile) -> [Finding] {
        guard file.isIn("Sources/FaultQueues"), !file.isIn(seam) else { return [] }
        let names = ["import Synchronization", "Synchronization.", "pthread_", "atomicMemoryFence"]
        return findings(in: file) { line in
            let code = code(of: line)
            return names.first { code.contains($0) }.map { "\($0) outside Primitives" }
        }
    }
}
