import Foundation
import Reports

/// A name and a text that is broken between words, in two columns.
enum Wrapped {
    /// An entry of a list: the name two columns in, the text from column 26.
    static func entry(_ name: String, _ text: String, _ style: Style) -> [String] {
        lines("  " + name, text, textColumn: 26, style)
    }

    /// A word that is longer than a line has one to itself.
    static func lines(
        _ name: String, _ text: String, textColumn: Int, _ style: Style
    ) -> [String] {
        let room = style.width - textColumn
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty && line.count + word.count + 1 > room {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.enumerated().map { number, text in
            (number == 0 ? name : "").padding(
                toLength: textColumn, withPad: " ", startingAt: 0) + text
        }
    }
}
