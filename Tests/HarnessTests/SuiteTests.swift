import Harness
import Testing

@Suite("A suite file is read as written, or refused in one line") struct SuiteTests {
    @Test("fields left out of a workload take their defaults")
    func defaults() throws {
        let suite = try SuiteFile().read()
        #expect(suite.name == "sample")
        #expect(suite.rounds == 2)
        #expect(suite.burstsPerRound == 3)
        #expect(suite.burstMs == 0.5)
        #expect(suite.schemes == ["spsc"])
        #expect(suite.ring == [RingWorkload(name: "cell", measure: .throughput)])
    }

    @Test("every field of a workload is read")
    func everyField() throws {
        var file = SuiteFile()
        file.workload = [
            "name": #""all""#, "measure": #""open-loop""#, "producers": "3", "consumers": "2",
            "placements": #"["same-l3"]"#, "capacity": "512", "batch": "7",
            "headUpdate": #""per-entry""#, "overflow": #""sticky""#, "thinkNs": "12.5",
            "arrivals":
                #"{"process": "bursts", "perSecond": 2e6, "length": 9, "idleNs": 4000}"#,
        ]
        let expected = RingWorkload(
            name: "all", measure: .openLoop, producers: 3, consumers: 2, placements: ["same-l3"],
            capacity: 512, batch: 7, headUpdate: .perEntry, overflow: .sticky, thinkNs: 12.5,
            arrivals: .bursts(perSecond: 2e6, length: 9, idleNs: 4000))
        #expect(try file.read().ring == [expected])
    }

