import Foundation
import Glibc

/// A file, a pipe or standard input, read once and counted. One thread.
final class ByteInput {
    let descriptor: Int32
    /// As messages name it.
    let file: String
    private let isOwned: Bool
    private let limit: Int
    private var total = 0

    /// Opens a path; `-` is standard input, which stays open.
    init(path: String, limit: Int) throws(TraceError) {
        self.limit = limit
        isOwned = path != "-"
        file = isOwned ? path : "standard input"
        descriptor = isOwned ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO
        guard descriptor >= 0 else {
            throw TraceError(
                .system, file: path,
                "cannot open: \(AtomicFile.systemMessage(errno)); expected a trace")
        }
    }

    /// Takes over a descriptor.
    init(owning descriptor: Int32, file: String, limit: Int) {
        self.descriptor = descriptor
        self.file = file
        self.limit = limit
        isOwned = true
    }

    deinit { if isOwned { close(descriptor) } }

    /// Bytes up to the buffer's size; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(TraceError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw TraceError(
                    .system, file: file, "cannot read: \(AtomicFile.systemMessage(errno))")
            }
            total += count
            guard total <= limit else {
                throw TraceError(
                    .tooLarge, file: file, "expected at most \(limit) bytes of trace")
            }
            return count
        }
    }

    /// The next `count` bytes, fewer at the end.
    func read(upTo count: Int) throws(TraceError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            var step: Result<Int, TraceError> = .success(0)
            bytes.withUnsafeMutableBytes { all in
                let rest = UnsafeMutableRawBufferPointer(rebasing: all[filled...])
                step = Result { () throws(TraceError) in try self.read(into: rest) }
            }
            let read = try step.get()
            if read == 0 { break }
            filled += read
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    /// Everything that is left, in pieces.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) throws(TraceError) -> Void)
        throws(TraceError)
    {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try read(into: buffer)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Goes back to the first byte; false for a pipe.
    func rewind() -> Bool {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { return false }
        total = 0
        return true
    }
}
