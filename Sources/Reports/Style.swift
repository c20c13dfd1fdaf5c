/// How text output is drawn.
public struct Style: Sendable, Equatable {
    /// The narrowest width that tables are laid out for.
    public static let minimumWidth = 80
    /// Beyond this a line is harder to follow than it is worth.
    public static let maximumWidth = 240

    /// Whether to add ANSI colours. They never carry a meaning that the text lacks.
    public let colour: Bool
    /// Columns of the output, `minimumWidth`…`maximumWidth`.
    public let width: Int

    /// - Parameter width: Brought into its range.
    public init(colour: Bool = false, width: Int = minimumWidth) {
        self.colour = colour
        self.width = min(max(width, Self.minimumWidth), Self.maximumWidth)
    }

    /// The style for an output.
    ///
    /// - Parameters:
    ///   - isTerminal: Whether the output is one; otherwise there is no colour.
    ///   - environment: `NO_COLOR` (any value but the empty one) and `TERM=dumb` turn colour off;
    ///     `COLUMNS` is the width where `width` is nil.
    ///   - width: What the terminal says; nil where it is not known.
    public static func detect(
        isTerminal: Bool, environment: [String: String], width: Int? = nil
    ) -> Style {
        let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        let columns = width ?? environment["COLUMNS"].flatMap { Int($0) }
        return Style(colour: isTerminal && !isRefused, width: columns ?? minimumWidth)
    }
}

/// What a piece of text stands for, and so its colour where there are any.
public enum Emphasis: Sendable, Equatable {
    case plain, heading, best, worst, failed, faint

    /// The SGR parameters; nil for plain text.
    private var code: String? {
        switch self {
        case .plain: nil
        case .heading: "1"
        case .best: "32"
        case .worst: "33"
        case .failed: "31"
        case .faint: "2"
        }
    }

    func applied(to text: String, style: Style) -> String {
        guard style.colour, let code, !text.isEmpty else { return text }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}
