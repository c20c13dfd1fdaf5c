import Testing

@testable import Harness

@Suite("Names are chosen by patterns") struct NamePatternTests {
    @Test(
        "a pattern fits the whole name",
        arguments: [
            ("spsc", "spsc", true), ("spsc", "spsc-c", false), ("spsc*", "spsc-c", true),
            ("*", "", true), ("*", "anything", true), ("**", "anything", true),
            ("locked/*", "locked/ticket", true), ("locked/*", "locked", false),
            ("*c", "spsc-c", true), ("*c", "spsc-d", false), ("a*a", "a", false),
            ("a*a", "aa", true), ("a*b*c", "a-b-c", true), ("a*b*c", "a-c-b", false),
            ("a*b*b", "ab", false), ("a**b", "ab", true), ("", "", true), ("", "a", false),
            ("*b*", "abc", true), ("*b*b*", "abc", false),
        ])
    func fits(pattern: String, name: String, expected: Bool) {
        #expect(NamePattern.fits(pattern, name) == expected)
    }

    @Test("what is chosen comes once, in the order of the items")
    func order() throws {
        let chosen = try NamePattern.select(
            ["c", "*", "a"], from: ["a", "b", "c"], name: \.self, kind: "letter")
        #expect(chosen == ["a", "b", "c"])
    }

    @Test("a pattern that meets nothing names the nearest")
    func nearest() {
        #expect(throws: SuiteError("no scheme \"spcs\"; did you mean \"spsc\"?")) {
            try NamePattern.select(
                ["spsc", "spcs"], from: ["mpsc", "spsc"], name: \.self, kind: "scheme")
        }
        #expect(throws: SuiteError("no scheme \"x\"")) {
            try NamePattern.select(["x"], from: [String](), name: \.self, kind: "scheme")
        }
    }

    @Test(
        "distances are the least number of changes",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3),
            ("spcs", "spsc", 2), ("flaw", "lawn", 2),
        ])
    func distance(from: String, to: String, expected: Int) {
        #expect(NamePattern.distance(from, to) == expected)
        #expect(NamePattern.distance(to, from) == expected)
    }

    @Test("a suite's names are small letters, digits, hyphens and dots")
    func kebab() {
        for good in ["a", "poisson-1m", "v1.2", "0"] { #expect(NamePattern.isKebab(good)) }
        for bad in ["", "A", "a b", "ä", "a/b", "a\n", "²"] { #expect(!NamePattern.isKebab(bad)) }
    }
}
