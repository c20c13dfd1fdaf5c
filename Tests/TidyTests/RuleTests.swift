import Testing

/// Every rule against a text that breaks it, and against its nearest neighbour that does not.
@Suite("Each tidy rule can fail") struct RuleTests {
    static func file(_ text: String, _ path: String = "Sources/Harness/Trial.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test(
        "code ends at a comment outside strings",
        arguments: [
            ("let a = 1 // why", "let a = 1 "), ("// all", ""), ("/// all", ""),
            (#"let u = "http://x" // c"#, #"let u = "http://x" "#),
            (#"let q = "\"//" // c"#, #"let q = "\"//" "#),
            (#"let b = "\\" // c"#, #"let b = "\\" "#), ("a / b / c", "a / b / c"),
        ])
    func codeOfLine(_ line: String, _ code: String) {
        #expect(TidyRules.code(of: line) == code)
    }

    @Test("tabs, trailing space and long lines")
    func layout() {
        let path = "Sources/Harness/Trial.swift"
        #expect(TidyRules.layout(Self.file("a\n\tb\n")) == ["\(path):2: a tab, expected spaces"])
        #expect(
            TidyRules.layout(Self.file("a \n")) == [
                "\(path):1: white space at the end of the line"
            ])
        let wide = String(repeating: "é", count: 100)
        #expect(TidyRules.layout(Self.file(wide)) == [])
        #expect(
            TidyRules.layout(Self.file(wide + "x")) == [
                "\(path):1: 101 columns, expected at most 100"
            ])
        #expect(TidyRules.layout(Self.file("")) == [])
    }

    @Test("reminders", arguments: ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
    func reminders(_ word: String) {
        #expect(TidyRules.noReminders(Self.file("// \(word): later")).count == 1)
        #expect(TidyRules.noReminders(Self.file("let a = 1 //\(word)(me)")).count == 1)
        #expect(TidyRules.noReminders(Self.file("let x\(word) = \(word.lowercased())")) == [])
        #expect(TidyRules.noReminders(Self.file("\(word)X")) == [])
    }

    @Test("paths of one machine", arguments: ["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"])
    func localPaths(_ folder: String) {
        for text in ["/\(folder)/x", "see /\(folder)", "\"/\(folder)/a\"", "A=/\(folder):/usr"] {
            #expect(TidyRules.noLocalPaths(Self.file(text)).count == 1, "\(text)")
        }
        for text in [
            "a/\(folder)/x", "$X/\(folder)", "${X}/\(folder)", "./\(folder)", "/\(folder)s/x",
            "https://\(folder).org", "/usr/\(folder)", folder,
        ] {
            #expect(TidyRules.noLocalPaths(Self.file(text)) == [], "\(text)")
        }
        let twice = "a/\(folder) and /\(folder)/b"
        #expect(TidyRules.noLocalPaths(Self.file(twice)).count == 1)
    }

    @Test("files that are too long")
    func fileLength() {
        let lines = String(repeating: "a\n", count: 500)
        #expect(TidyRules.fileLength(Self.file(lines)) == [])
        #expect(
            TidyRules.fileLength(Self.file(lines + "b")) == [
                "Sources/Harness/Trial.swift:501: 501 lines, expected at most 500"
            ])
    }

    @Test("files named after no type of theirs")
    func fileNames() {
        for text in [
            "struct Trial {}", "public final class Trial: Sendable {", "enum Trial {",
            "typealias Trial<A> = B", "    protocol Trial {", "@main actor Trial {",
        ] {
            #expect(TidyRules.fileName(Self.file(text)) == [], "\(text)")
        }
        for text in ["struct Trials {}", "extension Trial {}", "func trial()", "let Trial = 1"] {
            #expect(TidyRules.fileName(Self.file(text)).count == 1, "\(text)")
            #expect(TidyRules.fileName(Self.file("// struct Trial\n" + text)).count == 1)
        }
        #expect(TidyRules.fileName(Self.file("// Nothing yet.\n\n")) == [])
        let topic = "Sources/Harness/Trial+Report.swift"
        #expect(TidyRules.fileName(Self.file("extension Trial {", topic)) == [])
        #expect(TidyRules.fileName(Self.file("struct Trial {", topic)).count == 1)
        #expect(TidyRules.fileName(Self.file("", "Sources/FaultModel/Identifiers.swift")) == [])
        #expect(TidyRules.fileName(Self.file("", "Sources/CPlatform/CPlatform.c")) == [])
    }

    @Test("imports that point up or out")
    func imports() {
        let queue = "Sources/FaultQueues/Ring/SPSCRing.swift"
        for text in [
            "import Harness", "@testable import Harness", "@_exported import Foundation",
            "import struct Foundation.Date", "public import Results", "  import Placement // why",
            "@_spi(Private) import Results",
        ] {
            #expect(TidyRules.importArrows(Self.file(text, queue)).count == 1, "\(text)")
        }
        for text in [
            "import FaultModel", "public import CPlatform", "// import Harness",
            "let importHarness = 1", "import Synchronization",
        ] {
            #expect(TidyRules.importArrows(Self.file(text, queue)) == [], "\(text)")
        }
        #expect(
            TidyRules.importArrows(Self.file("", "Sources/Newcomer/A.swift")) == [
                "Sources/Newcomer/A.swift:1: target Newcomer is not in the table of imports"
            ])
        #expect(TidyRules.importArrows(Self.file("import Harness", "Tests/A/B.swift")) == [])
    }

