import Glibc

/// A file without a name, in memory where the system has such a folder, that has a path all the
/// same: what a parser opens as it opens any file.
final class MemoryFile {
    private let descriptor: Int32
    private static let template =
        (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/fqbench-fuzz-XXXXXX"

    init(_ bytes: [UInt8]) {
        var template = Array(Self.template.utf8CString)
        descriptor = mkstemp(&template)
        precondition(descriptor >= 0, "the system has no room for a file")
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { rest in
                write(descriptor, rest.baseAddress, rest.count)
            }
            precondition(count > 0, "the system has no room for a file")
            written += count
        }
    }

    /// Every opening begins at the first byte.
    var path: String { "/proc/self/fd/\(descriptor)" }

    deinit { close(descriptor) }
}
