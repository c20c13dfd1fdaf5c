import Decompression
import Foundation
import Glibc

/// Reads a trace in any form: the compact format, or text of perf or ftrace, either of them
/// compressed with xz, zstd or gzip. What a file is, its first bytes say.
public enum TraceReader {
    /// - Parameter path: `-` is standard input.
    /// - Throws: `TraceError`, one line; `TrafficConfigurationError` for impossible options.
    public static func read(path: String, options: ImportOptions = ImportOptions()) throws -> Trace
    {
        try options.validate()
        let input = try ByteInput(path: path, limit: options.byteLimit)
        let head = try input.read(upTo: headLength)
        guard let compression = Compression.detected(in: head) else {
            try checkName(input.file, isEmpty: head.isEmpty)
            return try read(input, head: head, options: options) {}
        }
        let seekable = try input.rewind() ? input : spool(head, input, limit: options.byteLimit)
        let decompressor = try refused(input.file) { () throws(DecompressionError) in
            try Decompressor(
                compression, input: seekable.descriptor, toolDirectories: options.toolDirectories)
        }
        defer { decompressor.stop() }
        let output = ByteInput(
            owning: decompressor.output, file: input.file, limit: options.byteLimit)
        let finish = { () throws(TraceError) in
            try refused(input.file) { () throws(DecompressionError) in try decompressor.finish() }
        }
        let plainHead = try output.read(upTo: headLength)
        if plainHead.count < headLength { try finish() }
        guard Compression.detected(in: plainHead) == nil else {
            throw TraceError(
                .notATrace, file: input.file,
                "expected a trace inside, found another compressed file; decompress it first")
        }
        return try read(output, head: plainHead, options: options, atEnd: finish)
    }

    /// What `body` returns, or its error with the file's name.
    private static func refused<Value>(
        _ file: String, _ body: () throws(DecompressionError) -> Value
    ) throws(TraceError) -> Value {
        do throws(DecompressionError) {
            return try body()
        } catch {
            throw TraceError(.decompressor, file: file, error.description)
        }
    }

    /// Enough to tell the forms apart.
    private static let headLength = 4096

    /// A name that promises a compression whose first bytes are not there.
    private static func checkName(_ file: String, isEmpty: Bool) throws(TraceError) {
        let promised = Compression.allCases.first { file.hasSuffix($0.suffix) }
        if let promised, !isEmpty {
            throw TraceError(
                .notATrace, file: file,
                "expected \(promised.rawValue) data, as its name says, found something else")
        }
    }

    /// - Parameter atEnd: Called at the end of the bytes, before they are judged as a whole.
    private static func read(
        _ input: ByteInput, head: [UInt8], options: ImportOptions,
        atEnd: () throws(TraceError) -> Void
    ) throws(TraceError) -> Trace {
        if head.starts(with: TraceFile.magic) {
            var bytes = head
            try input.forEachPiece { (piece) throws(TraceError) in bytes.append(contentsOf: piece) }
            try atEnd()
            var trace = try TraceFile.decode(bytes, file: input.file)
            trace.name = options.name ?? trace.name
            trace.source = options.source ?? trace.source
            return trace
        }
        try checkText(head, input.file)
        var text = TextImport(options: options, file: input.file)
        try head.withBytes { (piece) throws(TraceError) in try text.consume(piece) }
        try input.forEachPiece { (piece) throws(TraceError) in try text.consume(piece) }
        try atEnd()
        return try text.finish()
    }

    /// Binary files are refused as a whole, also where bad lines are skipped.
    private static func checkText(_ head: [UInt8], _ file: String) throws(TraceError) {
        if head.starts(with: Array("PERFILE2".utf8)) {
            throw TraceError(
                .notATrace, file: file,
                "is perf's binary recording; expected the text that 'perf script' prints of it")
        }
        if head.starts(with: [0x17, 0x08, 0x44] + Array("tracing".utf8)) {
            throw TraceError(
                .notATrace, file: file,
                "is trace-cmd's binary recording; expected the text of 'trace-cmd report'")
        }
        if head.contains(0) {
            throw TraceError(
                .notATrace, file: file,
                "expected text of perf script or ftrace, or a .fqtrace file, found binary data")
        }
    }

    /// Copies a pipe into a file without a name, so that a tool can read it from its start.
    private static func spool(
        _ head: [UInt8], _ input: ByteInput, limit: Int
    ) throws(TraceError) -> ByteInput {
        let (temporary, descriptor) = AtomicFile.makeTemporary(
            in: NSTemporaryDirectory() + "/")
        func failure(_ code: Int32) -> TraceError {
            TraceError(
                .system, file: input.file,
                "cannot copy it to a temporary file: \(AtomicFile.systemMessage(code))")
        }
        guard descriptor >= 0 else { throw failure(errno) }
        unlink(temporary)
        let copy = ByteInput(owning: descriptor, file: input.file, limit: limit)
        func append(_ piece: UnsafeRawBufferPointer) throws(TraceError) {
            let code = AtomicFile.writeAll(piece, to: descriptor)
            guard code == 0 else { throw failure(code) }
        }
        try head.withBytes(append)
        try input.forEachPiece(append)
        guard copy.rewind() else { throw failure(errno) }
        return copy
    }

    /// The file's name without folders, compression and one more extension.
    static func name(ofFile file: String) -> String {
        var name = file.split(separator: "/").last.map(String.init) ?? file
        for compression in Compression.allCases where name.hasSuffix(compression.suffix) {
            name.removeLast(compression.suffix.count)
        }
        if let dot = name.lastIndex(of: "."), dot > name.startIndex { name = String(name[..<dot]) }
        return name
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` that keeps the type of what is thrown.
    func withBytes(
        _ body: (UnsafeRawBufferPointer) throws(TraceError) -> Void
    ) throws(TraceError) {
        var result: Result<Void, TraceError> = .success(())
        withUnsafeBytes { bytes in
            result = Result { () throws(TraceError) in try body(bytes) }
        }
        try result.get()
    }
}
