import Foundation
import Glibc

/// A terminal that nobody looks at.
final class PseudoTerminal {
    /// What the program is given.
    let inside: FileHandle
    private let outside: Int32

    init() throws {
        // The C library's functions for this are not visible from Swift; what they do is.
        let setLock: UInt = 0x4004_5431  // TIOCSPTLCK
        let getNumber: UInt = 0x8004_5430  // TIOCGPTN
        outside = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var isLocked: Int32 = 0
        var number: Int32 = 0
        guard outside >= 0, ioctl(outside, setLock, &isLocked) == 0,
            ioctl(outside, getNumber, &number) == 0
        else { throw CocoaError(.fileReadUnknown) }
        let descriptor = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        guard descriptor >= 0 else { throw CocoaError(.fileReadUnknown) }
        inside = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        // The program must be able to write it all before anybody reads.
        _ = fcntl(outside, F_SETFL, O_NONBLOCK)
    }

    deinit { close(outside) }

    /// Everything that was shown so far.
    func readAll() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(outside, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A file system of 256 KiB in memory, gone in the end.
final class SmallDisk {
    let path: String

    /// Whether this process may mount one.
    static let isAvailable: Bool = (try? SmallDisk()) != nil

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/fqbench-disk-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard mount("fqbench-test", path, "tmpfs", 0, "size=256k") == 0 else {
            rmdir(path)
            throw CocoaError(.fileWriteNoPermission)
        }
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }

    /// Writes until nothing fits any more.
    func fill() {
        let descriptor = open(path + "/filler", O_WRONLY | O_CREAT, 0o600)
        let page = [UInt8](repeating: 1, count: 4096)
        while write(descriptor, page, page.count) == page.count {}
        close(descriptor)
    }
}
