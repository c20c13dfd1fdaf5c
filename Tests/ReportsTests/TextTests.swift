import Testing

@testable import Reports

struct FiguresTests {
    @Test(arguments: [
        (0, "0"), (1, "1.00"), (1.005, "1.00"), (9.996, "10.0"), (12.34, "12.3"), (99.96, "100"),
        (123.4, "123"), (1234, "1230"), (999_600, "1000000"), (0.001234, "0.00123"),
        (0.09996, "0.100"), (-2.5, "-2.50"), (.infinity, "–"), (.nan, "–"),
    ])
    func threeDigits(value: Double, expected: String) {
        #expect(Figures.threeDigits(value) == expected)
    }

    @Test(arguments: [
        (0, "0 ns"), (0.41, "0.410 ns"), (285.3, "285 ns"), (999.4, "999 ns"), (999.6, "1.00 µs"),
        (1240, "1.24 µs"), (3.1e6, "3.10 ms"), (2e9, "2.00 s"), (5e12, "5000 s"),
        (-0.25, "-0.250 ns"),
    ])
    func time(ns: Double, expected: String) { #expect(Figures.time(ns: ns) == expected) }

    @Test(arguments: [
        (12.3, "12.3"), (1500, "1.50 k"), (3e6, "3.00 M"), (2.4e9, "2.40 G"), (999.9, "1.00 k"),
    ])
    func quantity(value: Double, expected: String) {
        #expect(Figures.quantity(value) == expected)
    }

    @Test(arguments: [
        (0, "0 %"), (0.0001, "<0.1 %"), (0.031, "3.1 %"), (0.0994, "9.9 %"), (0.0996, "10 %"),
        (0.314, "31 %"), (1, "100 %"), (.nan, "–"),
    ])
    func percent(share: Double, expected: String) { #expect(Figures.percent(share) == expected) }
}

struct TextWidthTests {
    @Test(arguments: [
        ("", 0), ("spsc", 4), ("µ–…█▌", 5), ("名前", 4), ("e\u{301}", 1), ("🧵", 2), ("ｆ", 2),
        ("한", 2),
    ])
    func columns(text: String, expected: Int) { #expect(TextWidth.columns(text) == expected) }

    @Test func textThatATerminalWouldActOnIsReplaced() {
        #expect(TextWidth.printable("a\u{1B}[2Jb\u{7F}\u{9B}") == "a?[2Jb??")
        #expect(TextWidth.printable("x\u{202E}y\u{200B}\u{2028}\n") == "x?y???")
        #expect(TextWidth.printable("❤\u{FE0F}") == "❤")
        #expect(TextWidth.printable("naïve 名前") == "naïve 名前")
    }

    @Test func cutsKeepBothEnds() {
        #expect(TextWidth.cut("locked/pthread-adaptive", to: 14) == "locked/…aptive")
        #expect(TextWidth.cut("short", to: 5) == "short")
        #expect(TextWidth.cut("名前名前名前", to: 6) == "名…前")
        #expect(TextWidth.cut("abc", to: 1) == "…")
        #expect(TextWidth.cut("abc", to: 0) == "")
        #expect(TextWidth.cutEnd("abcdef", to: 4) == "abc…")
        for width in 0...30 {
            for text in ["名前が非常に長いスキーム", "locked/pthread-adaptive", "e\u{301}🧵e\u{301}🧵"] {
                #expect(TextWidth.columns(TextWidth.cut(text, to: width)) <= width)
                #expect(TextWidth.columns(TextWidth.cutEnd(text, to: width)) <= width)
            }
        }
    }

    @Test func wrapsBetweenWords() {
        #expect(
            TextWidth.wrapped("- one two three", to: 8, indent: "  ") == [
                "- one", "  two", "  three",
            ]
        )
        #expect(TextWidth.wrapped("abcdefghij", to: 5, indent: "") == ["ab…ij"])
        #expect(TextWidth.wrapped("", to: 5, indent: "") == [])
    }
}

struct TerminalTableTests {
    static func table() -> TerminalTable {
        var table = TerminalTable(columns: [
            .init("name", kind: .flexible(minimum: 6), alignRight: false), .init("n"),
            .init("", kind: .bar(minimum: 4, maximum: 8), alignRight: false, priority: 1),
            .init("extra", priority: 2),
        ])
        table.append([.text("one"), .text("1"), .share(0.5), .text("x")])
        table.append([.text("two"), .empty, .share(0), .text("yy")])
        return table
    }

    @Test func columnsAndBars() {
        #expect(
            Self.table().lines(Style()) == [
                "name  n            extra", "────────────────────────", "one   1  ████          x",
                "two                   yy",
            ])
    }

    @Test func columnsAreLeftOutByPriority() {
        var table = TerminalTable(columns: [
            .init("a"), .init("late", priority: 3), .init("next", priority: 1),
            .init("wide", priority: 2),
        ])
        let wide = String(repeating: "w", count: 80)
        table.append([.text("1"), .text("l"), .text("n"), .text(wide)])
        // The last would fit, but comes after one that does not.
        #expect(table.lines(Style())[0] == "a  next")
        #expect(table.lines(Style(width: 120))[0].hasPrefix("a  late  next"))
    }

    @Test func evenTooManyColumnsFit() {
        var table = TerminalTable(
            columns: (0..<20).map { .init("title \($0)", kind: .text, priority: 0) })
        table.append((0..<20).map { .text("value \($0)") })
        #expect(table.lines(Style()).allSatisfy { TextWidth.columns($0) <= 80 })
    }

    @Test(arguments: [
        (0, ""), (0.001, "▏"), (0.5, "██"), (0.53, "██▏"), (0.99, "████"), (1, "████"), (7, "████"),
        (-1, ""), (.nan, ""),
    ])
    func bars(share: Double, expected: String) {
        #expect(TerminalTable.bar(share, width: 4) == expected)
    }
}

struct ProgressLineTests {
    @Test func showsTimeLeft() {
        #expect(
            ProgressLine.text(done: 30, total: 120, elapsedSeconds: 20, width: 80)
                == "[████            ] 30 of 120  25 %  20 s gone, about 1 min 00 s left")
        #expect(
            ProgressLine.text(done: 0, total: 4, elapsedSeconds: 1, label: "spsc", width: 80)
                == "[                ] 0 of 4  0 %  1 s gone, time left unknown  spsc")
        #expect(
            ProgressLine.text(done: 4, total: 4, elapsedSeconds: 3700, width: 80)
                == "[████████████████] 4 of 4  100 %  1 h 01 min gone")
    }

    @Test func resumedRoundsTookNoTimeNow() {
        let text = ProgressLine.text(
            done: 60, total: 70, elapsedSeconds: 10, resumed: 50, width: 80)
        #expect(text.hasSuffix("about 10 s left"))
        let none = ProgressLine.text(
            done: 50, total: 70, elapsedSeconds: 10, resumed: 50, width: 80)
        #expect(none.hasSuffix("time left unknown"))
    }

    @Test func oddInputIsShownAndCut() {
        for (done, total) in [(-1, 5), (9, 5), (0, 0), (0, -3), (1, .max)] {
            for width in [0, 1, 10, 40, 80] {
                let text = ProgressLine.text(
                    done: done, total: total, elapsedSeconds: .infinity, label: "a\r\nb",
                    width: width)
                #expect(TextWidth.columns(text) <= width)
                #expect(!text.contains("\r") && !text.contains("\n"))
            }
        }
    }

    @Test(arguments: [
        (0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"),
        (3600, "1 h 00 min"), (1e300, "999 h 00 min"), (-5, "0 s"), (.nan, "0 s"),
    ])
    func durations(seconds: Double, expected: String) {
        #expect(ProgressLine.duration(seconds) == expected)
    }
}
