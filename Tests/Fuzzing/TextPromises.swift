import Decompression
import FaultTraffic

/// Recordings as text: of perf, of ftrace, and quoted in a mail.
enum TextPromises {
    static let parsers = [
        FuzzedParser(
            name: "perf", longestInput: 2048,
            words: shared + [
                "exceptions:page_fault_user: ", "exceptions:page_fault_kernel: ", "7423/7424",
                "intel_iommu:prq_report: ", "iommu:io_page_fault: ",
            ], body: check),
        FuzzedParser(
            name: "ftrace", longestInput: 2048,
            words: shared + [
                "bash-9193", "(   42)", "(-------)", " d...1 ", " ..... ", "page_fault_user: ",
                "io_page_fault: ",
            ], body: check),
        FuzzedParser(
            name: "mail", longestInput: 2048,
            words: shared + ["| ", "prq_report: ", "dmar0/0000:00:0a.0 seq# "], body: check),
    ]

    private static let shared = [
        "\n", "#", "[000] ", "[99999] ", "1075.254055: ", "637.984011403: ", "9999999999.999999: ",
        "address=0x", " ip=0x", " error_code=0x", " addr=0x", " rid=0x", "rwxpl", "-----",
        " pasid=0x", " index=0x", " private=0x", "/0x", "IOMMU:", " iova=0x", " flags=0x0001",
        "ffffffffffffffff", "fffff", "1ff", "200", "0000:05:00.0", "ffffffff:ff:1f.7",
    ]

    /// The input, read strictly and with bad lines skipped.
    private static func check(_ input: [UInt8]) throws(Violation) -> Outcome {
        // A compressed input belongs to another parser, which costs a process.
        if Compression.detected(in: input) != nil { return .refused }
        var options = ImportOptions()
        options.name = "fuzz"
        options.byteLimit = 1 << 20
        options.groupSize = 3
        options.pasidOwner = .thread
        let strict = try TracePromises.read(input, options)
        options.skipsBadLines = true
        let lenient = try TracePromises.read(input, options)
        guard let lenient else {
            guard strict == nil else { throw Violation("accepted unless bad lines are skipped") }
            return .refused
        }
        guard strict == nil || strict == lenient else {
            throw Violation("another trace where bad lines may be skipped, and none is bad")
        }
        let lines = input.count { $0 == 10 } + 1
        guard lenient.events.count + lenient.skippedLineCount <= lines else {
            throw Violation("more events and skipped lines than lines")
        }
        try TracePromises.check(lenient, mayLackWords: false)
        return strict == nil ? .refused : .accepted
    }
}
