import Foundation
import Testing

@testable import Measurement

/// Without git there is nothing to record, and nothing to test.
private let hasGit = CommandOutput.of(["git", "--version"]) != nil

/// A checkout of a package called `name` with one commit, and a program in its build directory.
private func checkout(name: String = "fqbench") throws -> FakeTree {
    let tree = try FakeTree([
        "repo/Package.swift": "let package = Package(\n    name: \"\(name)\")\n",
        "repo/Sources/a/A.swift": "let a = 1\n", "repo/.gitignore": ".build/\n",
    ])
    let git = [
        "git", "-C", tree.path("repo"), "-c", "user.name=Test", "-c",
        "user.email=test@example.invalid", "-c", "commit.gpgsign=false",
    ]
    for command in [["init", "-q"], ["add", "-A"], ["commit", "-q", "--no-verify", "-m", "One"]] {
        _ = try #require(CommandOutput.of(git + command, timeoutMs: 60_000))
    }
    try tree.write("program", to: "repo/.build/debug/fqbench")
    // Times are set and not waited for.
    try age(tree.path("repo/.build/debug/fqbench"), to: 1_000_000)
    for file in ["Package.swift", "Sources/a/A.swift"] {
        try age(tree.path("repo/\(file)"), to: 900_000)
    }
    return tree
}

private func age(_ path: String, to seconds: Double) throws {
    try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: path)
}

@Suite struct BuildRecordTests {
    @Test(.enabled(if: hasGit)) func aCleanCheckoutGivesItsCommit() throws {
        let tree = try checkout()
        let program = tree.path("repo/.build/debug/fqbench")
        let head = try #require(
            CommandOutput.of(["git", "-C", tree.path("repo"), "rev-parse", "HEAD"]))
        var record = BuildRecord.capture(executable: program)
        #expect(record["commit"] == SystemFiles.trimmed(head))
        #expect(record["commit"]?.count == 40)
        #expect(record["dirty"] == "false")
        #expect(record["stale"] == "false")

        try tree.write("let b = 1\n", to: "repo/Sources/a/B.swift")
        try age(tree.path("repo/Sources/a/B.swift"), to: 999_999)
        record = BuildRecord.capture(executable: program)
        #expect(record["dirty"] == "true")
        #expect(record["stale"] == "false")

        try age(tree.path("repo/Sources/a/B.swift"), to: 1_000_001)
        record = BuildRecord.capture(executable: program)
        #expect(record["stale"] == "true")
    }

    @Test(.enabled(if: hasGit)) func aLinkToTheProgramIsFollowed() throws {
        let tree = try checkout()
        let link = tree.path("fqbench")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: tree.path("repo/.build/debug/fqbench"))
        #expect(BuildRecord.capture(executable: link)["commit"]?.count == 40)
    }

    @Test(.enabled(if: hasGit)) func aLinkedWorktreeIsACheckout() throws {
        let tree = try checkout()
        let other = tree.path("other")
        let added = CommandOutput.of(
            ["git", "-C", tree.path("repo"), "worktree", "add", "-q", "--detach", other],
            timeoutMs: 60_000)
        _ = try #require(added)
        try tree.write("program", to: "other/.build/fqbench")
        #expect(
            BuildRecord.capture(executable: tree.path("other/.build/fqbench"))["commit"]?.count
                == 40)
    }

    @Test(.enabled(if: hasGit)) func anotherPackagesCheckoutIsNotOurs() throws {
        let tree = try checkout(name: "other")
        let record = BuildRecord.capture(executable: tree.path("repo/.build/debug/fqbench"))
        #expect(record["commit"] == "unknown")
        #expect(record["dirty"] == "unknown")
        #expect(record["stale"] == "unknown")
    }

    @Test func aMissingOrBrokenRepositoryIsUnknown() throws {
        let tree = try FakeTree([
            "repo/Package.swift": "name: \"fqbench\"", "repo/.git": "gitdir: /nowhere\n",
            "repo/program": "x",
        ])
        #expect(BuildRecord.capture(executable: tree.path("repo/program"))["commit"] == "unknown")
        #expect(BuildRecord.capture(executable: tree.path("no/program"))["commit"] == "unknown")
    }

    @Test func whatIsKnownAtCompileTimeIsAlwaysThere() throws {
        let record = BuildRecord.capture()
        print("  build: \(record)")
        let compiler = try #require(record["compiler"])
        #expect(compiler.hasPrefix("Swift 6.") && compiler.contains("lang 2"))
        #expect(["debug", "release"].contains(record["configuration"]))
        #expect(["x86-64", "arm64"].contains(record["architecture"]))
        #expect(["none", "thread", "address"].contains(record["sanitizers"]))
    }

    @Test func aCompilersAddressIsLeftOut() {
        let revision = String(repeating: "0123456789", count: 4)
        #expect(
            BuildRecord.shortened("Clang 21.0.0 (https://example.invalid/llvm.git \(revision))")
                == "Clang 21.0.0 012345678901")
        #expect(BuildRecord.shortened("Clang 17.0.6") == "Clang 17.0.6")
    }
}

@Suite struct CommandOutputTests {
    @Test func outputIsTakenWhereTheCommandSucceeds() {
        #expect(CommandOutput.of(["sh", "-c", "printf one; printf two >&2"]) == "one")
        #expect(CommandOutput.of(["sh", "-c", "printf one; exit 3"]) == nil)
        #expect(CommandOutput.of(["no-such-program-here"]) == nil)
        #expect(CommandOutput.of(["cat"]) == "")
    }

    @Test func aCommandThatHangsIsKilled() {
        // Long enough that waiting for its end would be noticed.
        #expect(CommandOutput.of(["sleep", "1000"], timeoutMs: 50) == nil)
        #expect(CommandOutput.of(["sh", "-c", "exec >&-; exec sleep 1000"], timeoutMs: 50) == nil)
    }

    @Test func largeOutputIsNotCut() {
        #expect(CommandOutput.of(["head", "-c", "300000", "/dev/zero"])?.utf8.count == 300_000)
        #expect(CommandOutput.of(["head", "-c", "9000000", "/dev/zero"], timeoutMs: 60_000) == nil)
    }

    @Test func theCallersSettingsAreNotInherited() {
        let names = CommandOutput.of(["env"])?.split(separator: "\n").compactMap {
            $0.split(separator: "=").first
        }
        #expect(
            Set(names ?? ["none"]).isSubset(of: ["PATH", "HOME", "LC_ALL", "PWD", "SHLVL", "_"]))
    }
}
