import FaultModel
import Testing

@testable import FaultTraffic

@Suite struct BadTextTests {
    private static let device = "dmar0/0000:00:0a.0 seq# 1: "

    /// A payload that `prq_report` cannot have printed, and a word of its refusal.
    @Test(arguments: [
        (device + "rid=0x50 addr=0x1 r---- pasid=0x100000 index=0x1", "PASID of 20 bits"),
        (device + "rid=0x50 addr=0x1 r---- pasid=0x2 index=0x200", "index of 9 bits"),
        (device + "rid=0x10000 addr=0x1 r---- pasid=0x2 index=0x1", "requester of 16 bits"),
        (device + "rid=0x50 addr=0x10000000000000 r---- pasid=0x2 index=0x1", "page number"),
        (device + "rid=0x50 addr=0x1 -r--- pasid=0x2 index=0x1", "rwxpl"),
        (device + "rid=0x50 addr=0x1 r---L pasid=0x2 index=0x1", "rwxpl"),
        (device + "rid=0x50 addr=0x1 r--- pasid=0x2 index=0x1", "rwxpl"),
        (device + "rid=0x50 addr=0x1 r----- pasid=0x2 index=0x1", "pasid"),
        (device + "rid=0x50 addr=0x1 r---- pasid=2 index=0x1", "pasid"),
        (device + "rid=0x50 addr=0x1 r---- pasid=0x index=0x1", "PASID"),
        (device + "rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1 reason=1", "private"),
        (device + "rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1 private=0x1", "private"),
        (device + "rid=0x50 addr=0x1 r---- pasid=0x2", "index"),
        ("dmar0/0000:00:0a.0 seq# x: rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1", "sequence"),
        ("dmar0/00:0a.0 seq# 1: rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1", "PCI device"),
        ("dmar0/0000:00:20.0 seq# 1: rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1", "PCI device"),
        ("dmar0/0000:00:0a.8 seq# 1: rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1", "PCI device"),
        ("no slash", "UNIT/DEVICE"),
    ])
    func inventedPageRequests(_ payload: String, _ word: String) throws {
        let error = try #require(refusal(Sample.pageRequest(payload)))
        #expect(error.kind == .badLine)
        #expect(error.description.hasPrefix("sample.txt:1: expected"))
        #expect(error.reason.contains(word), "\(error)")
    }

