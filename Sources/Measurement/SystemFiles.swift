import Glibc

/// Small text files of the kernel's and the distribution's, below a root that a test can replace.
///
/// Every path is relative. A file that is missing or unreadable is nil, never an error: what a
/// container hides is different everywhere.
struct SystemFiles {
    /// `/`, or a directory that stands for it.
    let root: String

    private static let largestFileBytes = 4 << 20

    func path(_ relative: String) -> String {
        root.hasSuffix("/") ? root + relative : root + "/" + relative
    }

    /// A descriptor for reading that no child inherits, or -1.
    func open(_ relative: String) -> Int32 { Glibc.open(path(relative), O_RDONLY | O_CLOEXEC) }

    /// The whole file, at most 4 MiB, invalid UTF-8 repaired. Its size is not asked for: the kernel
    /// says zero for files that it makes up.
    func text(_ relative: String) -> String? {
        let file = open(relative)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while bytes.count < Self.largestFileBytes {
            let length = read(file, &chunk, chunk.count)
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { return nil }
            if length == 0 { break }
            bytes.append(contentsOf: chunk[..<length])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The file's text without the white space around it; nil where nothing is left.
    func value(_ relative: String) -> String? {
        guard let text = text(relative) else { return nil }
        let value = Self.trimmed(text)
        return value.isEmpty ? nil : value
    }

    /// Names in a directory, ascending, without `.` and `..`; empty where there is none.
    func names(in relative: String) -> [String] {
        guard let directory = opendir(path(relative)) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The value of the first line that reads `name: value`.
    static func field(_ name: String, of text: String) -> String? {
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            if trimmed(line[..<colon]) == name { return trimmed(line[line.index(after: colon)...]) }
        }
        return nil
    }

    /// What C wrote into `bytes`, up to its final zero.
    static func text(ofCString bytes: [CChar]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace || $0 == "\0" }
        let front = text.drop(while: isSpace)
        guard let last = front.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(front[...last])
    }
}