    @Test("no target may import one that imports it")
    func importTable() {
        for (target, allowed) in TidyRules.imports {
            for module in allowed {
                #expect(
                    TidyRules.imports[module]?.contains(target) != true, "\(target), \(module)")
            }
        }
    }

    @Test(
        "what only the seam may name",
        arguments: [
            "import Synchronization", "let a = Synchronization.Atomic(0)",
            "pthread_mutex_lock(&m)", "atomicMemoryFence(ordering: .acquiring)",
        ])
    func atomicsSeam(_ text: String) {
        let scheme = "Sources/FaultQueues/Ring/SPSCRing.swift"
        #expect(TidyRules.atomicsSeam(Self.file(text, scheme)).count == 1)
        #expect(TidyRules.atomicsSeam(Self.file("// \(text)", scheme)) == [])
        let seam = "Sources/FaultQueues/Primitives/FutexLock.swift"
        #expect(TidyRules.atomicsSeam(Self.file(text, seam)) == [])
        let lookalike = "Sources/FaultQueues/PrimitivesToo/A.swift"
        #expect(TidyRules.atomicsSeam(Self.file(text, lookalike)).count == 1)
        #expect(TidyRules.atomicsSeam(Self.file(text)) == [])
    }

    @Test(
        "orderings without a comment",
        arguments: ["acquiring", "releasing", "acquiringAndReleasing", "sequentiallyConsistent"])
    func uncommentedOrdering(_ ordering: String) {
        let store = "a.store(1, ordering: .\(ordering))\n"
        let exchange = "    successOrdering: .\(ordering), failureOrdering: .relaxed)\n"
        for use in [store, exchange] {
            #expect(OrderingRules.commented(Self.file(use)).count == 1)
            #expect(OrderingRules.commented(Self.file("// In order.\n" + use)).count == 1)
            #expect(OrderingRules.commented(Self.file("// ORDER a.b, one side.\n" + use)) == [])
            #expect(OrderingRules.commented(Self.file("// NO ORDER: alone.\n" + use)) == [])
            let gap = String(repeating: "\n", count: OrderingRules.commentDistance - 1)
            #expect(OrderingRules.commented(Self.file("// ORDER a.b, x\n" + gap + use)) == [])
            #expect(
                OrderingRules.commented(Self.file("// ORDER a.b, x\n\n" + gap + use)).count == 1)
            #expect(OrderingRules.commented(Self.file("// " + use)) == [])
        }
    }

    @Test("a relaxed ordering needs no comment")
    func relaxedOrdering() {
        #expect(OrderingRules.commented(Self.file("a.load(ordering: .relaxed)")) == [])
    }

    @Test("an order with one side only")
    func unpaired() {
        let release = Self.file("// ORDER ring.slot-full, release side. Pairs with dequeue().")
        let acquire = Self.file("    /// ORDER ring.slot-full, acquire side.")
        let other = Self.file("// ORDER ring.slot-fuller, acquire side.")
        #expect(OrderingRules.tag(of: release.text) == "ring.slot-full")
        #expect(OrderingRules.paired([release, acquire]) == [])
        #expect(OrderingRules.paired([Self.file(release.text + "\n" + acquire.text)]) == [])
        #expect(OrderingRules.paired([release, other]).count == 2)
        #expect(
            OrderingRules.paired([release]) == [
                "Sources/Harness/Trial.swift:1: ORDER ring.slot-full has no other side"
            ])
        #expect(OrderingRules.paired([Self.file("// NO ORDER: ring.slot-full")]) == [])
        #expect(OrderingRules.paired([Self.file("let x = \"// ORDER a.b\"")]) == [])
    }
}
