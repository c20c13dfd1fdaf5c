import FaultModel
import Testing

@testable import FaultTraffic

@Suite struct TextImportTests {
    @Test func perfWithProcessIDs() throws {
        let trace = try imported(Sample.perfWithProcess)
        #expect(trace.traceClass == .pageRequest)
        #expect(trace.hasRecordedTimes)
        #expect(trace.name == "sample")
        #expect(trace.events.map(\.arrivalNs) == [0, 7084, 9598])
        let requests = trace.events.map(\.request)
        #expect(requests.map(\.address) == [0x7f27_3f4f_5000, 0x7f27_3f50_e000, 0x7faf_1b92_7000])
        // Two threads of one process, and one of another.
        #expect(requests.map(\.pasid) == [PASID(1), PASID(1), PASID(2)])
        #expect(requests.map(\.requester.rawValue) == [1, 2, 3])
        #expect(requests.map(\.permissions) == [[.read, .execute], .write, .read])
        #expect(requests.allSatisfy { $0.isLast && $0.responseNeedsPASID })
    }

    @Test func perfWithThreadIDsAndSymbolicPointers() throws {
        let trace = try imported(Sample.perfWithThread)
        #expect(trace.events.map(\.arrivalNs) == [0, 50_000, 748_000])
        #expect(trace.events.map(\.request.pasid) == [PASID(1), PASID(1), PASID(2)])
        #expect(trace.events.map(\.request.permissions) == [.write, [.read, .execute], .read])
    }

    @Test func ftraceWithFourAndFiveFlags() throws {
        let trace = try imported(Sample.ftrace)
        #expect(trace.events.map(\.arrivalNs) == [0, 259_000])
        #expect(trace.events.map(\.request.address) == [0x55e9_fe97_e000, 0x7f94_e0e0_b000])
        #expect(trace.events.map(\.request.permissions) == [.write, .write])
    }

    @Test func ftraceWithThreadGroups() throws {
        let trace = try imported(
            """
                        bash-9193    (   9190) [000] d....  1075.254055: page_fault_user: \
            address=0x1000 ip=0x1 error_code=0x7
                        bash-9194    (   9190) [000] d....  1075.254056: page_fault_user: \
            address=0x2000 ip=0x1 error_code=0x7
                        bash-9195    (-------) [000] d....  1075.254057: page_fault_user: \
            address=0x2000 ip=0x1 error_code=0x7

            """)
        #expect(trace.events.map(\.request.pasid) == [PASID(1), PASID(1), PASID(2)])
        #expect(trace.events.map(\.request.requester.rawValue) == [1, 2, 3])
    }

    @Test func traceCmdReportHasNoFlags() throws {
        let trace = try imported(
            """
                      bash-9193  [000]  1075.254055: page_fault_user:      address=0x1000 ip=0x1 \
            error_code=0x7

            """)
        #expect(trace.events.map(\.request.address) == [0x1000])
    }

    /// The name of a thread may look like any part of a line.
    @Test(arguments: [
        "GC Thread#0", "irq/24-AMD-Vi", "a:b: c", "kworker/0:1-ev", "[001]", "x [1] 2.5: y:", "#x",
        "12/34", "99", "-", "..", ")", "tab\there", "[000] 1.000000:",
    ])
    func hostileThreadNames(_ comm: String) throws {
        let perf = try imported(Sample.fault(comm: comm, process: 7, thread: 8))
        #expect(perf.events.map(\.request.address) == [0x1000])
        let short = " \(comm)  8 [000] 1.000001: exceptions:page_fault_user: "
        #expect(try imported("\(short)address=0x5000 ip=0x1 error_code=0x4\n").events.count == 1)
        let ftrace = " \(comm)-8  [000] d.... 1.000001: page_fault_user: "
        #expect(try imported("\(ftrace)address=0x5000 ip=0x1 error_code=0x4\n").events.count == 1)
    }

    @Test func mailedPageRequestsHaveNoTimes() throws {
        let trace = try imported(Sample.mailedPageRequests)
        #expect(!trace.hasRecordedTimes)
        #expect(trace.events.map(\.arrivalNs) == [0, 1000, 2000, 3000])
        let requests = trace.events.map(\.request)
        #expect(requests.map(\.requester.description) == Array(repeating: "00:0a.0", count: 4))
        #expect(requests.map(\.address).prefix(2) == [0x5_59ef_6f97_000, 0x5_59ef_6f9c_000])
        #expect(requests.map(\.permissions).prefix(2) == [.read, [.read, .write]])
        #expect(requests.map(\.isLast) == [false, true, false, true])
        #expect(requests.allSatisfy { $0.pasid == PASID(2) && $0.index == PRGIndex(1) })
        #expect(trace.summary.groupSizes == [2: 2])
    }

    @Test func pageRequestsOfOldAndNewKernels() throws {
        let payload = "dmar0/0000:6a:01.0 seq# "
        let rest = ": rid=0x6a08 addr=0xfffffffffffff rwxpl pasid=0xfffff index=0x1ff"
        let old = Sample.pageRequest("\(payload)1\(rest) private=0x12/0xab") + "\n"
        let oldTrace = try imported(old + old)
        #expect(oldTrace.events.count == 2)
        let request = oldTrace.events[0].request
        #expect(request.privateData0 == 0x12 && request.privateData1 == 0xab)
        #expect(request.address == 0xffff_ffff_ffff_f000)
        #expect(request.permissions.rawValue == 15 && request.isLast)
        #expect(request.pasid == .max && request.index == .max)
        let new = try imported(Sample.pageRequest("\(payload)-5\(rest)"))
        #expect(new.events[0].request.requester.rawValue == 0x6a08)
        let perf =
            "  irq/24-dmar0  48/48 [000] 5.000000001: intel_iommu:prq_report: \(payload)0\(rest)\n"
        #expect(try imported(perf).events[0].request.index == .max)
    }