    @Test(
        "a bad field of the suite is named",
        arguments: [
            ("name", #""""#),
            ("name", #""Big Suite""#),
            ("name", #""two\nlines""#),
            ("name", #"7"#),
            ("description", #"7"#),
            ("rounds", #"0"#),
            ("rounds", #"10001"#),
            ("rounds", #"1.5"#),
            ("rounds", #""2""#),
            ("rounds", #"-1"#),
            ("rounds", #"1e30"#),
            ("rounds", #"null"#),
            ("burstsPerRound", #"0"#),
            ("burstsPerRound", #"1001"#),
            ("burstMs", #"0.05"#),
            ("burstMs", #"101"#),
            ("burstMs", #"-1"#),
            ("burstMs", #""2""#),
            ("schemes", #""spsc""#),
            ("schemes", #"[1]"#),
            ("ring", #"[]"#),
            ("ring", #"1"#),
            ("ring", #"[1]"#),
            ("surplus", #"1"#),
        ])
    func suiteField(name: String, value: String) throws {
        var file = SuiteFile()
        file.fields[name] = value
        try expectRefusal(file, naming: name)
    }

    @Test(
        "a field that is missing is named",
        arguments: ["name", "description", "rounds", "burstsPerRound", "burstMs", "schemes"])
    func missing(field: String) throws {
        var file = SuiteFile()
        file.fields[field] = nil
        try expectRefusal(file, naming: field)
        #expect(try file.refusal()?.contains("missing") == true)
    }

    @Test(
        "a bad field of a workload is named",
        arguments: [
            ("name", #""""#),
            ("name", #""Über""#),
            ("name", #""a b""#),
            ("measure", #""speed""#),
            ("measure", #"1"#),
            ("producers", #"0"#),
            ("producers", #"257"#),
            ("producers", #""1""#),
            ("producers", #"2.5"#),
            ("consumers", #"0"#),
            ("consumers", #"257"#),
            ("placements", #""same-l3""#),
            ("capacity", #"100"#),
            ("capacity", #"64"#),
            ("capacity", #"32768"#),
            ("capacity", #"1000"#),
            ("batch", #"0"#),
            ("batch", #"4097"#),
            ("headUpdate", #""sometimes""#),
            ("overflow", #""lose""#),
            ("overflow", #""sticky""#),
            ("overflow", #"null"#),
            ("thinkNs", #"-1"#),
            ("thinkNs", #"1e7"#),
            ("arrivals", #"{"process": "poisson", "perSecond": 1e6}"#),
            ("arrivals", #""poisson""#),
            ("treads", #"2"#),
        ])
    func workloadField(name: String, value: String) throws {
        var file = SuiteFile()
        file.workload[name] = value
        try expectRefusal(file, naming: name)
    }

    @Test(
        "bad arrivals are named",
        arguments: [
            ("process", #"{"process": "uniform"}"#),
            ("process", #"{"perSecond": 1e6}"#),
            ("perSecond", #"{"process": "poisson"}"#),
            ("perSecond", #"{"process": "poisson", "perSecond": 0}"#),
            ("perSecond", #"{"process": "poisson", "perSecond": 999}"#),
            ("perSecond", #"{"process": "poisson", "perSecond": 2e9}"#),
            ("share", #"{"process": "saturation-share", "share": 0}"#),
            ("share", #"{"process": "saturation-share", "share": 3}"#),
            ("perSecond", #"{"process": "bursts", "perSecond": 1, "length": 1, "idleNs": 1}"#),
            ("length", #"{"process": "bursts", "perSecond": 1e6, "length": 0, "idleNs": 1}"#),
            ("length", #"{"process": "bursts", "perSecond": 1e6, "length": 65537, "idleNs": 1}"#),
            ("idleNs", #"{"process": "bursts", "perSecond": 1e6, "length": 1, "idleNs": -1}"#),
            ("idleNs", #"{"process": "bursts", "perSecond": 1e6, "length": 2, "idleNs": 2000001}"#),
            ("trace", #"{"process": "trace", "speedUp": 1}"#),
            ("speedUp", #"{"process": "trace", "trace": "t", "speedUp": 0}"#),
            ("speedUp", #"{"process": "trace", "trace": "t", "speedUp": 2e6}"#),
            ("rate", #"{"process": "poisson", "perSecond": 1e6, "rate": 1}"#),
        ])
    func arrivals(name: String, value: String) throws {
        var file = SuiteFile()
        file.workload["measure"] = #""open-loop""#
        file.workload["arrivals"] = value
        try expectRefusal(file, naming: name)
    }

    @Test("an open loop needs arrivals, a round trip has two threads, names differ")
    func combinations() throws {
        var file = SuiteFile()
        file.workload["measure"] = #""open-loop""#
        try expectRefusal(file, naming: "arrivals")
        file.workload["measure"] = #""round-trip""#
        file.workload["producers"] = "2"
        try expectRefusal(file, naming: "one producer")
        let same = #"{"name": "same", "measure": "throughput"}"#
        file.fields["ring"] = "[\(same), \(same)]"
        try expectRefusal(file, naming: "two workloads are named \"same\"")
    }

    @Test(
        "what is no suite at all is refused",
        arguments: [
            "", "{", "[]", "7", "null", "{} {}", "not JSON", "{\"rounds\": 1e999}",
            String(repeating: "[", count: 513),
        ])
    func noSuite(text: String) throws {
        let line = try #require(try SuiteFile.refusal(of: text))
        #expect(!line.hasPrefix("NO FILE"))
        #expect(!line.contains("\n") && !line.isEmpty)
    }

    @Test("a file that cannot be read is refused")
    func unreadable() {
        #expect(throws: SuiteError.self) { try Suite.read("/nowhere/at/all.json") }
        #expect(throws: SuiteError.self) { try Suite.read("/") }
        // Refused by its first bytes: it has no last one.
        #expect(throws: SuiteError("/dev/zero: expected a suite of at most 1 MiB")) {
            try Suite.read("/dev/zero")
        }
    }

    @Test("more workloads than a run could finish are refused")
    func manyWorkloads() throws {
        func refusal(_ count: Int) throws -> String? {
            var file = SuiteFile()
            let ring = (0..<count).map { #"{"name": "w\#($0)", "measure": "throughput"}"# }
            file.fields["ring"] = "[\(ring.joined(separator: ", "))]"
            return try file.refusal()
        }
        #expect(try refusal(1000) == nil)
        #expect(try refusal(1001)?.contains("at most 1000 workloads, found 1001") == true)
    }

    @Test("more or longer schemes than any are refused")
    func manySchemes() throws {
        func refusal(_ count: Int, of length: Int) throws -> String? {
            var file = SuiteFile()
            let scheme = "\"" + String(repeating: "s", count: length) + "\""
            file.fields["schemes"] =
                "["
                + [String](repeating: scheme, count: count)
                .joined(separator: ",") + "]"
            return try file.refusal()
        }
        #expect(try refusal(1000, of: 200) == nil)
        for (count, length) in [(1001, 1), (1, 201)] {
            #expect(try refusal(count, of: length)?.contains("schemes: expected at most") == true)
        }
    }

    @Test(
        "names of workloads are kebab-case in ASCII", arguments: ["é", "a b", "A", "a\u{301}"])
    func kebab(name: String) throws {
        var ring = SuiteFile()
        ring.workload["name"] = "\"\(name)\""
        #expect(try ring.refusal()?.contains("expected kebab-case") == true)
        var reporting = SuiteFile()
        reporting.fields["reporting"] = "[{\"name\": \"\(name)\", \"observe\": \"reports\"}]"
        #expect(try reporting.refusal()?.contains("expected kebab-case") == true)
    }

    @Test("a workload that does not exist suggests the nearest")
    func selecting() throws {
        let suite = try SuiteFile().read()
        #expect(try suite.selecting(workloads: ["c*"]).ring.map(\.name) == ["cell"])
        #expect(try suite.selecting(workloads: []) == suite)
        #expect(
            throws: SuiteError("no workload \"cel\"; did you mean \"cell\"?")
        ) { try suite.selecting(workloads: ["cel"]) }
    }

    @Test("an error is one line, whatever it quotes")
    func oneLine() {
        #expect(SuiteError("a\nb\r\u{1B}[31m\u{2028}c").description == "a b  [31m c")
        let long = SuiteError(String(repeating: "x", count: 10_000)).description
        #expect(long == String(repeating: "x", count: 600) + "…")
    }

    private func expectRefusal(_ file: SuiteFile, naming field: String) throws {
        let line = try #require(try file.refusal(), "\(file.text) was accepted")
        #expect(!line.hasPrefix("NO FILE"), "\(line)")
        #expect(line.contains(field), "\(line)")
        #expect(!line.contains("\n"))
        // A sentence for people: nothing of the decoder's own types.
        #expect(!line.contains("CodingKeys") && !line.contains("DecodingError"), "\(line)")
    }
}
