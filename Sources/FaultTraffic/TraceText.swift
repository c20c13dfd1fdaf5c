import FaultModel

/// Traces as text that other tools read, and that `TraceReader` reads back.
public enum TraceText {
    /// What stands before an event's payload.
    public enum Frame: String, Sendable, CaseIterable {
        /// As `perf script --ns -F comm,pid,tid,cpu,time,event,trace`; keeps nanoseconds.
        case perf
        /// As the kernel's `trace` file; cuts times to microseconds.
        case ftrace
    }

    /// Events as the kernel's tracepoints print them: `intel_iommu:prq_report` for page requests
    /// (with private data where it is not zero), `iommu:io_page_fault` for DMA faults.
    ///
    /// Times count from 0. Reading back makes the first event's time the start of the stream.
    ///
    /// - Throws: `.notRepresentable` for what the tracepoint has no words for: a PASID of 0, a
    ///   PASID that the answer does not repeat, or a DMA fault that is not one read or one write.
    public static func events(
        _ trace: Trace, frame: Frame = .perf, file: String = "trace"
    ) throws(TraceError) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(trace.events.count * 140)
        if frame == .ftrace { text += Array("# tracer: nop\n#\n".utf8) }
        for (position, event) in trace.events.enumerated() {
            let payload: String
            do throws(LineProblem) {
                payload =
                    switch trace.traceClass {
                    case .pageRequest: try pageRequest(event.request, sequence: position)
                    case .dmaFault: try dmaFault(event.request)
                    }
            } catch {
                throw TraceError(
                    .notRepresentable, file: file, "event \(position): \(error.reason)")
            }
            text += Array(head(event.arrivalNs, frame, trace.traceClass).utf8)
            text += Array(payload.utf8)
            text.append(10)
        }
        return text
    }

    /// One line per event after a header line:
    /// `arrival_ns,requester,pasid,index,address,permissions,last`. The PASID is decimal, or empty
    /// where the request has none; permissions are letters of `rwxp`; last is 0 or 1.
    public static func csv(_ trace: Trace) -> [UInt8] {
        var text = Array("arrival_ns,requester,pasid,index,address,permissions,last\n".utf8)
        text.reserveCapacity(trace.events.count * 56)
        for event in trace.events {
            let request = event.request
            let pasid = request.pasid.map { String($0.rawValue) } ?? ""
            let letters = String(flagLetters(request).prefix(4).filter { $0 != "-" })
            text += Array(
                """
                \(event.arrivalNs),\(request.requester),\(pasid),\(request.index),\
                0x\(hex(request.address)),\(letters),\(request.isLast ? 1 : 0)\n
                """.utf8)
        }
        return text
    }

    /// Writes text whole or not at all, as `TraceFile.write`.
    public static func write(
        _ text: [UInt8], to path: String, replacing: Bool = false
    ) throws(TraceError) {
        try AtomicFile.write(text, to: path, replacing: replacing)
    }

    private static func head(_ timeNs: UInt64, _ frame: Frame, _ kind: TraceClass) -> String {
        let seconds = padded(String(timeNs / 1_000_000_000), 5)
        let restNs = timeNs % 1_000_000_000
        let event = kind == .pageRequest ? "prq_report" : "io_page_fault"
        switch frame {
        case .perf:
            let system = kind == .pageRequest ? "intel_iommu" : "iommu"
            return
                "     irq/24-dmar0    48/48    [000] \(seconds).\(padded(String(restNs), 9, "0"))"
                + ": \(system):\(event): "
        case .ftrace:
            return "     irq/24-dmar0-48      [000] ..... "
                + "\(seconds).\(padded(String(restNs / 1000), 6, "0")): \(event): "
        }
    }

    private static func pageRequest(
        _ request: PageRequest, sequence: Int
    ) throws(LineProblem) -> String {
        guard request.pasid?.rawValue != 0 else {
            throw LineProblem("expected a PASID above 0, since prq_report prints 0 for none")
        }
        guard request.responseNeedsPASID == request.hasPASID else {
            throw LineProblem("expected the answer to need a PASID exactly where there is one")
        }
        let hasPrivateData = request.privateData0 | request.privateData1 != 0
        let privateData =
            hasPrivateData
            ? " private=0x\(hex(request.privateData0))/0x\(hex(request.privateData1))" : ""
        return "dmar0/\(device(request.requester)) seq# \(sequence): "
            + "rid=0x\(hex(request.requester.rawValue)) addr=0x\(hex(request.address >> 12)) "
            + "\(flagLetters(request)) pasid=0x\(hex(request.pasidBits.rawValue)) "
            + "index=0x\(hex(request.index.rawValue))\(privateData)"
    }

    private static func dmaFault(_ request: PageRequest) throws(LineProblem) -> String {
        guard !request.hasPASID, request.permissions == .read || request.permissions == .write
        else { throw LineProblem("expected a read or a write without a PASID") }
        return "IOMMU:fqbench \(device(request.requester)) "
            + "iova=0x\(padded(hex(request.address), 16, "0")) "
            + "flags=0x\(request.permissions == .write ? "0001" : "0000")"
    }

    private static func device(_ requester: RequesterID) -> String { "0000:\(requester)" }

    private static func flagLetters(_ request: PageRequest) -> String {
        let wanted = request.permissions
        return (wanted.contains(.read) ? "r" : "-") + (wanted.contains(.write) ? "w" : "-")
            + (wanted.contains(.execute) ? "x" : "-") + (wanted.contains(.privileged) ? "p" : "-")
            + (request.isLast ? "l" : "-")
    }

    private static func hex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }

    private static func padded(
        _ text: String, _ width: Int, _ fill: Character = " "
    ) -> String {
        String(repeating: fill, count: max(0, width - text.utf8.count)) + text
    }
}