    @Test func aPASIDOfZeroIsNone() throws {
        let trace = try imported(
            Sample.pageRequest(
                "dmar0/0000:00:0a.0 seq# 0: rid=0x50 addr=0x1 r---l pasid=0x0 index=0x0"))
        #expect(trace.events[0].request.pasid == nil)
        #expect(!trace.events[0].request.responseNeedsPASID)
    }

    @Test func dmaFaults() throws {
        let trace = try imported(Sample.dmaFaults)
        #expect(trace.traceClass == .dmaFault)
        #expect(trace.events.map(\.arrivalNs) == [0, 199_653_000])
        let requests = trace.events.map(\.request)
        #expect(requests.map(\.requester.description) == ["05:00.0", "c2:00.0"])
        #expect(requests.map(\.address) == [0x9148_2000, 0xfe98_0000])
        #expect(requests.map(\.permissions) == [.read, .write])
        #expect(requests.allSatisfy { $0.pasid == nil && $0.isLast && $0.index == PRGIndex(0) })
    }

    /// However the text is cut into pieces, the trace is the same.
    @Test(arguments: [1, 2, 3, 7, 64, 150, 4096])
    func piecesOfAnySize(_ size: Int) throws {
        for sample in [Sample.perfWithProcess, Sample.ftrace, Sample.mailedPageRequests] {
            let whole = try imported(sample)
            #expect(try imported(Array(sample.utf8), pieceSize: size) == whole)
        }
    }

    @Test func smallReorderingIsSorted() throws {
        let text =
            Sample.fault(thread: 1, seconds: "1.000000900") + Sample.fault(seconds: "1.000000100")
            + Sample.fault(thread: 2, seconds: "1.000000100")
        let trace = try imported(text)
        #expect(trace.events.map(\.arrivalNs) == [0, 0, 800])
        #expect(trace.events.map(\.request.requester.rawValue) == [1, 2, 3])
        var options = ImportOptions()
        options.reorderToleranceNs = 799
        #expect(refusal(text, options)?.line == 2)
        options.reorderToleranceNs = 800
        #expect(refusal(text, options) == nil)
    }

    @Test func windowsLineEndsAndHeadersArePassedOver() throws {
        let text = "# header\r\n\r\n" + Sample.fault().dropLast() + "\r\n|\n"
        #expect(try imported(String(text)).events.count == 1)
    }
}

@Suite struct FaultMappingTests {
    private func faults(_ rows: [(process: Int, thread: Int, atNs: Int)]) -> String {
        rows.map { row in
            let digits = String(1_000_000_000 + row.atNs).dropFirst()
            return Sample.fault(
                process: row.process, thread: row.thread, seconds: "5.\(digits)")
        }.joined()
    }

    @Test func ownersOfPASIDAndRequester() throws {
        let text = faults([(1, 1, 0), (1, 2, 1), (3, 3, 2), (1, 1, 3)])
        var options = ImportOptions()
        options.pasidOwner = .thread
        options.requesterOwner = .threadGroup
        let trace = try imported(text, options)
        #expect(trace.events.map(\.request.pasid?.rawValue) == [1, 2, 3, 1])
        #expect(trace.events.map(\.request.requester.rawValue) == [1, 1, 2, 1])
    }

    @Test func groupsEndBySizeAndByWindow() throws {
        var options = ImportOptions()
        options.groupSize = 3
        options.groupWindowNs = 100
        // Four in the window: three and one. Then one exactly at the window's end, one beyond.
        let rows = [0, 10, 20, 30, 130, 131, 300].map { (process: 1, thread: 1, atNs: $0) }
        let trace = try imported(faults(rows), options)
        #expect(
            trace.events.map(\.request.isLast) == [false, false, true, false, true, true, true])
        #expect(trace.events.map(\.request.index.rawValue) == [0, 0, 0, 1, 1, 2, 3])
        #expect(trace.summary.groupSizes == [1: 2, 2: 1, 3: 1])
    }

    @Test func groupsOfDifferentRequestersInterleave() throws {
        var options = ImportOptions()
        options.groupSize = 2
        let trace = try imported(
            faults([(1, 1, 0), (1, 2, 1), (1, 1, 2), (1, 2, 3), (1, 1, 4)]), options)
        #expect(trace.events.map(\.request.isLast) == [false, false, true, true, true])
        #expect(trace.events.map(\.request.index.rawValue) == [0, 0, 0, 0, 1])
    }

    @Test func aChangeOfPASIDEndsTheGroup() throws {
        var options = ImportOptions()
        options.groupSize = 8
        options.pasidOwner = .thread
        options.requesterOwner = .threadGroup
        let trace = try imported(faults([(1, 1, 0), (1, 2, 1), (1, 2, 2)]), options)
        #expect(trace.events.map(\.request.isLast) == [true, false, true])
        #expect(trace.events.map(\.request.index.rawValue) == [0, 1, 1])
    }

    @Test func indexesGoRoundAfter511() throws {
        let rows = (0..<514).map { (process: 1, thread: 1, atNs: $0) }
        let indexes = try imported(faults(rows)).events.map(\.request.index.rawValue)
        #expect(indexes.suffix(3) == [511, 0, 1])
    }

    @Test func moreThreadsThanRequestersAreRefused() throws {
        var text = ""
        text.reserveCapacity(70000 * 110)
        for thread in 1...65536 { text += Sample.fault(process: 1, thread: thread) }
        #expect(refusal(text)?.line == 65536)
        var options = ImportOptions()
        options.requesterOwner = .threadGroup
        let trace = try imported(text, options)
        #expect(trace.summary.deviceCount == 1)
    }
}
