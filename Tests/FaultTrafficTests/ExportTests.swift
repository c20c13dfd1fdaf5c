import FaultModel
import Testing

@testable import FaultTraffic

@Suite struct ExportTests {
    private func synthetic(_ count: Int) throws -> Trace {
        var configuration = SyntheticTraffic.Configuration()
        configuration.seed = testSeed
        configuration.deviceCount = 5
        configuration.pasidCount = 40
        configuration.groupSize = .uniform(1...6)
        configuration.openGroupCount = 12
        configuration.arrivals = .uniform(perSecond: 1e6)
        configuration.accessMix = .init(read: 1, write: 1, readWrite: 1, readExecute: 1)
        return try SyntheticTraffic(configuration).trace(name: "made", count: count)
    }

    @Test(arguments: TraceText.Frame.allCases)
    func pageRequestsComeBack(_ frame: TraceText.Frame) throws {
        let trace = try synthetic(500)
        let text = try TraceText.events(trace, frame: frame)
        #expect(try imported(text, pieceSize: 999).events == trace.events)
    }

    @Test(arguments: TraceText.Frame.allCases)
    func dmaFaultsAndPrivateDataComeBack(_ frame: TraceText.Frame) throws {
        let faults = try imported(Sample.dmaFaults)
        #expect(
            try imported(TraceText.events(faults, frame: frame), pieceSize: 99).events
                == faults.events)
        var event = try synthetic(1).events[0]
        event.request.privateData1 = .max
        let trace = Trace(name: "", source: "", traceClass: .pageRequest, events: [event])
        #expect(
            try imported(TraceText.events(trace, frame: frame), pieceSize: 99).events == [event])
    }

    @Test func perfKeepsNanosecondsAndFtraceMicroseconds() throws {
        let trace = try imported(Sample.perfWithProcess)
        let perf = try imported(TraceText.events(trace, frame: .perf), pieceSize: 99)
        #expect(perf.events == trace.events)
        let ftrace = try imported(TraceText.events(trace, frame: .ftrace), pieceSize: 99)
        #expect(ftrace.events.map(\.arrivalNs) == [0, 7000, 9000])
    }

    /// Every time that a trace can hold, its text can.
    @Test func theLatestTimeComesBack() throws {
        var events = try synthetic(2).events
        events[0].arrivalNs = 0
        events[1].arrivalNs = .max
        let trace = Trace(name: "", source: "", traceClass: .pageRequest, events: events)
        let text = try TraceText.events(trace, frame: .perf)
        #expect(try imported(text, pieceSize: 99).events == events)
    }

    @Test func textLooksAsTheKernelPrintsIt() throws {
        let trace = try imported(Sample.mailedPageRequests)
        let text = String(decoding: try TraceText.events(trace, frame: .perf), as: UTF8.self)
        #expect(
            text.split(separator: "\n")[1]
                == "     irq/24-dmar0    48/48    [000]     0.000001000: intel_iommu:prq_report: "
                + "dmar0/0000:00:0a.0 seq# 1: rid=0x50 addr=0x559ef6f9c rw--l pasid=0x2 index=0x1")
    }

    @Test func whatTheTracepointCannotSayIsRefused() throws {
        func refused(_ pasid: PASID?, _ needs: Bool, _ wanted: Permissions, _ kind: TraceClass)
            -> Bool
        {
            let request = PageRequest(
                requester: RequesterID(8), pasid: pasid, index: PRGIndex(0)!, address: 0,
                permissions: wanted, isLast: true, responseNeedsPASID: needs)
            let trace = Trace(
                name: "", source: "", traceClass: kind,
                events: [TrafficEvent(arrivalNs: 0, request: request)])
            return line { _ = try TraceText.events(trace) } != nil
        }
        #expect(refused(PASID(0), true, .read, .pageRequest))
        #expect(refused(PASID(1), false, .read, .pageRequest))
        #expect(refused(nil, true, .read, .pageRequest))
        #expect(!refused(PASID(1), true, .read, .pageRequest))
        #expect(!refused(nil, false, .read, .pageRequest))
        #expect(refused(nil, false, [.read, .write], .dmaFault))
        #expect(refused(PASID(1), false, .read, .dmaFault))
        #expect(!refused(nil, false, .write, .dmaFault))
    }

    @Test func csvHasOneLinePerEvent() throws {
        let trace = try imported(Sample.mailedPageRequests)
        let lines = String(decoding: TraceText.csv(trace), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[0] == "arrival_ns,requester,pasid,index,address,permissions,last")
        #expect(lines[2] == "1000,00:0a.0,2,1,0x559ef6f9c000,rw,1")
        let fault = String(
            decoding: TraceText.csv(try imported(Sample.dmaFaults)), as: UTF8.self)
        #expect(fault.hasSuffix("199653000,c2:00.0,,0,0xfe980000,w,1\n"))
        let folder = try TemporaryFolder()
        try TraceText.write(TraceText.csv(trace), to: folder.path + "/t.csv")
        #expect(throws: TraceError.self) { try TraceText.write([], to: folder.path + "/t.csv") }
    }
}
