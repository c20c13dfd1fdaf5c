import Decompression
import Foundation

extension AtomicFile {
    /// All bytes of a file or a pipe, at most `limit`.
    static func read(_ path: String, limit: Int) throws(ResultFileError) -> [UInt8] {
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        return try readAll(descriptor, path: path, limit: limit)
    }

    /// The same for a file that may be compressed with xz, zstd or gzip, which its first bytes
    /// say; `limit` is of what is inside.
    ///
    /// - Throws: Also where the tool is missing, and where the file is cut short or damaged.
    static func readPlain(_ path: String, limit: Int) throws(ResultFileError) -> [UInt8] {
        let bytes = try read(path, limit: limit)
        guard let compression = Compression.detected(in: bytes.prefix(16)) else { return bytes }
        // Opened again for the tool: what was read of a pipe is gone.
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        guard lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw ResultFileError(
                path: path, reason: .compressed("is compressed; expected a file, not a pipe"))
        }
        do {
            let decompressor = try Decompressor(compression, input: descriptor)
            defer {
                close(decompressor.output)
                decompressor.stop()
            }
            let plain = try readAll(decompressor.output, path: path, limit: limit, orEmpty: true)
            try decompressor.finish()
            guard !plain.isEmpty else { throw ResultFileError(path: path, reason: .empty) }
            return plain
        } catch let error as DecompressionError {
            throw ResultFileError(path: path, reason: .compressed(error.description))
        } catch let error as ResultFileError {
            throw error
        } catch {
            throw ResultFileError(path: path, reason: .compressed("\(error)"))
        }
    }

    private static func openForReading(_ path: String) throws(ResultFileError) -> Int32 {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ResultFileError(path: path, reason: .missing)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw ResultFileError(path: path, reason: .missing) }
            throw .system(path, "open")
        }
        return descriptor
    }

    private static func readAll(
        _ descriptor: Int32, path: String, limit: Int, orEmpty: Bool = false
    ) throws(ResultFileError) -> [UInt8] {
        var bytes: [UInt8] = []
        let chunk = 1 << 16
        var buffer = [UInt8](repeating: 0, count: chunk)
        while true {
            let count = Glibc.read(descriptor, &buffer, chunk)
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                if errno == EISDIR { throw ResultFileError(path: path, reason: .isFolder) }
                throw .system(path, "read")
            }
            guard bytes.count + count <= limit else {
                throw ResultFileError(path: path, reason: .tooLarge(limit: limit))
            }
            bytes.append(contentsOf: buffer[..<count])
        }
        guard orEmpty || !bytes.isEmpty else {
            throw ResultFileError(path: path, reason: .empty)
        }
        return bytes
    }
}
