/// What the JSON decoder must not be given: it would stop the program instead of throwing, or take
/// far more memory than the text.
///
/// A text that ends right after its 513th open bracket is one; the decoder refuses deeper nesting
/// and looks for the place of the error past the text's end. A text of many small values is the
/// other: each takes the decoder some 30 bytes, and a compressed file of one megabyte holds a
/// hundred million.
package enum JSONGuard {
    /// Far more than any file of ours has, and far less than the decoder's own limit.
    static let mostLevels = 100
    /// More than the longest result file holds, whose values are some 18 bytes long.
    static let mostValues = 1 << 24

    /// Line and column, from 1, and what was expected there; nil where the decoder may go on.
    package static func problem(in bytes: some Sequence<UInt8>) -> String? {
        var depth = 0
        var separators = 0
        var (line, column) = (1, 0)
        var isQuoted = false
        var isEscaped = false
        for byte in bytes {
            column += 1
            switch byte {
            case 0:
                // The decoder would take it for UTF-16, in which this walk would lose its way.
                return "line \(line), column \(column): expected text in UTF-8"
            case UInt8(ascii: "\n"):
                line += 1
                column = 0
            case _ where isEscaped: break
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted:
                isEscaped = true
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += isQuoted ? 0 : 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= isQuoted ? 0 : 1
            case UInt8(ascii: ","): separators += isQuoted ? 0 : 1
            default: break
            }
            isEscaped = false
            guard separators < mostValues else {
                return "line \(line), column \(column): expected at most \(mostValues) values"
            }
            guard depth <= mostLevels else {
                return "line \(line), column \(column): expected at most \(mostLevels) levels"
            }
        }
        return nil
    }
}
