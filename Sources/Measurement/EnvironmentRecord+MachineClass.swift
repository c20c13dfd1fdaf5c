extension EnvironmentRecord {
    /// Longest machine class, in characters.
    public static let machineClassLimit = 24

    /// A short name of the kind of machine, for file names: `epyc-7763-2c`, `x86-64-2c`.
    ///
    /// From `cpu.model` and `cpu.count.online` alone, so that all machines of a kind share it. Only
    /// a–z, 0–9 and single dashes inside; at most `machineClassLimit` characters, the model is cut.
    public static func machineClass(of environment: [String: String]) -> String {
        let count = environment["cpu.count.online"].flatMap { Int($0) }.map { "-\($0)c" } ?? ""
        var name = ""
        for word in modelWords(environment["cpu.model"] ?? unknown) {
            let longer = name.isEmpty ? word : "\(name)-\(word)"
            guard longer.count + count.count <= machineClassLimit else { break }
            name = longer
        }
        if name.isEmpty { name = environment["cpu.architecture"] ?? unknown }
        return kebab(name).prefix(machineClassLimit - count.count).trimmingDashes() + count
    }

    /// The words of a model name that tell models apart.
    private static func modelWords(_ model: String) -> [String] {
        guard model != unknown else { return [] }
        let noise: Set<String> = [
            "amd", "authentic", "cpu", "genuine", "intel", "processor", "r", "tm", "virtual",
            "with",
        ]
        // What follows @ is a frequency, and what is in brackets a trade mark.
        let name = model.lowercased().prefix { $0 != "@" }
        return kebab(String(name)).split(separator: "-").map(String.init).filter { word in
            !noise.contains(word)
        }.reduce(into: []) { words, word in
            // `64-Core` says what the count says better.
            if word == "core", words.last.map({ Int($0) != nil }) ?? false {
                words.removeLast()
            } else {
                words.append(word)
            }
        }
    }

    private static func kebab(_ text: String) -> String {
        text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
            .joined(separator: "-")
    }
}

extension Substring {
    fileprivate func trimmingDashes() -> String {
        var name = self
        while name.last == "-" { name.removeLast() }
        return String(name)
    }
}
