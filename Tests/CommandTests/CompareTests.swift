import Foundation
import Testing

@Suite("Comparing, gating and looking back") struct CompareTests {
    let folder: Folder
    /// A result of a short run.
    let result: String

    init() throws {
        folder = try Folder()
        result = folder.path + "/run.json"
        let run = try Program.run(
            [
                "run", "--suite", "smoke", "--schemes", "spsc", "spsc-c", "--workloads",
                "throughput", "--rounds", "12", "--bursts", "2", "--output", result, "--quiet",
            ], in: folder)
        try #require(run.status == 0, "\(run.errors)")
    }

    @Test("a run compared with itself has no change, in every format")
    func compare() throws {
        for format in ["table", "json", "markdown", "benchstat"] {
            let outcome = try Program.run(
                ["compare", result, result, "--format", format], in: folder)
            #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
            #expect(!outcome.text.isEmpty)
            if format == "table" {
                #expect(outcome.text.contains("0 slower, 0 faster"), "\(outcome.text)")
                #expect(outcome.lines.allSatisfy { $0.count <= 80 })
            }
        }
    }

    @Test("a report is what the run showed")
    func report() throws {
        let outcome = try Program.run(["report", result], in: folder)
        #expect(outcome.status == 0 && outcome.text.contains("spsc-c"))
        let json = try Program.run(["report", result, "--json"], in: folder)
        #expect(json.output == (try folder.read("run.json")))
    }

    @Test("a folder with one run has a history, an empty one has none")
    func history() throws {
        let outcome = try Program.run(["history", folder.path, "--all"], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.contains("1 run from"))
        let other = try Folder()
        #expect(try Program.run(["history", other.path], in: other).status == 5)
        try folder.file("broken.json", "{\"tool\": \"fqbench\"")
        try folder.file("copy.json", try folder.read("run.json"))
        let partly = try Program.run(["history", folder.path], in: folder)
        #expect(partly.status == 0 && partly.text.contains("1 run from"), "\(partly.text)")
        #expect(partly.text.contains("Left out: "))
        #expect(partly.text.contains("holds the same run: run.json"))
        try Refusals.expect(
            ["history", folder.path, "--level", "1e-19"], in: folder, saying: ["--level", "1e-19"])
    }

    @Test("a folder of broken files alone has no history, and says why")
    func brokenHistory() throws {
        let other = try Folder()
        try other.file("broken.json", "{\"tool\": \"fqbench\"")
        try other.file("newer.json", "{\"tool\": \"fqbench\", \"schemaVersion\": 7}")
        let outcome = try Program.run(["history", other.path], in: other)
        #expect(outcome.status == 5 && outcome.text == "")
        #expect(outcome.errorLines.count == 3, "\(outcome.errors)")
        #expect(outcome.errors.contains("broken.json: not JSON"))
        #expect(outcome.errors.contains("newer.json: schema version 7"))
    }

    @Test(
        "a folder that cannot be read is the system's word and exit status 6",
        .enabled(if: geteuid() != 0, "root may read anything"))
    func unreadableHistory() throws {
        let closed = try Folder()
        chmod(closed.path, 0)
        defer { chmod(closed.path, 0o700) }
        try Refusals.expect(
            ["history", closed.path], in: folder, status: 6,
            saying: ["could not open: Permission denied"])
    }

    @Test("what cannot be compared or gated is refused in one line")
    func refusals() throws {
        let cut = try folder.file(
            "cut.json", Data(try folder.read("run.json").prefix(2000)))
        try Refusals.expect(["compare", result, cut], in: folder, saying: [cut])
        try Refusals.expect(["compare", "./none.json", result], in: folder, saying: ["none.json"])
        try Refusals.expect(["report", cut], in: folder, saying: [cut])
        try Refusals.expect(["history", result], in: folder, saying: [result, "folder"])
        try Refusals.expect(["gate"], in: folder, saying: ["--base", "--self-test"])
        try Refusals.expect(
            ["gate", "--base", "no-such-revision"], in: folder, saying: ["no-such-revision"])
        for program in ["./none", "/bin/true", folder.path] {
            try Refusals.expect(
                ["gate", "--base-binary", program, "--quiet"], in: folder, saying: [program])
        }
        try Refusals.expect(
            ["gate", "--self-test", "--recorded", cut], in: folder, saying: [cut])
        try Refusals.expect(
            ["gate", "--self-test", "--plants", "none-such"], in: folder, saying: ["none-such"])
        try Refusals.expect(
            ["gate", "--self-test", "--recorded", result, "--plants", "nothing"], in: folder,
            saying: ["--plants", "--recorded"])
        // Before the first gate, not after those of equal builds.
        try Refusals.expect(
            ["gate", "--self-test", "--schemes", "spsc", "spsc-c", "--quiet"], in: folder,
            saying: ["mpsc", "--plants"])
        // No litter of those that got as far as copying.
        #expect(!folder.names.contains { $0.hasPrefix("fqbench-gate") })
    }

    @Test("the self-test counts its gates")
    func selfTest() throws {
        let outcome = try Program.run(
            [
                "gate", "--self-test", "--recorded", result, "--gates", "3", "--seed", "1",
                "--false-alarms", "1e-6", "--quiet",
            ], in: folder)
        // A machine with one CPU has no figure to gate, and one that is busy too few clean ones.
        if outcome.status == 0 {
            #expect(outcome.lines.contains { $0.hasPrefix("nothing") }, "\(outcome.text)")
        } else {
            #expect(outcome.status == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        }
    }
}
