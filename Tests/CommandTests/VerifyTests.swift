import Foundation
import Testing

/// `fqbench verify` as its users run it.
@Suite(.serialized)
struct VerifyTests {
    @Test func aSchemePassesAndTwinsAreKilled() throws {
        let folder = try Folder()
        let outcome = try Program.run(
            [
                "verify", "--schemes", "slot-table", "spsc", "--twins", "grpid-only", "ring-drops",
                "--operations", "2000", "--seed", "7",
            ], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.contains("2 schemes, 0 failing; 2 twins, 0 surviving; seed 7"))
        #expect(outcome.lines.allSatisfy { $0.count <= 80 })
    }

    /// Never a hang: who holds and who waits, and the history in a file that can be shown.
    @Test func aDeadlockSaysWhoHoldsAndWhoWaits() throws {
        let folder = try Folder()
        let outcome = try Program.run(
            [
                "verify", "--schemes", "none", "--twins", "flush-deadlock", "--json",
                "--histories", folder.path + "/h",
            ], in: folder)
        #expect(outcome.status == 0)
        #expect(outcome.text.contains("held by the flusher"))
        #expect(outcome.text.contains("the flusher, in flush of device "))
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/h")
        #expect(files.count == 1)
        let replay = try Program.run(
            ["verify", "--replay", folder.path + "/h/" + files[0]], in: folder)
        #expect(replay.status == 0)
        #expect(replay.text.contains("[1] deadlock"))
    }

    /// The watchdog in the child: the caller of a last put and the handler wait for each other.
    @Test func aStandstillOfLifetimesSaysWhoHoldsAndWhoWaits() throws {
        let outcome = try Program.run(
            [
                "verify", "--schemes", "quiet/futex", "--twins", "last-put-under-lock",
                "entry-left", "--operations", "2000", "--json",
            ], in: try Folder())
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.contains("in exit, holds lock"))
        #expect(outcome.text.contains("held by caller"))
        #expect(outcome.text.contains("\"subject\" : \"release\""))
    }

    /// Two subjects have a scheme of this name; both have twins.
    @Test func aSubjectChoosesSchemesAndTwins() throws {
        let outcome = try Program.run(
            [
                "verify", "--subject", "attach-handle", "--schemes", "rcu-refcount/futex",
                "--twins", "half-built", "--operations", "2000", "--json",
            ], in: try Folder())
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.contains("\"subject\" : \"attach-handle\""))
        #expect(!outcome.text.contains("\"subject\" : \"reporting\""))
        for (options, word) in [
            (["--subject", "handles"], "handles"),
            (["--subject", "ring", "--twins", "half-built"], "half-built"),
        ] {
            try Refusals.expect(["verify"] + options, in: try Folder(), saying: [word])
        }
    }

    @Test func aHistoryIsShownStepByStep() throws {
        let folder = try Folder()
        let options = [
            "verify", "--schemes", "none", "--twins", "stale-partial", "--seed", "3", "--histories",
            folder.path,
        ]
        #expect(try Program.run(options, in: folder).status == 0)
        let first = try #require(
            FileManager.default.contentsOfDirectory(atPath: folder.path).first {
                $0.hasPrefix("reporting.stale-partial")
            })
        let replay = try Program.run(["verify", "--replay", first], in: folder)
        #expect(replay.text.contains("inv 22"))
        #expect(replay.text.contains("reports request 0:"))
        #expect(replay.lines.last?.hasSuffix(" steps") == true)
        // Again: nothing is overwritten.
        #expect(try Program.run(options, in: folder).status == 0)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files.count { $0.hasPrefix("reporting.stale-partial") } == 2)
    }

    /// A folder that cannot be written costs no result.
    @Test func resultsOutliveTheirHistories() throws {
        let folder = try Folder()
        try folder.file("taken", "")
        let outcome = try Program.run(
            [
                "verify", "--schemes", "none", "--twins", "ring-drops", "--histories",
                folder.path + "/taken",
            ], in: folder)
        #expect(outcome.status == 6)
        #expect(outcome.text.contains("ring-drops"))
        #expect(outcome.errorLines.last?.contains("taken: cannot be written") == true)
    }

    @Test func aHistoryFromOutsideIsNotBelieved() throws {
        let folder = try Folder()
        #expect(
            try Program.run(
                [
                    "verify", "--schemes", "none", "--twins", "flush-break", "--seed", "3",
                    "--histories", folder.path,
                ], in: folder
            ).status == 0)
        let name = try #require(folder.names.first { $0.hasPrefix("reporting.flush-break") })
        let text = try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
        let replay = try Program.run(["verify", "--replay", name], in: folder)
        #expect(replay.text.contains("report a page of device"))
        let json = try Program.run(["verify", "--replay", name, "--json"], in: folder)
        #expect(json.status == 0 && json.text.contains("\"steps\" : ["))
        try folder.file(
            "far.json",
            text.replacing(#/"violations" : \[\s*\]/#, with: "\"violations\" : [9]"))
        try Refusals.expect(
            ["verify", "--replay", "far.json"], in: folder, saying: ["far.json", "not there"])
        try folder.file("bell.json", text.replacing("report a page", with: "\\u001B[31m a page"))
        let bell = try Program.run(["verify", "--replay", "bell.json"], in: folder)
        #expect(bell.status == 0 && !bell.text.contains("\u{1B}"))
    }

    @Test(arguments: [
        (["--replay", "missing.json"], "missing.json: cannot be read"),
        (["--replay", "/dev/zero"], "/dev/zero: expected a failing history"),
        (["--schemes", "nonesuch"], "no scheme \"nonesuch\""),
        (["--twins", "flush-brake"], "did you mean \"flush-break\"?"),
        (["--soak", "soon"], "expected a time as in 90s, 30m or 2h"),
        (["--operations", "0"], "expected 1 to"),
    ])
    func badInputIsOneLine(_ options: [String], _ text: String) throws {
        let outcome = try Program.run(["verify"] + options, in: try Folder())
        #expect(outcome.status == 1)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains(text), "\(outcome.errors)")
    }

    /// By SIGTERM: a test run in the background hands an ignored SIGINT down.
    @Test func aStopKeepsWhatWasDone() throws {
        let folder = try Folder()
        var isSent = false
        let outcome = try Program.run(
            ["verify", "--twins", "none", "--operations", "100000000"], in: folder
        ) { process, errors in
            if !isSent && errors.contains("spsc") {
                isSent = true
                kill(process, SIGTERM)
            }
        }
        #expect(outcome.status == 143)
        #expect(outcome.text.replacing("\n", with: " ").contains("; stopped"), "\(outcome.text)")
    }
}
