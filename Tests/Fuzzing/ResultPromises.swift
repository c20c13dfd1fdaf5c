import Reports
import Results

/// Result files, and the report that is printed of them.
enum ResultPromises {
    static let parser = FuzzedParser(
        name: "result", longestInput: 4096,
        words: JSONWords.all + [
            "\"tool\": \"fqbench\"", "\"schemaVersion\": 1", "\"latencyHistogram\": \"HISTFA",
            "\"rounds\": ", "\"bursts\": ", "\"threads\": ", "\"check\": ", "\"violations\": ",
            "\"index\": ", "\"measure\": \"open-loop\"", "\"offeredPerSecond\": ", "\"byCause\": ",
        ]
    ) { input throws(Violation) in
        try check { () throws(ResultFileError) in
            try ResultStore.decode(input, path: "fuzz.json")
        }
    }

    /// What is read can be written, read back, and shown.
    static func check(
        _ read: () throws(ResultFileError) -> RunDocument
    ) throws(Violation) -> Outcome {
        let document: RunDocument
        do throws(ResultFileError) {
            document = try read()
        } catch {
            try Message.check(error.description)
            if case .system = error.reason { throw Violation("blames the system: \(error)") }
            return .refused
        }
        do throws(ResultFileError) {
            let bytes = try ResultStore.encode(document, path: "fuzz.json")
            guard try ResultStore.decode(bytes, path: "fuzz.json") == document else {
                throw ResultFileError(path: "fuzz.json", reason: .notJSON("another document"))
            }
        } catch {
            throw Violation("does not come back: \(error)")
        }
        for line in RunReport.text(document, Style(width: 100)).split(separator: "\n") {
            // A table's rows are as long as the table is wide; only what they hold is checked.
            try Message.check(String(line.prefix(Message.longest)))
        }
        return .accepted
    }
}

/// What JSON of any kind is made of.
enum JSONWords {
    static let all = [
        "{", "}", "[", "]", ",", ": ", "\"", "\\", "\\u0000", "\\u2028", "\\ud800", "null", "true",
        "false", "0", "-0", "-1", "1e308", "1e309", "1e-320", "9223372036854775807",
        "-9223372036854775808", "18446744073709551615", "18446744073709551616",
        "9007199254740993", "0.1", "01", "\u{FEFF}", "\u{2028}", "\u{85}",
    ]
}
