import Foundation
import Glibc

/// Where results go: whole, or with an error that says so.
enum StandardOutput {
    /// A reader that has seen enough (`| head`) is no failure: the rest is dropped.
    ///
    /// - Throws: Where the system takes no more, as on a full disk.
    static func write(_ bytes: some Sequence<UInt8>) throws(CommandFailure) {
        let code = Descriptor.write(Array(bytes), to: STDOUT_FILENO)
        if code != 0 && code != EPIPE {
            throw CommandFailure(
                .unfit, "standard output: cannot be written: \(String(cString: strerror(code)))")
        }
    }

    /// Each with its line break.
    static func write(lines: [String]) throws(CommandFailure) {
        try write(lines.map { $0 + "\n" }.joined().utf8)
    }

    /// One JSON document with sorted keys.
    static func write(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try write(try encoder.encode(value) + Data("\n".utf8))
    }
}

/// Where progress and errors go, so that standard output holds results alone.
enum StandardError {
    /// What cannot be written is lost; there is nowhere left to say so.
    static func write(_ text: String) {
        _ = Descriptor.write(Array(text.utf8), to: STDERR_FILENO)
    }
}

private enum Descriptor {
    /// Everything, however the system splits it; 0 or the errno.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}
