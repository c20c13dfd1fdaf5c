import Glibc

/// What the program exits with, the same for every command.
enum ExitStatus: Int32 {
    case success = 0
    /// Wrong usage or bad input.
    case badInput = 1
    /// Slower than the base, beyond the tolerance.
    case regression = 2
    /// A check of correctness failed.
    case checkFailed = 3
    /// Faster than the base, beyond the tolerance.
    case improvement = 4
    /// Nothing to compare with.
    case noBaseline = 5
    /// The machine or its settings do not allow what was asked.
    case unfit = 6
    /// The measurements decide nothing; only where asked to be strict.
    case inconclusive = 7
}

/// An error that has its line and its exit status already.
struct CommandFailure: Error, CustomStringConvertible {
    let status: ExitStatus
    let description: String

    init(_ status: ExitStatus, _ description: String) {
        self.status = status
        self.description = description
    }
}

/// Ends the program with a status of its own, after everything has been printed.
struct Exit: Error {
    let code: Int32
}
