import CPlatform
import Glibc

/// The program that measured, as text by key.
///
/// | key | value |
/// |---|---|
/// | `commit` | 40 hexadecimal digits of the checkout that the program lies in, or `unknown` |
/// | `dirty` | `true`: that checkout has changes or untracked files; `false`, `unknown` |
/// | `stale` | `true`: a source of that checkout is younger than the program, so the program was
/// built from something else; `false`, `unknown` |
/// | `compiler` | language version of the Swift compiler, and the clang beside it with its revision
/// |
/// | `configuration` | `debug` or `release` |
/// | `sanitizers` | `none`, `thread` or `address` |
/// | `architecture` | `x86-64` or `arm64` |
///
/// A commit cannot be compiled in without generating a source at every build, so it is asked for
/// when the program runs: from the program's real path up to the directory with this package's
/// manifest and a `.git`, which for a build under `.build` is its own checkout. `stale` guards
/// against a checkout that moved on since. A program that was copied elsewhere knows no commit.
///
/// The Swift compiler tells a program no more than its language version; the revision of the clang
/// that is part of the same toolchain tells its release exactly.
public enum BuildRecord {
    /// What a value reads where it cannot be found out.
    public static let unknown = "unknown"

    /// Runs git up to twice. Any thread; some tens of milliseconds, at most ten seconds.
    ///
    /// - Parameter executable: The program's path; nil for the running one.
    public static func capture(executable: String? = nil) -> [String: String] {
        var record = [
            "commit": unknown, "dirty": unknown, "stale": unknown, "compiler": compiler,
            "configuration": configuration,
            "sanitizers": fq_tsan_enabled() ? "thread" : fq_asan_enabled() ? "address" : "none",
            "architecture": architecture,
        ]
        guard let program = realPath(executable ?? "/proc/self/exe"),
            let package = packageDirectory(above: program)
        else { return record }
        // A status must not write to a repository that others may be using.
        let git = [
            "git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", package,
        ]
        guard let head = CommandOutput.of(git + ["rev-parse", "HEAD"]) else { return record }
        let commit = SystemFiles.trimmed(head)
        guard commit.count == 40, commit.allSatisfy(\.isHexDigit) else { return record }
        record["commit"] = commit
        if let status = CommandOutput.of(git + ["status", "--porcelain"]) {
            record["dirty"] = SystemFiles.trimmed(status).isEmpty ? "false" : "true"
        }
        if let built = modified(program) {
            let youngest = ["Package.swift", "Sources"].map { youngestFile("\(package)/\($0)") }
            record["stale"] = youngest.contains { $0 > built } ? "true" : "false"
        }
        return record
    }

    /// What the table says under `architecture`.
    public static var architecture: String { ProcessorFacts.architecture }

    /// What the table says under `compiler`.
    public static var compiler: String {
        let clang = String(cString: fq_compiler_version())
        return "Swift \(swiftVersion), " + shortened(clang)
    }

    private static var configuration: String {
        #if DEBUG
            return "debug"
        #else
            return "release"
        #endif
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            return "6.4 or later"
        #elseif compiler(>=6.3)
            return "6.3"
        #else
            return "6.2"
        #endif
    }

    /// `Clang 21.0.0 (https://… 11673e6660b2d0a5…)` without the address, the revision cut to 12.
    static func shortened(_ clang: String) -> String {
        let words = clang.split(whereSeparator: { " ()".contains($0) })
        return words.filter { !$0.contains("://") }.map { word in
            word.count == 40 && word.allSatisfy(\.isHexDigit) ? word.prefix(12) : word
        }.joined(separator: " ")
    }

    /// The nearest directory above `path` that is a checkout of this package.
    static func packageDirectory(above path: String) -> String? {
        let files = SystemFiles(root: "/")
        var names = path.split(separator: "/").dropLast()
        while !names.isEmpty {
            let directory = names.joined(separator: "/")
            // In a linked worktree `.git` is a file.
            if access("/\(directory)/.git", F_OK) == 0,
                let manifest = files.text("\(directory)/Package.swift"),
                manifest.range(ofText: "name: \"fqbench\"") != nil
            {
                return "/" + directory
            }
            names.removeLast()
        }
        return nil
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Seconds since 1970, with a fraction.
    private static func modified(_ path: String) -> Double? {
        var information = stat()
        guard lstat(path, &information) == 0 else { return nil }
        return Double(information.st_mtim.tv_sec) + Double(information.st_mtim.tv_nsec) / 1e9
    }

    /// When the youngest file at or below `path` changed; links are not followed.
    private static func youngestFile(_ path: String) -> Double {
        var information = stat()
        guard lstat(path, &information) == 0 else { return 0 }
        guard information.st_mode & S_IFMT == S_IFDIR else { return modified(path) ?? 0 }
        let names = SystemFiles(root: path).names(in: "")
        return names.reduce(0) { max($0, youngestFile("\(path)/\($1)")) }
    }
}
