/// A plain table: a header, a thin rule, rows. No line is wider than the style's width and no cell
/// wraps.
public struct TerminalTable: Sendable {
    public struct Column: Sendable {
        /// How a column takes part in the layout.
        public enum Kind: Sendable, Equatable {
            /// As wide as its widest cell; its cells are cut only where nothing else helps.
            case text
            /// Cut in the middle where the columns that are always shown need the room.
            case flexible(minimum: Int)
            /// A bar for a share of 1 that takes what is left over.
            case bar(minimum: Int, maximum: Int)
        }

        public let title: String
        public let kind: Kind
        public let alignRight: Bool
        /// 0: always shown. Others appear where there is room, the lowest first.
        public let priority: Int

        public init(
            _ title: String, kind: Kind = .text, alignRight: Bool = true, priority: Int = 0
        ) {
            self.title = title
            self.kind = kind
            self.alignRight = alignRight
            self.priority = priority
        }
    }

    public enum Cell: Sendable, Equatable {
        /// Characters that a terminal would act on are replaced.
        case text(String, Emphasis = .plain)
        /// 0…1, for a bar column.
        case share(Double)
        case empty
    }

    private static let gap = "  "
    private let columns: [Column]
    private var rows: [[Cell]] = []

    /// At least one column.
    public init(columns: [Column]) {
        precondition(!columns.isEmpty, "a table needs a column")
        self.columns = columns
    }

    /// One cell per column.
    public mutating func append(_ row: [Cell]) {
        precondition(row.count == columns.count, "a row has one cell per column")
        rows.append(
            row.map {
                guard case .text(let text, let emphasis) = $0 else { return $0 }
                return .text(TextWidth.printable(text), emphasis)
            })
    }

    /// The header, the rule and the rows.
    public func lines(_ style: Style) -> [String] {
        let widths = layout(style.width)
        let shown = columns.indices.filter { widths[$0] > 0 }
        let total = shown.reduce(0) { $0 + widths[$1] } + Self.gap.count * (shown.count - 1)
        let header = shown.map { index in
            Piece(
                text: columns[index].title, width: widths[index],
                alignRight: columns[index].alignRight, emphasis: .heading)
        }
        let rule = Emphasis.faint.applied(to: String(repeating: "─", count: total), style: style)
        return [line(header, style), rule]
            + rows.map { row in
                line(shown.map { piece(row[$0], at: $0, width: widths[$0]) }, style)
            }
    }

    private struct Piece {
        let text: String
        let width: Int
        let alignRight: Bool
        let emphasis: Emphasis
    }

    private func piece(_ cell: Cell, at index: Int, width: Int) -> Piece {
        let alignRight = columns[index].alignRight
        switch cell {
        case .text(let text, let emphasis):
            return Piece(text: text, width: width, alignRight: alignRight, emphasis: emphasis)
        case .share(let share):
            return Piece(
                text: Self.bar(share, width: width), width: width, alignRight: false,
                emphasis: .faint)
        case .empty:
            return Piece(text: "", width: width, alignRight: alignRight, emphasis: .plain)
        }
    }

    /// Padding comes outside the colour, and none after the last text.
    private func line(_ pieces: [Piece], _ style: Style) -> String {
        var result = ""
        var pending = 0
        for (position, piece) in pieces.enumerated() {
            if position > 0 { pending += Self.gap.count }
            let text = TextWidth.cut(piece.text, to: piece.width)
            let space = piece.width - TextWidth.columns(text)
            if text.isEmpty {
                pending += space
                continue
            }
            if piece.alignRight { pending += space }
            result += String(repeating: " ", count: pending)
            result += piece.emphasis.applied(to: text, style: style)
            pending = piece.alignRight ? 0 : space
        }
        return result
    }

    /// Eighths of a character, at least one for a share above 0.
    static func bar(_ share: Double, width: Int) -> String {
        guard share > 0, width > 0 else { return "" }
        let eighths = max(1, Int((min(share, 1) * Double(width * 8)).rounded()))
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    }

    /// A width for every column, 0 for those that are left out.
    private func layout(_ available: Int) -> [Int] {
        let natural = columns.indices.map(naturalWidth)
        var widths = columns.indices.map { index in
            columns[index].priority == 0 ? compactWidth(index, natural: natural[index]) : 0
        }
        shrink(&widths, to: available)
        var left = available - used(widths)
        for index in columns.indices where widths[index] > 0 {
            let growth = min(left, natural[index] - widths[index])
            if growth > 0 {
                widths[index] += growth
                left -= growth
            }
        }
        let optional = columns.indices.filter { columns[$0].priority > 0 }
            .sorted { (columns[$0].priority, $0) < (columns[$1].priority, $1) }
        for index in optional {
            // Not skipped but ended: which columns there are must follow from the width alone.
            guard natural[index] + Self.gap.count <= left else { break }
            widths[index] = natural[index]
            left -= natural[index] + Self.gap.count
        }
        for index in columns.indices where widths[index] > 0 {
            if case .bar(_, let maximum) = columns[index].kind {
                let growth = min(left, maximum - widths[index])
                widths[index] += growth
                left -= growth
            }
        }
        return widths
    }

    /// Where even the compact widths are too many, cuts the widest until all fit.
    private func shrink(_ widths: inout [Int], to available: Int) {
        while used(widths) > available {
            guard let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
                widths[widest] > 1
            else { return }
            widths[widest] -= 1
        }
    }

    private func used(_ widths: [Int]) -> Int {
        let shown = widths.filter { $0 > 0 }
        return shown.reduce(0, +) + Self.gap.count * max(0, shown.count - 1)
    }

    private func compactWidth(_ index: Int, natural: Int) -> Int {
        if case .flexible(let minimum) = columns[index].kind { return min(minimum, natural) }
        return natural
    }

    private func naturalWidth(_ index: Int) -> Int {
        let title = TextWidth.columns(columns[index].title)
        if case .bar(let minimum, _) = columns[index].kind { return max(title, minimum) }
        return rows.reduce(max(1, title)) { widest, row in
            guard case .text(let text, _) = row[index] else { return widest }
            return max(widest, TextWidth.columns(text))
        }
    }
}
