import Foundation
import Testing

@Suite("A mistake on the command line is one line and exit status 1") struct BadOptionTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    @Test(
        "options",
        arguments: [
            (["--bogus"], "--bogus"), (["bogus"], "bogus"), (["run", "--bogus"], "--bogus"),
            (["run", "extra"], "extra"), (["list", "extra"], "extra"),
            (["run", "--rounds", "0"], "--rounds"), (["run", "--rounds", "-1"], "--rounds"),
            (["run", "--rounds", "10001"], "--rounds"), (["run", "--rounds", "x"], "--rounds"),
            (["run", "--rounds", ""], "--rounds"), (["run", "--rounds"], "--rounds"),
            (["run", "--bursts", "0"], "--bursts"), (["run", "--bursts", "1001"], "--bursts"),
            (["run", "--seed", "abc"], "--seed"), (["run", "--seed", "-1"], "--seed"),
            (["run", "--seed", "99999999999999999999999"], "--seed"),
            (["run", "--width", "79"], "--width"), (["run", "--width", "241"], "--width"),
            (["list", "--width", "5"], "--width"), (["topology", "--width", "5"], "--width"),
            (["topology", "--pairs", "4097"], "--pairs"),
            (["run", "--cpus", "99999"], "CPU 99999"), (["run", "--cpus", "0,0"], "CPU list"),
            (["run", "--cpus", "x"], "CPU list"), (["run", "--cpus", ""], "CPU list"),
            (["run", "--cpus", "1-0"], "CPU list"), (["run", "--cpus", "-1"], "--cpus"),
            (["topology", "--cpus", "x"], "CPU list"),
            (["run", "--schemes", "spcs"], "did you mean \"spsc\"?"),
            (["run", "--schemes", "two\nlines"], "no scheme"),
            (["run", "--workloads", "troughput"], "did you mean \"throughput\"?"),
            (["run", "--suite", "smock"], "did you mean \"smoke\"?"),
            (["run", "--resume", "x.json", "--seed", "1"], "--resume"),
            (["run", "--resume", "x.json", "--output", "y.json"], "--resume"),
            (["replay"], "trace"), (["replay", "a", "b"], "b"),
            (["replay", "numpy-tread"], "did you mean \"numpy-threads\"?"),
            (["replay", "numpy-threads", "--speed-up", "0"], "--speed-up"),
            (["replay", "numpy-threads", "--speed-up", "-1"], "--speed-up"),
            (["replay", "numpy-threads", "--speed-up=-1"], "--speed-up"),
            (["replay", "numpy-threads", "--speed-up", "nan"], "--speed-up"),
            (["replay", "numpy-threads", "--speed-up", "inf"], "--speed-up"),
            (["replay", "numpy-threads", "--speed-up", "1e7"], "--speed-up"),
            (["replay", "numpy-threads", "--workers", "0"], "--workers"),
            (["replay", "numpy-threads", "--workers", "65"], "--workers"),
            (["replay", "numpy-threads", "--ring", "500"], "--ring"),
            (["replay", "numpy-threads", "--credits", "0"], "--credits"),
            (["replay", "numpy-threads", "--service-ns=-1"], "--service-ns"),
            (["replay", "numpy-threads", "--unbind-every-us", "5"], "--unbind-every-us"),
            (["replay", "numpy-threads", "--group-size", "0"], "--group-size"),
            (["replay", "numpy-threads", "--pasid-by", "cpu"], "--pasid-by"),
            (["gate", "--self-test", "--false-alarms", "5e-324"], "--false-alarms"),
            (["gate", "--self-test", "--false-alarms", "nan"], "--false-alarms"),
            (["gate", "--self-test", "--budget", "5"], "--budget"),
            (["gate", "--self-test", "--margin", "1"], "--margin"),
            (["gate", "--counts", "--json", "--github"], "--github: not with --json"),
            (["gate", "--base", "x", "--json", "--github"], "--github: not with --json"),
            (["gate", "--base", "x", "--gates", "2"], "--gates: not with --base"),
            (["gate", "--base-binary", "x", "--plants", "y"], "--plants: not with --base-binary"),
            (["gate", "--counts", "--schemes", "x"], "--schemes: not with --counts"),
            (["gate", "--counts", "--budget", "60"], "--budget: not with --counts"),
            (["gate", "--counts", "--recorded", "x"], "--recorded: not with --counts"),
            (["gate", "--self-test", "--strict"], "--strict: not with --self-test"),
            (
                ["gate", "--self-test", "--recorded", "x", "--junit", "y"],
                "--junit: not with --recorded"
            ),
            (
                ["gate", "--self-test", "--recorded", "x", "--suite", "quick"],
                "--suite: not with --recorded"
            ),
            (["trace", "bogus"], "bogus"), (["trace", "import"], "input"),
            (["compare", "a", "b", "--across-machines", "--format", "benchstat"], "benchstat"),
            (["history", ".", "--level", "0"], "--level"),
            (["trace", "import", "x"], "--output"),
            (["trace", "export", "numpy-threads", "--format", "xml"], "--format"),
        ])
    func option(arguments: [String], word: String) throws {
        try Refusals.expect(arguments, in: folder, saying: [word])
    }

    @Test("a suite file that is wrong is named with its field")
    func suiteFile() throws {
        let good = """
            {"name": "s", "description": "", "rounds": 1, "burstsPerRound": 1, "burstMs": 1,
             "schemes": ["spsc"], "ring": [{"name": "w", "measure": "throughput"}]}
            """
        let cases: [(String, String, String)] = [
            (#""spsc""#, #""spcs""#, #"no scheme "spcs"; did you mean "spsc"?"#),
            (#""rounds""#, #""round""#, "round: unknown field"),
            (#""rounds": 1"#, #""rounds": 1.5"#, "rounds: expected a whole number"),
            (#""measure""#, #""mesure""#, "ring[0].mesure: unknown field"),
            ("throughput", "speed", "ring[0].measure: expected one of throughput"),
            (#""burstMs": 1"#, #""burstMs": 0"#, "burstMs: expected 0.1…100"),
            (#""w""#, #""w", "placements": ["same-13"]"#, #"did you mean "same-l3"?"#),
        ]
        for (old, new, words) in cases {
            let path = try folder.file("suite.json", good.replacing(old, with: new))
            var expected = [words]
            if !words.contains("did you mean") { expected.append(path) }
            try Refusals.expect(["run", "--suite", path], in: folder, saying: expected)
        }
        for text in ["", "{", "not JSON", "[]"] {
            let path = try folder.file("suite.json", text)
            try Refusals.expect(["run", "--suite", path], in: folder, saying: [path])
        }
        try Refusals.expect(["run", "--suite", "./none.json"], in: folder, saying: ["./none.json"])
        try Refusals.expect(["run", "--suite", folder.path], in: folder, saying: [folder.path])
    }

    @Test("a trace that is wrong is named, and its line")
    func traces() throws {
        let shipped = Program.checkout.appendingPathComponent("traces/sqlite-build-index.fqtrace")
        let whole = try Data(contentsOf: shipped)
        let line =
            "     irq/24-dmar0-48      [000] .....     0.000001: prq_report: "
            + "dmar0/0000:00:00.1 seq# 0: rid=0x1 addr=0x7f9496458 r-x-l pasid=0x1 index=0x0\n"
        let files: [(String, Data, [String])] = [
            ("empty", Data(), []),
            ("junk", Data((0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 3) }), []),
            ("half.fqtrace", whole.prefix(whole.count / 2), []),
            ("byte.fqtrace", whole.prefix(1), []),
            (
                "pasid.txt",
                Data((line + line.replacing("pasid=0x1", with: "pasid=0x100000")).utf8),
                [":2:", "PASID"]
            ),
            (
                "index.txt", Data(line.replacing("index=0x0", with: "index=0x200").utf8),
                [":1:", "index"]
            ),
            ("fake.xz", Data("\u{FD}7zXZ not".utf8), []),
            ("words.txt", Data("these are no events\n".utf8), []),
        ]
        for (name, bytes, words) in files {
            let path = try folder.file(name, bytes)
            for command in [["replay"], ["trace", "info"], ["trace", "export"]] {
                try Refusals.expect(command + [path], in: folder, saying: [path] + words)
            }
            try Refusals.expect(
                ["trace", "import", path, "--output", "\(folder.path)/new.fqtrace"], in: folder,
                saying: [path] + words)
        }
        for path in ["./missing", folder.path] {
            try Refusals.expect(["replay", path], in: folder, saying: [path])
        }
        // The lines above are wrong in one place only.
        let path = try folder.file("good.txt", line)
        #expect(try Program.run(["trace", "info", path], in: folder).status == 0)
    }

    @Test(
        "a compressed trace that is cut short is refused",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/xz")))
    func truncatedCompression() throws {
        let made = try Program.shell(
            "fqbench trace export sqlite-build-index --format ftrace -o t.txt && xz -k t.txt "
                + "&& head -c 5000 t.txt.xz > cut.xz", in: folder)
        #expect(made.status == 0, "\(made.errors)")
        let whole = try Program.run(["trace", "info", "t.txt.xz", "--json"], in: folder)
        #expect(whole.status == 0, "\(whole.errors)")
        try Refusals.expect(["replay", "cut.xz"], in: folder, saying: ["cut.xz"])
    }

    @Test("an import never replaces a file that it was not told to")
    func importOnto() throws {
        let line =
            "     irq/24-dmar0-48      [000] .....     0.000001: prq_report: "
            + "dmar0/0000:00:00.1 seq# 0: rid=0x1 addr=0x7f9496458 r-x-l pasid=0x1 index=0x0\n"
        let input = try folder.file("in.txt", line)
        let output = try folder.file("out.fqtrace", "precious")
        let arguments = ["trace", "import", input, "--output", output]
        try Refusals.expect(arguments, in: folder, saying: [output, "exists"])
        #expect(String(decoding: try folder.read("out.fqtrace"), as: UTF8.self) == "precious")
        try Refusals.expect(
            ["trace", "export", input, "--output", output], in: folder, saying: [output, "exists"])
        let forced = try Program.run(arguments + ["--force"], in: folder)
        #expect(forced.status == 0, "\(forced.errors)")
        #expect(try Program.run(["trace", "info", output], in: folder).status == 0)
    }

    @Test("a result that cannot be resumed is named")
    func resume() throws {
        let files: [(String, String, [String])] = [
            ("empty.json", "", ["empty"]),
            ("text.json", "not JSON", ["not JSON"]),
            ("other.json", #"{"tool": "other", "schemaVersion": 1}"#, ["fqbench"]),
            ("array.json", "[]", ["fqbench"]),
            ("newer.json", #"{"tool": "fqbench", "schemaVersion": 99}"#, ["99", "newer"]),
            ("part.json", #"{"tool": "fqbench", "schemaVersion": 1"#, ["JSON"]),
            ("bare.json", #"{"tool": "fqbench", "schemaVersion": 1}"#, ["missing"]),
        ]
        for (name, text, words) in files {
            let path = try folder.file(name, text)
            try Refusals.expect(["run", "--resume", path], in: folder, saying: [path] + words)
        }
        for path in ["./missing.json", folder.path] {
            try Refusals.expect(["run", "--resume", path], in: folder, saying: [path])
        }
    }
}
