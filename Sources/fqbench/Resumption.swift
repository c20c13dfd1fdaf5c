/// The command that goes on with a run that was stopped.
enum Resumption {
    /// What the run's own command line becomes: the same options, but for those that the result
    /// file decides.
    static func command(_ arguments: [String], file: String) -> String {
        var kept: [String] = []
        var skipsValue = false
        for argument in arguments.dropFirst() {
            if skipsValue {
                skipsValue = false
            } else if decided.contains(argument) {
                skipsValue = true
            } else if !decided.contains(where: { argument.hasPrefix($0 + "=") }) {
                kept.append(argument)
            }
        }
        if kept.first != "run" { kept.insert("run", at: 0) }
        return (["fqbench"] + kept + ["--resume", file]).map(quoted).joined(separator: " ")
    }

    private static let decided = ["--output", "-o", "--seed", "--resume"]

    /// As a shell reads it back.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_./,=:+@".contains($0))
        }
        if isPlain && !word.isEmpty { return word }
        return "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
