import FaultTraffic
import Results

/// The ways in for compressed traces and result files, which run a tool.
enum CompressedPromises {
    static let parser = FuzzedParser(
        name: "compressed", longestInput: 2048
    ) { input throws(Violation) in
        var options = ImportOptions()
        options.name = "fuzz"
        options.byteLimit = 1 << 20
        guard let trace = try TracePromises.read(input, options) else {
            // No trace is a result.
            let file = MemoryFile(input)
            return try ResultPromises.check { () throws(ResultFileError) in
                try ResultStore.read(file.path)
            }
        }
        try TracePromises.check(trace, mayLackWords: true)
        return .accepted
    }
}
