import Decompression
import FaultModel
import Foundation
import Glibc
import Testing

@testable import FaultTraffic

@Suite struct ReaderTests {
    private func compressed(_ tool: String, _ path: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [tool, "-kq", path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private static func hasTool(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    }

    @Test(arguments: Compression.allCases.filter { hasTool($0.rawValue) })
    func compressedTextAndFiles(_ compression: Compression) throws {
        let folder = try TemporaryFolder()
        // Large enough to fill a pipe several times.
        let text = String(repeating: Sample.perfWithThread, count: 2000)
        var options = ImportOptions()
        options.reorderToleranceNs = .max
        let expected = try imported(text, options)
        let path = try folder.file("sample.txt", text)
        try compressed(compression.rawValue, path)
        let packed = path + compression.suffix
        #expect(try TraceReader.read(path: packed, options: options).events == expected.events)
        #expect(try TraceReader.read(path: packed, options: options).name == "sample")

        // The name does not matter, the first bytes do.
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: packed)))
        let renamed = try folder.file("renamed.txt", bytes)
        #expect(try TraceReader.read(path: renamed, options: options).events == expected.events)

        let cut = try folder.file("cut\(compression.suffix)", Array(bytes[..<(bytes.count - 9)]))
        let message = line { _ = try TraceReader.read(path: cut, options: options) }
        #expect(message?.contains("\(compression.rawValue) cannot decompress it") == true)

        options.byteLimit = text.utf8.count - 1
        let tooLarge = line { _ = try TraceReader.read(path: packed, options: options) }
        #expect(tooLarge?.contains("at most \(options.byteLimit) bytes") == true)
        options.byteLimit += 1
        #expect(try TraceReader.read(path: packed, options: options).events == expected.events)

        let own = folder.path + "/own.fqtrace"
        try TraceFile.write(expected, to: own)
        try compressed(compression.rawValue, own)
        #expect(try TraceReader.read(path: own + compression.suffix) == expected)

        options.toolDirectories = [folder.path]
        let missing = line { _ = try TraceReader.read(path: packed, options: options) }
        #expect(
            missing
                == "\(packed): is compressed and needs the tool \(compression.rawValue): install it"
        )
    }

    @Test(.enabled(if: hasTool("gzip")))
    func twiceCompressedIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a.txt", Sample.ftrace)
        try compressed("gzip", path)
        let inner = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path + ".gz")))
        let renamed = try folder.file("b.txt", inner)
        try compressed("gzip", renamed)
        let message = line { _ = try TraceReader.read(path: renamed + ".gz") }
        #expect(message?.contains("another compressed file") == true)
    }

    /// A pipe cannot be rewound, so its compressed bytes go by way of a temporary file.
    @Test(.enabled(if: hasTool("gzip")))
    func namedPipes() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a.txt", Sample.ftrace)
        try compressed("gzip", path)
        let expected = try imported(Sample.ftrace).events
        for name in [path, path + ".gz"] {
            let pipe = name + ".pipe"
            try #require(mkfifo(pipe, 0o600) == 0)
            let writer = Process()
            writer.executableURL = URL(fileURLWithPath: "/bin/sh")
            writer.arguments = ["-c", "exec cat \"$0\" > \"$1\"", name, pipe]
            try writer.run()
            #expect(try TraceReader.read(path: pipe).events == expected)
            writer.waitUntilExit()
        }
    }

    @Test func filesThatAreNoTraces() throws {
        let folder = try TemporaryFolder()
        func message(_ path: String) -> String? {
            line { _ = try TraceReader.read(path: path) }
        }
        #expect(message(folder.path + "/none")?.contains("No such file or directory") == true)
        #expect(message(folder.path)?.contains("Is a directory") == true)
        let empty = try folder.file("empty.txt", "")
        #expect(message(empty) == "\(empty): expected a trace, found no bytes")
        let binary = try folder.file("binary", [UInt8](0...255))
        #expect(message(binary)?.contains("binary data") == true)
        let perf = try folder.file("perf.data", "PERFILE2\u{0}\u{0}")
        #expect(message(perf)?.contains("perf script") == true)
        let recorded = try folder.file("trace.dat", "\u{17}\u{8}Dtracing6\u{0}")
        #expect(message(recorded)?.contains("trace-cmd report") == true)
        let misnamed = try folder.file("text.xz", Sample.ftrace)
        #expect(message(misnamed)?.contains("expected xz data") == true)
        var options = ImportOptions()
        options.skipsBadLines = true
        #expect(throws: TraceError.self) { try TraceReader.read(path: binary, options: options) }
        let endless = line { _ = try TraceReader.read(path: "/dev/zero", options: options) }
        #expect(endless?.contains("binary data") == true)
        options.groupSize = 0
        #expect(throws: TrafficConfigurationError.self) {
            try TraceReader.read(path: binary, options: options)
        }
    }

    @Test func textLimits() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a.txt", Sample.ftrace)
        var options = ImportOptions()
        options.byteLimit = Sample.ftrace.utf8.count
        #expect(try TraceReader.read(path: path, options: options).events.count == 2)
        options.byteLimit -= 1
        let message = line { _ = try TraceReader.read(path: path, options: options) }
        #expect(message?.contains("at most") == true)
    }

    @Test func namesAndSourcesCanBeChosen() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("my.trace.txt", Sample.ftrace)
        #expect(try TraceReader.read(path: path).name == "my.trace")
        var options = ImportOptions()
        options.name = "chosen"
        options.source = "Told."
        let trace = try TraceReader.read(path: path, options: options)
        #expect(trace.name == "chosen" && trace.source == "Told.")
        try TraceFile.write(trace, to: folder.path + "/t.fqtrace")
        options.name = "again"
        options.source = nil
        let again = try TraceReader.read(path: folder.path + "/t.fqtrace", options: options)
        #expect(again.name == "again" && again.source == "Told.")
    }
}

@Suite struct ShippedTraceTests {
    @Test(arguments: [
        ("sqlite-build-index", 1844, 3, 3, 1671), ("numpy-threads", 23777, 46, 41, 20065),
        ("gcc-compile", 70606, 4, 4, 68183), ("java-gc-threads", 116_249, 20, 1, 114_590),
    ])
    func countsAreAsDocumented(
        _ name: String, _ events: Int, _ threads: Int, _ processes: Int, _ writes: Int
    ) throws {
        let trace = try TraceReader.read(path: shippedTrace(name))
        let summary = trace.summary
        #expect(trace.name == name)
        #expect(trace.traceClass == .pageRequest && trace.hasRecordedTimes)
        #expect(summary.eventCount == events)
        #expect(summary.deviceCount == threads)
        #expect(summary.pasidCount == processes)
        #expect(summary.accesses.writes == writes)
        #expect(summary.groupSizes == [1: events] && summary.unfinishedGroupCount == 0)
        #expect(trace.events.first?.arrivalNs == 0)
        #expect(trace.source.contains("recorded with perf"))
    }
}
