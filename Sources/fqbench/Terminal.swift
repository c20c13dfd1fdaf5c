import ArgumentParser
import Foundation
import Glibc
import Reports

/// What the program is connected to.
enum Terminal {
    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Columns of the terminal behind a descriptor; nil where there is none.
    static func width(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Refuses a `--width` that no table is laid out for.
    static func validate(width: Int?) throws {
        guard let width else { return }
        let allowed = Style.minimumWidth...Style.maximumWidth
        if !allowed.contains(width) {
            throw ValidationError(
                "--width: expected \(allowed.lowerBound) to \(allowed.upperBound), found \(width)")
        }
    }

    /// How standard output is to look.
    static func style(width: Int?) -> Style {
        Style.detect(
            isTerminal: outputIsTerminal, environment: ProcessInfo.processInfo.environment,
            width: width ?? Terminal.width(of: STDOUT_FILENO))
    }
}

/// Progress on standard error: one line rewritten on a terminal, a line now and then in a pipe.
final class ProgressPrinter {
    private let isTerminal = Terminal.errorIsTerminal
    private let width = Terminal.width(of: STDERR_FILENO) ?? Style.minimumWidth
    private let isSilent: Bool
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var lastPrint: ContinuousClock.Instant?
    private var hasOpenLine = false

    private static let terminalInterval = Duration.milliseconds(200)
    private static let pipeInterval = Duration.seconds(10)

    init(isSilent: Bool) {
        self.isSilent = isSilent
        start = clock.now
    }

    /// - Parameter resumed: Steps of `done` that an earlier run had finished.
    func update(done: Int, total: Int, resumed: Int, label: String) {
        if isSilent { return }
        let now = clock.now
        let interval = isTerminal ? Self.terminalInterval : Self.pipeInterval
        if let lastPrint, now - lastPrint < interval, done < total { return }
        lastPrint = now
        let elapsed = now - start
        let text = ProgressLine.text(
            done: done, total: total, elapsedSeconds: elapsed / .seconds(1), resumed: resumed,
            label: label, width: isTerminal ? width - 1 : width)
        if isTerminal {
            StandardError.write("\r\u{1B}[K" + text)
            hasOpenLine = true
        } else {
            StandardError.write(text + "\n")
        }
    }

    /// Clears the line, so that what follows starts at the margin.
    func finish() {
        if hasOpenLine { StandardError.write("\r\u{1B}[K") }
        hasOpenLine = false
    }

    /// A line that stays.
    func note(_ text: String) {
        if isSilent { return }
        finish()
        StandardError.write(text + "\n")
    }
}