    @Test(arguments: [
        ("IOMMU:drv 0000:05:00.0 iova=0x0000000091482640 flags=0x0002", "flags"),
        ("IOMMU:drv 0000:05:00.0 iova=0x0000000091482640 flags=0x0000 pasid=1", "end of the line"),
        ("IOMMU:drv 0000:05:00.0 iova=0x10000000091482640 flags=0x0000", "64 bits"),
        ("IOMMU:drv virtio0 iova=0x1000 flags=0x0000", "PCI device"),
        ("drv 0000:05:00.0 iova=0x1000 flags=0x0000", "IOMMU:DRIVER"),
    ])
    func inventedDMAFaults(_ payload: String, _ word: String) throws {
        let error = try #require(
            refusal("  irq/24-AMD-Vi-48  [002] ....  978.554289: io_page_fault: \(payload)\n"))
        #expect(error.reason.contains(word), "\(error)")
    }

    @Test(arguments: [
        ("address=__per_cpu_start ip=0x1 error_code=0x4", "kernel symbol"),
        ("address=0x1000+0x10 ip=0x1 error_code=0x4", "ip="),
        ("address=0x12345678123456789 ip=0x1 error_code=0x4", "64 bits"),
        ("address=0x ip=0x1 error_code=0x4", "address=0x"),
        ("address=0x1000 ip=0x1 error_code=4", "error_code=0x"),
        ("address=0x1000 ip=0x1 error_code=0x", "error_code=0x"),
        ("address=0x1000 ip= error_code=0x4", "ip="),
        ("address=0x1000 ip=0x1", "error_code"),
        ("addr=0x1000 ip=0x1 error_code=0x4", "address=0x"),
    ])
    func badPageFaults(_ payload: String, _ word: String) throws {
        let error = try #require(
            refusal(" a  1/1 [000] 1.000000001: exceptions:page_fault_user: \(payload)\n"))
        #expect(error.reason.contains(word), "\(error)")
    }

    @Test(arguments: [
        ("no frame at all", "COMM PID/TID"),
        (" a  1/1 [000] 1.0001: page_fault_user: ", "6 or 9 digits"),
        (" a-1 [000] ...... 1.000001: page_fault_user: ", "4 or 5 flag"),
        (" a-1 [000] ... 1.000001: page_fault_user: ", "4 or 5 flag"),
        (" a-1 [000] !!!! 1.000001: page_fault_user: ", "COMM PID/TID"),
        (" a-1 [000] .... 12345: page_fault_user: ", "COMM PID/TID"),
        (" 1/1 [000] 1.000001: page_fault_user: ", "before the CPU"),
        (" -1 [000] 1.000001: page_fault_user: ", "before the CPU"),
        (" a -1 [000] 1.000001: page_fault_user: ", "before the CPU"),
        (" a  1/99999999999 [000] 1.000001: page_fault_user: ", "before the CPU"),
        (" a-1 (x) [000] 1.000001: page_fault_user: ", "before the CPU"),
        (" a 1 (22) [000] 1.000001: page_fault_user: ", "before the CPU"),
        (" a 1 [000] 99999999999.000001: page_fault_user: ", "COMM PID/TID"),
        (" a 1 [000] 18446744073.709551616: page_fault_user: ", "a time of 64 bits"),
        (" a 1 [000] 1.000001: sched:sched_switch: ", "sched:sched_switch"),
        (" a 1 [000] 1.000001: iommu:page_fault_user: ", "iommu:page_fault_user"),
        (" a 1 [000] 1.000001: exceptions:page_fault_users: ", "expected the event"),
        (" a 1 [000] 1.000001: page_fault_user:", "expected the event"),
    ])
    func badFrames(_ head: String, _ word: String) throws {
        let error = try #require(refusal("\(head)address=0x1000 ip=0x1 error_code=0x4\n"))
        #expect(error.reason.contains(word), "\(error)")
    }

    @Test func kindsFormsAndSegmentsDoNotMix() throws {
        let kinds = try #require(refusal(Sample.ftrace + Sample.dmaFaults))
        #expect(kinds.line == 9 && kinds.reason.contains("import them apart"), "\(kinds)")
        let forms = try #require(refusal(Sample.ftrace + Sample.perfWithProcess))
        #expect(forms.line == 9 && forms.reason.contains("in line 7"), "\(forms)")
        let tail = " seq# 1: rid=0x50 addr=0x1 r---- pasid=0x2 index=0x1"
        let segments = try #require(
            refusal(
                Sample.pageRequest("dmar0/0000:00:0a.0\(tail)")
                    + Sample.pageRequest("dmar1/10000:00:0a.0\(tail)")))
        #expect(segments.line == 2 && segments.reason.contains("segment 10000"), "\(segments)")
    }

    @Test func timeThatGoesBack() throws {
        let text = Sample.fault(seconds: "5.000000000") + Sample.fault(seconds: "4.998999999")
        let error = try #require(refusal(text))
        #expect(error.line == 2 && error.reason.contains("1000001 ns before"), "\(error)")
    }

    @Test func emptyAndCutText() throws {
        #expect(refusal("")?.kind == .notATrace)
        #expect(refusal("# only\n\n# headers\n")?.reason.contains("in 3 lines") == true)
        // Without the newline the error code could be the beginning of a longer one.
        let cut = try #require(refusal(String(Sample.perfWithProcess.dropLast())))
        #expect(cut.line == 3 && cut.reason.contains("newline"), "\(cut)")
        for length in 1..<Sample.perfWithProcess.utf8.count {
            let part = String(Sample.perfWithProcess.prefix(length))
            guard part.last != "\n" else { continue }
            #expect(refusal(part) != nil)
        }
    }

    @Test(arguments: [1, 1000, 65536, 1 << 20])
    func longLinesAreBounded(_ pieceSize: Int) throws {
        let good = Sample.fault()
        let limit = ImportOptions.lineLimit
        for (length, isTooLong) in [(limit, false), (limit + 1, true), (3 * limit, true)] {
            guard pieceSize > 1 || length < 2 * limit else { continue }
            let padding = String(repeating: " ", count: length - good.utf8.count + 1)
            let text = Array((good + padding + good + good).utf8)
            var options = ImportOptions()
            if isTooLong {
                #expect(throws: TraceError.self) {
                    try imported(text, pieceSize: pieceSize, options)
                }
            }
            options.skipsBadLines = true
            let trace = try imported(text, pieceSize: pieceSize, options)
            #expect(trace.events.count == (isTooLong ? 2 : 3))
            #expect(trace.skippedLineCount == (isTooLong ? 1 : 0))
        }
        var endless = [UInt8](repeating: UInt8(ascii: "x"), count: 2 * limit)
        endless += Array(good.utf8.dropLast())
        #expect(throws: TraceError.self) { try imported(endless, pieceSize: pieceSize) }
    }

    @Test func skippingCountsAndNamesTheFirst() throws {
        var options = ImportOptions()
        options.skipsBadLines = true
        let text =
            Sample.fault() + "junk\n" + " a 1 [000] 1.000001: sched:sched_switch: prev_comm=x\n"
            + Sample.dmaFaults + Sample.fault() + "  cut  1/1 [0"
        let trace = try imported(text, options)
        #expect(trace.events.count == 2)
        #expect(trace.skippedLineCount == 5)
        #expect(trace.firstSkippedLine?.hasPrefix("line 2: expected 'COMM") == true)
        let nothing = try #require(refusal("junk\nmore junk\n", options))
        #expect(nothing.reason.contains("2 bad lines skipped"), "\(nothing)")
    }

    /// Whatever the input holds, the message is one line of bounded length.
    @Test func messagesAreOneLine() throws {
        let hostile = "\u{1B}[31m red \r\u{0} \u{2028}\u{85} " + String(repeating: "y", count: 5000)
        let error = try #require(refusal(hostile + "\n"))
        #expect(error.description.unicodeScalars.count < 700)
        #expect(
            error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
        #expect(!error.description.contains("\u{85}") && !error.description.contains("\u{2028}"))
        let name = TraceError(.system, file: "a\nb", "gone")
        #expect(name.description == "a\u{FFFD}b: gone")
    }
}
