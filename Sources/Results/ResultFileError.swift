import Foundation

/// Why a result file could not be read or written: one line that names the file.
public struct ResultFileError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: Equatable, Sendable {
        /// There is no such file.
        case missing
        /// There is no such file, and it is thresholds that it should have.
        case missingThresholds
        /// It has no bytes.
        case empty
        /// It names a folder.
        case isFolder
        /// It names a device, a pipe or a socket, which a result must not replace.
        case notRegular
        /// More bytes than `limit`.
        case tooLarge(limit: Int)
        /// A compressed file that cannot be decompressed; why.
        case compressed(String)
        /// The parser's words, with line and column where it gives them.
        case notJSON(String)
        /// JSON, but `tool` is not `fqbench`.
        case notOurs
        /// Written by a newer program.
        case newerSchema(found: Int, supported: Int)
        /// A required field is absent; its path.
        case missingField(String)
        /// A field cannot hold what the file says; its path, and what was expected.
        case wrongType(field: String, expected: String)
        /// A field's value is impossible; its path, and what is wrong with it.
        case invalid(field: String, problem: String)
        /// It exists, and overwriting was not asked for.
        case exists
        /// It exists, and holds another run.
        case otherRun(String)
        /// A system call failed: what was attempted, errno and its text.
        case system(action: String, code: Int32, text: String)
    }

    /// As the caller gave it.
    public let path: String
    public let reason: Reason

    public init(path: String, reason: Reason) {
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(oneLine(path, longest: .max)): \(oneLine(explanation))" }

    private var explanation: String {
        switch reason {
        case .missing: "no such file; expected a result file of fqbench"
        case .missingThresholds: "no such file; expected thresholds of counts"
        case .empty: "the file is empty; expected a result file of fqbench"
        case .isFolder: "is a folder; expected a file"
        case .notRegular: "is not a regular file; a result is not written over it"
        case .tooLarge(let limit): "larger than \(limit >> 20) MiB; no result file is"
        case .compressed(let problem): problem
        case .notJSON(let problem): "not JSON: \(problem)"
        case .notOurs: "JSON, but not a result of fqbench: expected \"tool\": \"fqbench\""
        case .newerSchema(let found, let supported):
            "schema version \(found); this build reads up to \(supported): use a newer fqbench"
        case .missingField(let field): "\(field) is missing"
        case .wrongType(let field, let expected): "\(field): expected \(expected)"
        case .invalid(let field, let problem): "\(field) \(problem)"
        case .exists: "already exists; choose another name, or ask to overwrite it"
        case .otherRun(let difference): "holds another run (\(difference)); not replaced"
        case .system(let action, let code, let text): "could not \(action): \(text) (\(code))"
        }
    }

    /// The error of the system call that just failed in this thread.
    static func system(_ path: String, _ action: String, code: Int32 = errno) -> ResultFileError {
        ResultFileError(
            path: path,
            reason: .system(action: action, code: code, text: String(cString: strerror(code))))
    }
}

/// Control characters and line separators become spaces: a name from outside must not break a
/// message in two, nor be longer than a reader reads.
package func oneLine(_ text: String, longest: Int = 600) -> String {
    var result = String.UnicodeScalarView()
    for (position, scalar) in text.unicodeScalars.enumerated() {
        if position == longest { return String(result) + "…" }
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: result.append(" ")
        default: result.append(scalar)
        }
    }
    return String(result)
}
