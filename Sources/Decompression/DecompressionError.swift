/// Why a compressed file could not be read: what is wrong with it, without its name, which the
/// caller knows.
public struct DecompressionError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
