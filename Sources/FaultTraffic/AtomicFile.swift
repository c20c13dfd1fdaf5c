import Foundation
import Glibc

/// Writes files whole or not at all.
enum AtomicFile {
    /// Puts the bytes at `path`: into a temporary file beside it, to the disk, and then in place
    /// in one step. On failure nothing is left behind and an existing file is untouched.
    ///
    /// - Parameter replacing: False refuses where `path` exists, even where it appears meanwhile.
    static func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws(TraceError) {
        func failure(_ doing: String, _ code: Int32) -> TraceError {
            TraceError(.system, file: path, "cannot \(doing): \(systemMessage(code))")
        }
        if !replacing, access(path, F_OK) == 0 { throw exists(path) }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(path[...$0]) } ?? ""
        let (temporary, descriptor) = makeTemporary(in: folder)
        guard descriptor >= 0 else { throw failure("create a file in its folder", errno) }
        defer { close(descriptor) }
        var isInPlace = false
        defer { if !isInPlace { unlink(temporary) } }
        let code = bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
        guard code == 0 else { throw failure("write", code) }
        guard fsync(descriptor) == 0 else { throw failure("write", errno) }
        if replacing {
            guard rename(temporary, path) == 0 else { throw failure("replace", errno) }
            isInPlace = true
        } else {
            // A hard link, unlike a rename, fails where the name is taken.
            guard link(temporary, path) == 0 else {
                throw errno == EEXIST ? exists(path) : failure("create", errno)
            }
        }
    }

    /// A new, empty file that no other file has the name of; its descriptor is -1, and `errno` set,
    /// where the system refuses.
    ///
    /// - Parameter folder: Empty, or with a slash at its end.
    static func makeTemporary(in folder: String) -> (path: String, descriptor: Int32) {
        let path = "\(folder).fqtrace-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        return (path, open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666))
    }

    private static func exists(_ path: String) -> TraceError {
        TraceError(
            .system, file: path, "exists already; expected a new name, or to be told to replace it")
    }

    /// Everything, however the system splits it; 0 or the errno.
    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var written = 0
        while written < bytes.count {
            let step = Glibc.write(
                descriptor, bytes.baseAddress! + written, bytes.count - written)
            if step < 0 {
                if errno == EINTR { continue }
                return errno
            }
            written += step
        }
        return 0
    }

    /// The system's own words for an errno.
    static func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
}
