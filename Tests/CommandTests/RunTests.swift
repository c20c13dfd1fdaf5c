import Foundation
import Glibc
import Results
import Testing

/// Parent of the suites that measure: one run at a time, so that none waits for another's threads.
@Suite("Runs", .serialized) enum Runs {
    /// One cell on each kind of machine, and milliseconds of measuring.
    static let small = [
        "run", "--suite", "smoke", "--schemes", "spsc", "--workloads", "throughput", "--bursts",
        "1",
    ]
}

extension Runs {
    @Suite("A run shows and keeps what it measured") struct RunTests {
        private let folder: Folder

        init() throws { folder = try Folder() }

        @Test("a JSON document on standard output, and nothing else there")
        func json() throws {
            let outcome = try Program.run(
                [
                    "run", "--suite", "smoke", "--rounds", "1", "--bursts", "1", "--json",
                    "--seed", "7", "-o", "r.json",
                ], in: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let document = try ResultStore.decode([UInt8](outcome.output), path: "output")
            #expect(document.seed == 7)
            #expect(document.suite.name == "smoke" && document.suite.rounds == 1)
            #expect(document.finishedAt != nil)
            // Eleven rings under four workloads, eight structures under eleven.
            #expect(document.cells.count == 132)
            #expect(document.cells.allSatisfy { $0.rounds.count == 1 })
            #expect(document.cells.allSatisfy { $0.rounds[0].check.holds })
            #expect(try ResultStore.read("\(folder.path)/r.json") == document)
            #expect(outcome.errors.contains("seed 7, result file r.json"))
            #expect(!outcome.errors.contains("\u{1B}"))
            #expect(folder.names == ["r.json"])
        }

        /// Two threads at once are the first to ask that allocator for something.
        @Test("nodes of the C library's allocator, in a program that has another")
        func nodesOfTheCLibrary() throws {
            for seed in 1...6 {
                let outcome = try Program.run(
                    [
                        "run", "--suite", "smoke", "--schemes", "rcu-refcount/futex+glibc",
                        "--workloads", "two-reporters", "--rounds", "1", "--bursts", "1",
                        "--quiet", "--seed", "\(seed)", "-o", "r\(seed).json",
                    ], in: folder)
                #expect(outcome.status == 0, "seed \(seed): \(outcome.errors)")
            }
        }

        @Test("a subject is enough to find its suite")
        func subject() throws {
            let outcome = try Program.run(
                [
                    "run", "--subject", "pasid,attach-handle,release", "--workloads",
                    "bind-unbind", "lookup", "release-64", "--schemes", "per-mm/futex",
                    "reader-slots", "dummy-table/futex", "--rounds", "1", "--bursts", "1",
                    "--json", "-o", "r.json",
                ], in: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let document = try ResultStore.decode([UInt8](outcome.output), path: "output")
            #expect(document.suite.name == "lifetimes")
            let subjects = Set(document.cells.map(\.key.subject))
            #expect(subjects == ["pasid", "attach-handle", "release"])
            #expect(document.cells.allSatisfy { $0.rounds[0].check.holds })
            let refused = try Program.run(["run", "--subject", "pasidd"], in: folder)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("did you mean \"pasid\""), "\(refused.errors)")
            let other = try Program.run(
                ["run", "--subject", "release", "--suite", "smoke"], in: folder)
            #expect(other.status == 1 && other.errors.contains("release"), "\(other.errors)")
        }

        @Test("tables fit 80 columns, without escape codes in a pipe")
        func tables() throws {
            let outcome = try Program.run(
                small + ["--rounds", "2", "--width", "80", "--quiet", "-o", "r.json"], in: folder)
            #expect(outcome.status == 0)
            #expect(outcome.errors == "", "quiet is quiet")
            #expect(outcome.lines.allSatisfy { $0.count <= 80 }, "\(outcome.text)")
            #expect(!outcome.text.contains("\u{1B}"))
            #expect(outcome.text.contains("spsc"))
            #expect(outcome.lines.last == "Result file: r.json")
        }

        @Test("colours are for terminals that want them", arguments: ["", "1"])
        func colours(noColour: String) throws {
            let terminal = try PseudoTerminal()
            let outcome = try Program.run(
                small + ["--rounds", "1", "--quiet", "-o", "r.json"], in: folder,
                environment: ["TERM": "xterm", "NO_COLOR": noColour], output: terminal.inside)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let shown = terminal.readAll()
            #expect(shown.contains("spsc"))
            #expect(shown.contains("\u{1B}[") == noColour.isEmpty)
        }

        @Test("the default place is named by time, machine, suite and commit")
        func defaultPlace() throws {
            // A tree of its own, so that the checkout's results are left alone.
            for name in ["bin", "Benchmarks", "Benchmarks/suites"] {
                try FileManager.default.createDirectory(
                    atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
            }
            try FileManager.default.copyItem(
                atPath: Program.path, toPath: "\(folder.path)/bin/fqbench")
            try folder.file(
                "Benchmarks/suites/own.json",
                """
                {"name": "own", "description": "", "rounds": 1, "burstsPerRound": 1, "burstMs": 1,
                 "schemes": ["spsc"], "ring": [{"name": "w", "measure": "throughput",
                 "placements": ["same-l3", "oversubscribed"]}]}
                """)
            let outcome = try Program.run(
                "\(folder.path)/bin/fqbench", ["--suite", "own", "--quiet"], in: folder,
                environment: [:], output: nil, meanwhile: { _, _ in })
            #expect(outcome.status == 0, "\(outcome.errors)")
            let runs = try FileManager.default.contentsOfDirectory(
                atPath: "\(folder.path)/results/runs")
            #expect(runs.count == 1)
            let pattern = #/\d{8}T\d{6}Z\.[A-Za-z0-9_-]+\.own\.\w+\.json/#
            #expect(runs.first?.wholeMatch(of: pattern) != nil, "\(runs)")
        }

        @Test("a replay shows and keeps its trace's figures")
        func replay() throws {
            let outcome = try Program.run(
                [
                    "replay", "sqlite-build-index", "--schemes", "slot-table", "--rounds", "1",
                    "--bursts", "2", "--quiet", "-o", "r.json",
                ], in: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let document = try ResultStore.read("\(folder.path)/r.json")
            #expect(document.cells.map(\.key.workload) == ["replay-sqlite-build-index"])
            #expect(document.cells.map(\.key.subject) == ["pipeline"])
            let round = document.cells[0].rounds[0]
            #expect(round.latencyHistogram != nil)
            #expect(round.check.accepted > 0)
            #expect(round.threads.map(\.role) == ["producer", "consumer", "unbind"])
        }
    }

    @Suite("A run that cannot keep its result") struct OutputTests {
        private let folder: Folder

        init() throws { folder = try Folder() }

        @Test("an existing file is refused and left alone")
        func existing() throws {
            let path = try folder.file("r.json", "precious")
            try Refusals.expect(
                small + ["--output", path], in: folder, saying: [path, "exists already"])
            try Refusals.expect(
                ["replay", "sqlite-build-index", "-o", path], in: folder, saying: [path])
            #expect(String(decoding: try folder.read("r.json"), as: UTF8.self) == "precious")
        }

        @Test("a folder that cannot be written ends it before the first round")
        func unwritable() throws {
            for path in ["/proc/fqbench.json", "\(folder.path)/no/such/folder/r.json"] {
                try Refusals.expect(
                    small + ["--output", path], in: folder, status: 6, saying: [path])
            }
        }

        @Test(
            "on a full disk the tables are shown and the result is kept elsewhere",
            .enabled(if: SmallDisk.isAvailable, "mounting needs root"))
        func fullDisk() throws {
            let disk = try SmallDisk()
            var isFull = false
            let outcome = try Program.run(
                small + ["--rounds", "20", "-o", "\(disk.path)/r.json"], in: folder,
                meanwhile: { _, errors in
                    // Its first, empty state is written by then.
                    if !isFull && errors.contains("result file") {
                        disk.fill()
                        isFull = true
                    }
                })
            #expect(isFull)
            #expect(outcome.status == 6, "\(outcome.errors)")
            #expect(outcome.errors.contains("No space left on device"), "\(outcome.errors)")
            #expect(outcome.text.contains("spsc"), "the tables are shown")
            let kept = try #require(folder.names.first { $0.hasSuffix("-r.json") })
            let place = "\(folder.path)/\(kept)"
            #expect(outcome.errors.contains("fqbench: the result was kept in \(place)"))
            #expect(outcome.lines.last == "Result file: \(place)")
            #expect(try ResultStore.read(place).cells[0].rounds.count == 20)
            // What was there before is whole.
            #expect(try ResultStore.read("\(disk.path)/r.json").cells.isEmpty)
        }
    }

    @Suite("A run that is stopped") struct StopTests {
        private let folder: Folder

        init() throws { folder = try Folder() }

        /// Runs until a moment after the first progress line, and sends one signal then. Through
        /// `env`, because a test run in the background hands an ignored SIGINT down.
        private func stopped(
            _ arguments: [String], _ signal: Int32 = SIGINT
        ) throws -> Program.Outcome {
            var began: ContinuousClock.Instant?
            var isSent = false
            return try Program.run(
                "/usr/bin/env", ["--default-signal=INT,TERM", Program.path] + arguments,
                in: folder, environment: [:], output: nil,
                meanwhile: { process, errors in
                    if isSent { return }
                    if began == nil && errors.contains("] 0 of") { began = .now }
                    if let began, ContinuousClock.now - began > .milliseconds(400) {
                        kill(process, signal)
                        isSent = true
                    }
                })
        }

        @Test("it keeps its finished rounds, and the command that it names completes it")
        func resume() throws {
            let rounds = 60
            let first = try stopped(
                small + ["--rounds", "\(rounds)", "--seed", "5", "-o", "it is.json"])
            #expect(first.status == 130, "\(first.errors)")
            #expect(first.text.contains("Result file: it is.json"))
            let part = try ResultStore.read("\(folder.path)/it is.json")
            #expect(part.finishedAt == nil)
            let finished = try #require(part.cells.first).rounds
            #expect(!finished.isEmpty && finished.count < rounds)
            let marker = "fqbench: stopped; go on with: "
            let line = try #require(first.errorLines.first { $0.hasPrefix(marker) })
            let command = String(line.dropFirst(marker.count))

            try expectRefusals(of: "it is.json", rounds: rounds)

            let rest = try Program.shell(command + " --json", in: folder)
            #expect(rest.status == 0, "\(command): \(rest.errors)")
            let whole = try ResultStore.read("\(folder.path)/it is.json")
            #expect(whole.finishedAt != nil)
            #expect(whole.cells[0].rounds.map(\.index) == Array(0..<rounds))
            #expect(finished.allSatisfy { whole.cells[0].rounds.contains($0) })
            #expect(whole.seed == 5 && whole.startedAt == part.startedAt)
            #expect(whole.floor == part.floor)

            let again = try Program.shell(command, in: folder)
            #expect(again.status == 1)
            #expect(again.errors == "fqbench: cannot resume: the run is finished\n")
        }

        private func expectRefusals(of file: String, rounds: Int) throws {
            let same = small + ["--rounds", "\(rounds)", "--resume", file]
            func with(_ old: String, _ new: String) -> [String] {
                same.map { $0 == old ? new : $0 }
            }
            let differing = [
                with("smoke", "full"), with("spsc", "mpsc"), with("throughput", "round-trip"),
                with("\(rounds)", "\(rounds + 1)"), with("1", "2"), ["run", "--resume", file],
            ]
            for arguments in differing {
                try Refusals.expect(arguments, in: folder, saying: ["cannot resume"])
            }
            try Refusals.expect(same + ["--seed", "6"], in: folder, saying: ["--resume"])
        }

        @Test("SIGTERM stops it as well, and a replay names no command that would not work")
        func terminate() throws {
            let outcome = try stopped(
                [
                    "replay", "sqlite-build-index", "--schemes", "slot-table", "--rounds", "300",
                    "--bursts", "1", "-o", "r.json",
                ], SIGTERM)
            #expect(outcome.status == 143, "\(outcome.errors)")
            #expect(outcome.errorLines.last == "fqbench: stopped")
            #expect(try ResultStore.read("\(folder.path)/r.json").finishedAt == nil)
        }
    }
}
