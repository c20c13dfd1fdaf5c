import Foundation
import Testing

@Suite("Every command explains itself") struct HelpTests {
    static let commands: [[String]] = [
        [], ["run"], ["replay"], ["list"], ["topology"], ["trace"], ["trace", "import"],
        ["trace", "info"], ["trace", "export"], ["report"], ["compare"], ["history"], ["gate"],
        ["verify"],
    ]

    @Test("help has an example and fits 80 columns", arguments: commands)
    func help(command: [String]) throws {
        let outcome = try Program.run(command + ["--help"], in: Folder())
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(outcome.text.contains("Example: fqbench"))
        #expect(outcome.lines.allSatisfy { $0.count <= 80 }, "\(outcome.text)")
        if !command.isEmpty {
            #expect(outcome.text.contains("Example: fqbench \(command.joined(separator: " "))"))
        }
    }

    @Test("the version is a number")
    func version() throws {
        let outcome = try Program.run(["--version"], in: Folder())
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(outcome.text.wholeMatch(of: #/\d+\.\d+\.\d+\n/#) != nil, "\(outcome.text)")
    }

    @Test("a list is one JSON document, and names what runs take")
    func list() throws {
        let outcome = try Program.run(["list", "--json"], in: Folder())
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        let all = try #require(
            try JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        let schemes = try #require(all["schemes"] as? [[String: Any]]).compactMap {
            $0["name"] as? String
        }
        #expect(schemes.contains("spsc") && schemes.contains("locked/ticket"))
        let suites = try #require(all["suites"] as? [[String: Any]]).compactMap {
            $0["name"] as? String
        }
        #expect(suites.sorted() == ["debates", "full", "lifetimes", "quick", "smoke"])
        #expect((all["traces"] as? [String])?.contains("sqlite-build-index") == true)
        #expect((all["lockKinds"] as? [[String: Any]])?.isEmpty == false)
    }

    @Test("the topology is one JSON document")
    func topology() throws {
        let outcome = try Program.run(["topology", "--json", "--pairs", "1"], in: Folder())
        #expect(outcome.status == 0, "\(outcome.errors)")
        let all = try #require(
            try JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        #expect(all["topology"] is [String: Any])
        #expect((all["roundTrips"] as? [Any])?.count ?? 2 <= 1)
    }

    @Test("no pair of CPUs need be measured")
    func noPairs() throws {
        let outcome = try Program.run(["topology", "--pairs", "0"], in: Folder())
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.contains("No round trips measured."))
    }

    @Test(
        "text for people fits its width and has no escape codes in a pipe",
        arguments: [
            ["list"], ["list", "--width", "80"], ["topology", "--pairs", "1"],
            ["trace", "info", "sqlite-build-index"],
        ])
    func width(command: [String]) throws {
        let outcome = try Program.run(command, in: Folder())
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(!outcome.text.isEmpty)
        #expect(outcome.lines.allSatisfy { $0.count <= 80 }, "\(outcome.text)")
        #expect(!outcome.text.contains("\u{1B}"))
    }

    @Test("a reader that leaves early is no failure")
    func closedPipe() throws {
        for command in ["trace export sqlite-build-index", "list --json", "list", "--help"] {
            let outcome = try Program.shell(
                "{ fqbench \(command); echo $? >&2; } | head -n 1 >&2", in: Folder())
            // The line that was read, and the status of the program.
            #expect(outcome.errorLines.count == 2, "\(outcome.errors)")
            #expect(outcome.errorLines.contains("0"), "\(outcome.errors)")
        }
    }

    @Test("output that cannot be written is said, with exit status 6")
    func fullOutput() throws {
        let commands = [
            "trace export sqlite-build-index", "list", "list --json", "--help", "--version",
        ]
        for command in commands {
            let outcome = try Program.shell("fqbench \(command) >/dev/full", in: Folder())
            #expect(outcome.status == 6)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("standard output"), "\(outcome.errors)")
        }
        #expect(try Program.shell("fqbench --bogus 2>/dev/full", in: Folder()).status == 1)
        #expect(try Program.shell("fqbench list >&-", in: Folder()).status == 6)
    }
}
