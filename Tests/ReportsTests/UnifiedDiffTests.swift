import Testing

@testable import Reports

@Suite("A diff that patch can apply") struct UnifiedDiffTests {
    private func text(_ lines: some Sequence<Int>, _ changed: [Int: String] = [:]) -> String {
        lines.map { (changed[$0] ?? "\($0)") + "\n" }.joined()
    }

    @Test("equal texts have none")
    func equal() {
        #expect(UnifiedDiff.text(path: "f", old: "a\nb\n", new: "a\nb\n") == "")
        #expect(UnifiedDiff.text(path: "f", old: "", new: "") == "")
    }

    @Test("changes have three lines around them; near ones share a hunk")
    func hunks() {
        let old = text(1...20)
        let new = text(1...20, [2: "two", 3: "three", 8: "eight", 19: "nineteen"])
        #expect(
            UnifiedDiff.text(path: "dir/f", old: old, new: new) == """
                --- a/dir/f
                +++ b/dir/f
                @@ -1,11 +1,11 @@
                 1
                -2
                -3
                +two
                +three
                 4
                 5
                 6
                 7
                -8
                +eight
                 9
                 10
                 11
                @@ -16,5 +16,5 @@
                 16
                 17
                 18
                -19
                +nineteen
                 20

                """)
    }

    @Test("a last line without its end says so")
    func noEnd() {
        #expect(
            UnifiedDiff.text(path: "f", old: "a\nb", new: "a\nc") == """
                --- a/f
                +++ b/f
                @@ -1,2 +1,2 @@
                 a
                -b
                \\ No newline at end of file
                +c
                \\ No newline at end of file

                """)
    }
}
