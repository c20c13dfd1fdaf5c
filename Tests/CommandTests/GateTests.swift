import Foundation
import Glibc
import Testing

@Suite("A gate among users, hooks and programs that misbehave") struct GateTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    // MARK: A build that is none

    /// A program that greets as a child of a gate does, with one cell, and then runs a command of
    /// the shell for each visit.
    private func child(visit: String, measure: String = "throughput") throws -> String {
        let greeting = """
            {"gateProtocol":1,"cells":[{"measure":"\(measure)","key":{"subject":"ring",\
            "structure":"spsc","workload":"w","placement":"same-l3","producers":1,"consumers":1}}]}
            """
        return try Checkout.executable(
            folder.path + "/child",
            "echo '\(greeting)'; while read -r request; do \(visit); done")
    }

    /// What a visit answers whose check failed: it ends a gate at once.
    private static let violation = """
        echo '{"index":0,"bursts":[],"threads":[],"overflowed":0,\
        "check":{"accepted":1,"delivered":0,"violations":["a planted violation"]}}'
        """

    private func gate(_ program: String, _ options: String...) -> [String] {
        ["gate", "--base-binary", program, "--head-binary", program, "--quiet"] + options
    }

    // MARK: Git

    private static let hasGit: Bool = {
        let folder = try? Folder()
        return folder.flatMap { try? Program.shell("git --version", in: $0).status } == 0
    }()

    @Test(
        "git's variables, as a hook has them, lead no gate to the user's checkout",
        .enabled(if: hasGit, "no git in PATH"))
    func hook() throws {
        let checkout = try Checkout(in: folder)
        // The base is checked out, and its build fails.
        try checkout.executable("bin/swift", "exit 1")
        let made = try Program.shell(
            """
            unset $(git rev-parse --local-env-vars)
            cd checkout && git init --quiet && git config user.name a && git config user.email a@b
            for text in first second; do
                echo $text > file && git add file && git commit --quiet --message $text || exit 1
            done
            """, in: folder)
        try #require(made.status == 0, "\(made.errors)")
        func state() throws -> String {
            let outcome = try Program.shell(
                """
                unset $(git rev-parse --local-env-vars)
                cd checkout && git symbolic-ref HEAD && git status --porcelain -uno && cat file
                """, in: folder)
            return "\(outcome.status) \(outcome.text) \(outcome.errors)"
        }
        let before = try state()
        #expect(before.contains("second"))
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        // The first makes the worktree, the second finds it.
        for _ in 0..<2 {
            let outcome = try Program.run(
                checkout.program, ["gate", "--base", "HEAD~1", "--quiet"], in: folder,
                environment: [
                    "GIT_DIR": checkout.path + "/.git",
                    "GIT_INDEX_FILE": checkout.path + "/.git/index",
                    "PATH": "\(checkout.path)/bin:\(path)",
                ], output: nil, meanwhile: { _, _ in })
            #expect(outcome.status == 1 && outcome.errors.contains("does not build"))
            #expect(try state() == before)
            let base = try String(
                contentsOfFile: checkout.path + "/.build/gate/tree/file", encoding: .utf8)
            #expect(base == "first\n")
        }
    }

    // MARK: Outputs

    @Test("JUnit follows a link, and the report is there")
    func junit() throws {
        let program = try child(visit: Self.violation)
        try folder.file("target.xml", "old")
        for target in ["target.xml", "new.xml"] {
            let link = folder.path + "/link-" + target
            try FileManager.default.createSymbolicLink(
                atPath: link, withDestinationPath: target)
            let outcome = try Program.run(gate(program, "--junit", link), in: folder)
            #expect(outcome.status == 3, "\(outcome.errors)")
            #expect(outcome.text.contains("a planted violation"), "\(outcome.text)")
            let text = String(decoding: try folder.read(target), as: UTF8.self)
            #expect(text.contains("<testsuite ") && text.contains("a planted violation"))
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        }
    }

    @Test("a path that JUnit cannot have is refused before anything is measured")
    func refusedJUnit() throws {
        let program = try child(visit: "touch '\(folder.path)/visited'")
        let link = folder.path + "/null.xml"
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: "/dev/null")
        try Refusals.expect(
            gate(program, "--junit", link), in: folder, saying: [link, "regular file"])
        try Refusals.expect(
            gate(program, "--junit", folder.path), in: folder, saying: [folder.path, "folder"])
        try Refusals.expect(
            gate(program, "--junit", folder.path + "/none/gate.xml"), in: folder, status: 6,
            saying: ["none/gate.xml"])
    }

    @Test("a path that vanishes costs neither the report nor the verdict's status")
    func vanishedJUnit() throws {
        let reports = folder.path + "/reports"
        try FileManager.default.createDirectory(
            atPath: reports, withIntermediateDirectories: false)
        let program = try child(visit: "rmdir '\(reports)' 2>/dev/null; " + Self.violation)
        let outcome = try Program.run(
            gate(program, "--json", "--junit", reports + "/gate.xml"), in: folder)
        #expect(outcome.status == 3, "\(outcome.errors)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        #expect((object["violations"] as? [String])?.isEmpty == false)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("reports/gate.xml"))
    }

    // MARK: Programs

    @Test("what another program says cannot act on the terminal")
    func escapes() throws {
        let program = try Checkout.executable(
            folder.path + "/program", #"printf 'first\n\033[31mred\007' >&2; exit 1"#)
        let outcome = try Program.run(gate(program), in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("[31mred"), "\(outcome.errors)")
        #expect(
            outcome.errors.dropLast().unicodeScalars.allSatisfy { $0.value >= 0x20 },
            "\(outcome.errors)")
    }

    @Test("where nothing can be gated the reason is given")
    func nothingToGate() throws {
        let program = try child(visit: "true", measure: "open-loop")
        try Refusals.expect(
            gate(program), in: folder, saying: ["no figure", "open loops", "share CPUs"])
    }

    @Test("Ctrl-C ends a gate whose child hangs, and all that the child has started")
    func interruption() throws {
        // Deaf to the terminal's signal, with a process of its own that outlives it.
        let hang = """
            trap '' INT; sleep 900 & echo $! > '\(folder.path)/number'
            mv '\(folder.path)/number' '\(folder.path)/sleeper'; wait
            """
        let silent = try Checkout.executable(folder.path + "/silent", hang)
        for program in [silent, try child(visit: hang)] {
            var sleeper: pid_t?
            let outcome = try Program.run(
                "/usr/bin/env", ["--default-signal=INT", Program.path] + gate(program),
                in: folder, environment: [:], output: nil,
                meanwhile: { process, _ in
                    guard sleeper == nil, let text = try? folder.read("sleeper") else { return }
                    sleeper = pid_t(
                        String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines))
                    kill(process, SIGINT)
                })
            #expect(outcome.status == 130, "\(outcome.errors)")
            #expect(isGone(try #require(sleeper)))
            unlink(folder.path + "/sleeper")
        }
        #expect(folder.names == ["child", "silent"])
    }

    /// Whether a process has ended, perhaps without anybody who took notice; waits for it.
    private func isGone(_ process: pid_t) -> Bool {
        for _ in 0..<1000 {
            let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
            if words?.isEmpty ?? true { return true }
            usleep(10_000)
        }
        return false
    }
}
