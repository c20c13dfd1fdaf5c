import Foundation

/// One part of what callgrind wrote: the time between two dumps, names not compressed.
public struct CallgrindPart: Sendable, Equatable {
    /// Executed in this part.
    public let instructions: Int
    /// Calls of an allocator from outside it.
    public let allocations: Int

    private static let allocators: Set<String> = [
        "malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign", "mallocx",
        "__libc_malloc", "__libc_memalign",
    ]

    /// - Returns: Nil where `text` is not what callgrind writes.
    public init?(_ text: String) {
        var total: Int?
        var calls = 0
        var caller = ""
        var callee = ""
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("fn=") {
                caller = Self.name(line.dropFirst(3))
            } else if line.hasPrefix("cfn=") {
                callee = Self.name(line.dropFirst(4))
            } else if line.hasPrefix("calls=") {
                guard let count = line.dropFirst(6).split(separator: " ").first.flatMap({ Int($0) })
                else { return nil }
                // What one allocator asks of another was asked for once.
                if Self.allocators.contains(callee), !Self.allocators.contains(caller) {
                    calls += count
                }
            } else if line.hasPrefix("summary: ") {
                total = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            }
        }
        guard let total else { return nil }
        instructions = total
        allocations = calls
    }

    /// Without the depth of a recursion, `malloc'2`.
    private static func name(_ text: Substring) -> String { String(text.prefix { $0 != "'" }) }
}
