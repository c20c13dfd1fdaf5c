import Testing

@testable import Results

@Suite("Counts against their thresholds") struct CountThresholdsTests {
    static let text = """
        {
          "schemaVersion": 1,
          "architecture": "x86-64",
          "compiler": "Swift 6.3",
          "schemes": [
            {"scheme": "spsc", "counts": [
              {"count": "instructions", "value": 61.5, "tolerance": 0, "reason": "exact"},
              {"count": "bytes", "value": 0, "tolerance": 16, "reason": "a slot more"}
            ]},
            {"scheme": "mpsc", "counts": [
              {"count": "loop-code", "value": 700, "tolerance": 10, "reason": "padding"}
            ]}
          ]
        }

        """

    private func decode(_ text: String) throws -> CountThresholds {
        try CountThresholds.decode(Array(text.utf8), path: "t.json")
    }

    private func measures(_ values: [(String, CountKind, Double)]) -> CountMeasures {
        var measures = CountMeasures()
        for (scheme, kind, value) in values { measures[scheme, kind] = value }
        return measures
    }

    @Test("each count is above, within or below its threshold, or absent")
    func statuses() throws {
        let thresholds = try decode(Self.text)
        func statuses(_ instructions: Double, _ bytes: Double, _ code: Double?)
            -> [CountFinding.Status]
        {
            var measures = measures([
                ("spsc", .instructions, instructions), ("spsc", .bytes, bytes),
            ])
            measures["mpsc", .loopCode] = code
            return thresholds.findings(measures).map(\.status)
        }
        #expect(statuses(61.5, 0, 700) == [.within, .within, .within])
        #expect(statuses(61.51, 16, 710) == [.above, .within, .within])
        #expect(statuses(61.49, 17, 689) == [.below, .above, .below])
        // A count has two places after the point.
        #expect(statuses(61.504, 0, nil) == [.within, .within, .absent])
    }

    @Test("what is accepted changes its own number and nothing else")
    func accepting() throws {
        let thresholds = try decode(Self.text)
        let findings = thresholds.findings(
            measures([
                ("spsc", .instructions, 70.25), ("spsc", .bytes, 8), ("mpsc", .loopCode, 600),
            ]))
        let accepted = String(
            decoding: thresholds.accepting(
                findings, compiler: "Swift 6.3", in: Array(Self.text.utf8)),
            as: UTF8.self)
        #expect(
            accepted
                == Self.text.replacing("61.5", with: "70.25").replacing("700", with: "600"))
        let again = try decode(accepted)
        #expect(
            again.findings(
                measures([
                    ("spsc", .instructions, 70.25), ("spsc", .bytes, 8), ("mpsc", .loopCode, 600),
                ])
            ).allSatisfy { $0.status == .within })
        let other = String(
            decoding: thresholds.accepting([], compiler: "Swift 6.4", in: Array(Self.text.utf8)),
            as: UTF8.self)
        #expect(other == Self.text.replacing("Swift 6.3", with: "Swift 6.4"))
    }

    @Test(
        "a mistake names the file and the field",
        arguments: [
            ("\"value\": 61.5, ", "", "schemes[0].counts[0].value is missing"),
            ("61.5", "\"61.5\"", "schemes[0].counts[0].value: expected a number"),
            ("61.5", "-1", "schemes[0].counts[0].value is -1.0"),
            ("\"tolerance\": 10", "\"tolerance\": 1e300", "schemes[1].counts[0].tolerance"),
            ("loop-code", "lop-code", "schemes[1].counts[0].count is not valid"),
            ("loop-code", "lop-code", "\"lop-code\" is none of instructions"),
            ("\"bytes\"", "\"instructions\"", "schemes[0].counts[1].count is \"instructions\" a"),
            ("\"mpsc\"", "\"spsc\"", "schemes[1].scheme is \"spsc\" a second time"),
            ("\"padding\"", "\" \"", "schemes[1].counts[0].reason is empty"),
            ("\"schemaVersion\": 1", "\"schemaVersion\": 2", "schema version 2"),
            ("\"architecture\": \"x86-64\",", "", "architecture is missing"),
            ("\"schemes\": [", "\"schemes\": [,", "line 5, column 15"),
        ])
    func mistakes(old: String, new: String, expected: String) throws {
        let text = Self.text.replacing(old, with: new)
        #expect(text != Self.text)
        let error = try #require(throws: ResultFileError.self) { try decode(text) }
        #expect(error.description.hasPrefix("t.json: "), "\(error)")
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test("a file that is not there, or is empty, is named")
    func noFile() {
        for (path, words) in [("./none.json", "no such file"), ("/dev/null", "empty")] {
            let error = #expect(throws: ResultFileError.self) {
                try CountThresholds.read(path)
            }
            #expect(error?.description.contains("\(path): ") == true)
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        }
    }

    @Test("callgrind's total and calls of allocators are read")
    func callgrind() throws {
        let text = """
            events: Ir
            summary: 4711

            fn=report
            12 30
            cfn=posix_memalign
            calls=3 0
            12 300
            cfn=copy
            calls=9 0
            12 9

            fn=posix_memalign
            0 40
            cfn=malloc
            calls=3 0
            0 260

            fn=other
            cfn=malloc'2
            calls=2 0
            7 20
            totals: 4711
            """
        let part = try #require(CallgrindPart(text))
        #expect(part.instructions == 4711)
        // Three from outside, and two; what one allocator asks of another is no more.
        #expect(part.allocations == 5)
        #expect(CallgrindPart(text.replacing("summary: 4711", with: "")) == nil)
        #expect(CallgrindPart("cfn=malloc\ncalls=x 0\nsummary: 1") == nil)
    }
}
