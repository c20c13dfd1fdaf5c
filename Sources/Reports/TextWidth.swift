/// Columns that text takes on a terminal, and text cut to them.
enum TextWidth {
    /// Text that cannot move the cursor, break the line or change direction: control, format and
    /// unassigned characters become `?`. Names come from files that others wrote.
    static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
                .unassigned:
                result.append("?")
            default:
                // Variation selectors change the width in some terminals only.
                if !scalar.properties.isVariationSelector { result.append(scalar) }
            }
        }
        return String(result)
    }

    /// Columns of printable text.
    static func columns(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + columns($1) }
    }

    /// At most `width` columns, with `…` in the middle where something was cut: names of one kind
    /// begin alike, so their ends must stay.
    static func cut(_ text: String, to width: Int) -> String {
        guard columns(text) > width else { return text }
        guard width > 1 else { return width == 1 ? "…" : "" }
        let head = prefix(of: Array(text), columns: width / 2)
        let tail = prefix(of: text.reversed(), columns: width - 1 - columns(head))
        return head + "…" + String(tail.reversed())
    }

    /// At most `width` columns, with `…` at the end where something was cut.
    static func cutEnd(_ text: String, to width: Int) -> String {
        guard columns(text) > width else { return text }
        return width > 0 ? prefix(of: Array(text), columns: width - 1) + "…" : ""
    }

    /// Exactly `width` columns for text that is not wider.
    static func padded(_ text: String, to width: Int, alignRight: Bool) -> String {
        let space = String(repeating: " ", count: max(0, width - columns(text)))
        return alignRight ? space + text : text + space
    }

    /// Lines of at most `width` columns, broken between words where they have room; a word that is
    /// wider is cut. Lines after the first start with `indent`.
    static func wrapped(_ text: String, to width: Int, indent: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            let joined = line.isEmpty ? String(word) : "\(line) \(word)"
            if columns(joined) <= width {
                line = joined
                continue
            }
            if !line.trimmingSpaces.isEmpty { lines.append(line) }
            line = cut(indent + word, to: width)
        }
        return line.isEmpty ? lines : lines + [line]
    }

    private static func prefix(of characters: [Character], columns width: Int) -> String {
        var used = 0
        var result = ""
        for character in characters {
            used += columns(String(character))
            guard used <= width else { break }
            result.append(character)
        }
        return result
    }

    private static func columns(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: 0
        default: wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }

    /// East Asian wide and full-width blocks and emoji (Unicode Standard Annex 11), as whole
    /// blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x231A...0x231B, 0x23E9...0x23F3, 0x2614...0x2615, 0x2648...0x2653,
        0x267F...0x267F, 0x2693...0x2693, 0x26A1...0x26A1, 0x26AA...0x26AB, 0x26BD...0x26BE,
        0x26C4...0x26C5, 0x26CE...0x26CE, 0x26D4...0x26D4, 0x26EA...0x26EA, 0x26F2...0x26F5,
        0x26FA...0x26FD, 0x2705...0x2705, 0x270A...0x270B, 0x2728...0x2728, 0x274C...0x274E,
        0x2753...0x2757, 0x2795...0x2797, 0x27B0...0x27BF, 0x2B1B...0x2B1C, 0x2B50...0x2B55,
        0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF,
        0x1AFF0...0x1B2FF, 0x1F004...0x1F004, 0x1F0CF...0x1F0CF, 0x1F18E...0x1F18E,
        0x1F191...0x1F19A, 0x1F1E6...0x1F265, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
        0x1F7E0...0x1F7F0, 0x1F90C...0x1FAFF, 0x20000...0x3FFFD,
    ]
}

extension String {
    var trimmingSpaces: Substring {
        drop { $0 == " " }
    }
}
