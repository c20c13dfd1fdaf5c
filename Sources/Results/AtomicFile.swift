import Foundation

/// Replaces or creates a whole file, or leaves things as they were.
package enum AtomicFile {
    /// Writes to a temporary file in the same folder, makes it durable and gives it its name.
    ///
    /// A reader sees the old content or the new, never a part. After an error the temporary file is
    /// gone and an older file is untouched. A symbolic link is followed.
    package static func write(
        _ bytes: [UInt8], to path: String, overwrite: Bool
    ) throws(ResultFileError) {
        let target = try resolved(path, overwrite: overwrite)
        let folder = folderName(of: target)
        let (temporary, descriptor) = try makeTemporary(in: folder, path: path)
        do throws(ResultFileError) {
            try fill(descriptor, with: bytes, path: path)
            try publish(temporary, as: target, path: path, overwrite: overwrite)
        } catch {
            unlink(temporary)
            throw error
        }
        syncFolder(folder)
    }

    /// Finds out whether `write` could make or replace the file, and leaves things as they were: a
    /// wrong path shall cost none of the work before it.
    package static func checkWritable(_ path: String) throws(ResultFileError) {
        let folder = folderName(of: try resolved(path, overwrite: true))
        let (temporary, descriptor) = try makeTemporary(in: folder, path: path)
        close(descriptor)
        unlink(temporary)
    }

    private static func makeTemporary(
        in folder: String, path: String
    ) throws(ResultFileError) -> (name: String, descriptor: Int32) {
        let name = "\(folder)/.fqbench-\(getpid())-\(hex(UInt64.random(in: .min ... .max))).tmp"
        let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .system(path, "create a file in \(folder)")
        }
        return (name, descriptor)
    }

    /// Writes, makes durable and closes, whatever happens.
    static func fill(
        _ descriptor: Int32, with bytes: [UInt8], path: String
    ) throws(ResultFileError) {
        do throws(ResultFileError) {
            try writeAll(bytes, to: descriptor, path: path)
            guard fsync(descriptor) == 0 else { throw .system(path, "write") }
        } catch {
            close(descriptor)
            throw error
        }
        // Some file systems report a full disk or quota only here.
        guard close(descriptor) == 0 else { throw .system(path, "write") }
    }

    private static func writeAll(
        _ bytes: [UInt8], to descriptor: Int32, path: String
    ) throws(ResultFileError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
            }
            if count < 0 {
                guard errno == EINTR else { throw .system(path, "write") }
            } else {
                written += count
            }
        }
    }

    private static func publish(
        _ temporary: String, as target: String, path: String, overwrite: Bool
    ) throws(ResultFileError) {
        if !overwrite {
            // A link, unlike a rename, fails where the name is taken: no gap between check and use.
            if link(temporary, target) == 0 {
                unlink(temporary)
                return
            }
            if errno == EEXIST { throw ResultFileError(path: path, reason: .exists) }
            // File systems without hard links say EPERM or ENOTSUP; the earlier check must do.
            guard [EPERM, ENOTSUP, EOPNOTSUPP].contains(errno) else {
                throw .system(path, "name the file")
            }
        }
        guard rename(temporary, target) == 0 else { throw .system(path, "name the file") }
    }

    /// Where to write, links followed; refuses what must not be replaced.
    private static func resolved(_ path: String, overwrite: Bool) throws(ResultFileError)
        -> String
    {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw .system(path, "write", code: EINVAL)
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .system(path, "write") }
            // A link to what is not there yet; one to itself would have been ELOOP.
            guard overwrite,
                let goal = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
            else { return path }
            let place = goal.hasPrefix("/") ? goal : folderName(of: path) + "/" + goal
            return try resolved(place, overwrite: true)
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            throw ResultFileError(path: path, reason: .isFolder)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ResultFileError(path: path, reason: .notRegular)
        }
        guard overwrite else { throw ResultFileError(path: path, reason: .exists) }
        guard let real = realpath(path, nil) else { throw .system(path, "write") }
        defer { free(real) }
        return String(cString: real)
    }

    private static func folderName(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Makes the new name durable. Some file systems refuse to sync a folder; the file is whole.
    private static func syncFolder(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}
