import Foundation
import Glibc

/// Builds a revision beside the checkout: in one worktree that all gates share and that keeps its
/// objects, the program then kept by commit. Everything is below `.build/gate`, which git ignores.
struct GateBuild {
    let root: String
    private var folder: String { root + "/.build/gate" }
    private var tree: String { folder + "/tree" }

    struct Built {
        let program: String
        let commit: String
        /// Whether it was there already.
        let isCached: Bool
    }

    init() throws {
        guard let root = ProjectFiles.root else {
            throw CommandFailure(
                .badInput, "--base: expected to run in a checkout of fqbench; take --base-binary")
        }
        self.root = root
    }

    /// The program of a revision, built if it is not there.
    ///
    /// - Throws: `CommandFailure`, one line, where there is no such revision or it does not build.
    func build(_ revision: String, note: (String) -> Void) throws -> Built {
        let parsed = try git([
            "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}",
        ])
        let commit = parsed.output.trimmingCharacters(in: .whitespacesAndNewlines)
        guard parsed.status == 0, commit.count >= 40 else {
            throw CommandFailure(.badInput, "--base: no revision \"\(revision)\" in \(root)")
        }
        let program = "\(folder)/\(commit)/fqbench"
        if access(program, X_OK) == 0 {
            return Built(program: program, commit: commit, isCached: true)
        }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let lock = try Self.lock(folder + "/lock")
        defer { close(lock) }
        note("building \(commit.prefix(12)) in \(tree); the first time takes minutes")
        try checkOut(commit)
        let log = "\(folder)/build.log"
        let made = try ToolRun(
            "swift",
            ["build", "--package-path", tree, "-c", "release", "--product", "fqbench"], log: log)
        let result = tree + "/.build/release/fqbench"
        guard made.status == 0, access(result, X_OK) == 0 else {
            throw CommandFailure(
                .badInput,
                "--base: \(commit.prefix(12)) does not build: "
                    + "\(made.complaint.prefix(200)) (all of it in \(log))")
        }
        try keep(result, as: program)
        return Built(program: program, commit: commit, isCached: false)
    }

    /// Whatever a killed gate left in the worktree gives way to the commit.
    private func checkOut(_ commit: String) throws {
        _ = try git(["worktree", "prune"])
        let isThere = FileManager.default.fileExists(atPath: tree + "/.git")
        if isThere {
            // A lock that a killed git left behind.
            let place = try git(["rev-parse", "--git-dir"], in: tree).output
            unlink(place.trimmingCharacters(in: .newlines) + "/index.lock")
            let out = try git(["checkout", "--quiet", "--force", "--detach", commit], in: tree)
            if out.status == 0 {
                _ = try git(["clean", "--quiet", "-fd"], in: tree)
                return
            }
        }
        if FileManager.default.fileExists(atPath: tree) {
            try FileManager.default.removeItem(atPath: tree)
            _ = try git(["worktree", "prune"])
        }
        let added = try git([
            "worktree", "add", "--quiet", "--force", "--detach", tree, commit,
        ])
        guard added.status == 0 else {
            throw CommandFailure(.unfit, "\(tree): no worktree: \(added.complaint)")
        }
        // The same dependencies as the head's, which needs no look at what is newest.
        let versions = root + "/Package.resolved"
        if FileManager.default.fileExists(atPath: versions),
            !FileManager.default.fileExists(atPath: tree + "/Package.resolved")
        {
            try? FileManager.default.copyItem(
                atPath: versions, toPath: tree + "/Package.resolved")
        }
    }

    /// Under its name whole or not at all.
    private func keep(_ result: String, as program: String) throws {
        let temporary = "\(folder)/.fqbench-\(getpid())"
        let files = FileManager.default
        try? files.removeItem(atPath: temporary)
        try files.copyItem(
            atPath: URL(fileURLWithPath: result).resolvingSymlinksInPath().path,
            toPath: temporary)
        try files.createDirectory(
            atPath: URL(fileURLWithPath: program).deletingLastPathComponent().path,
            withIntermediateDirectories: true)
        guard rename(temporary, program) == 0 else {
            throw CommandFailure(
                .unfit, "\(program): cannot be named: \(String(cString: strerror(errno)))")
        }
    }

    /// In the checkout by default.
    private func git(_ arguments: [String], in folder: String? = nil) throws -> ToolRun {
        try ToolRun("git", ["-C", folder ?? root] + arguments)
    }

    /// One build at a time in the shared worktree. The lock ends with the process.
    private static func lock(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if descriptor >= 0 { close(descriptor) }
            throw CommandFailure(.unfit, "\(path): another gate is building; wait for its end")
        }
        return descriptor
    }
}
